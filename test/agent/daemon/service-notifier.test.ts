import { join } from 'node:path';
import test from 'ava';
import { serviceNotifier } from '../../../agent/daemon/service-notifier.ts';
import { systemCalls } from '../../../agent/capture/live/system-calls.ts';
import { temporaryDirectory } from '../../aggregator/collector-fixture.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

/** A socket as systemd has it; `path` begins with a zero byte for an abstract name. */
function listen(path: Buffer): { receive(): string | null; close(): void } {
  const calls = systemCalls();
  const descriptor = calls.socket(AF_UNIX, SOCK_DGRAM, 0);
  const address = Buffer.concat([Buffer.from(new Uint16Array([AF_UNIX]).buffer), path]);
  if (calls.bind(descriptor, address, address.length) !== 0) throw new Error(`bind: errno ${calls.koffi.errno()}`);
  const buffer = Buffer.alloc(4096);
  return {
    receive: () => {
      const length = calls.recv(descriptor, buffer, buffer.length, MSG_DONTWAIT);
      return length < 0 ? null : buffer.toString('utf8', 0, length);
    },
    close: () => void calls.close(descriptor),
  };
}

test('statements come as datagrams, to a path and to an abstract name', (t) => {
  const path = join(temporaryDirectory(t), 'notify');
  const abstract = `weir-test-${process.pid}`;
  for (const [socket, name] of [[Buffer.from(`${path}\0`), path], [Buffer.from(`\0${abstract}`), `@${abstract}`]] as const) {
    const manager = listen(socket);
    const notifier = serviceNotifier({ NOTIFY_SOCKET: name, WATCHDOG_USEC: '60000000' }, () => t.fail());
    t.is(notifier.watchdogMs, 60_000);
    notifier.notify('READY=1\nSTATUS=fine');
    t.is(manager.receive(), 'READY=1\nSTATUS=fine');
    notifier.notify('WATCHDOG=1');
    t.is(manager.receive(), 'WATCHDOG=1');
    manager.close();
    t.notThrows(() => notifier.notify('STOPPING=1'), 'nobody listens any more');
  }
});

test('without a service manager nothing is said', (t) => {
  for (const environment of [{}, { NOTIFY_SOCKET: '' }, { NOTIFY_SOCKET: 'relative' }, { NOTIFY_SOCKET: `/${'x'.repeat(200)}` }]) {
    const notifier = serviceNotifier(environment, () => t.fail());
    t.is(notifier.watchdogMs, null);
    t.notThrows(() => notifier.notify('READY=1'));
  }
});

test('a watchdog of another process is not ours', (t) => {
  t.is(serviceNotifier({ NOTIFY_SOCKET: '/nowhere', WATCHDOG_USEC: '1000', WATCHDOG_PID: '1' }, () => {}).watchdogMs, null);
});
