/** Interfaces that come, go and change, seen through netlink and through /sys. */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { InterfaceWatch, type InterfaceEvent, type InterfaceWatchOptions } from '../../../../agent/capture/live/interface-watch.ts';
import { NetlinkLinks } from '../../../../agent/capture/live/netlink-links.ts';
import { SysfsLinks } from '../../../../agent/capture/live/sysfs-links.ts';
import { NetworkNamespace } from '../../../netns/network-namespace.ts';

/** Events as lines, which can be waited for. */
class EventLog {
  readonly lines: string[] = [];
  private wanted: { count: number; resolve: () => void } | null = null;

  readonly add = ({ kind, link, previousName }: InterfaceEvent): void => {
    this.lines.push([kind, previousName, link.name].filter(Boolean).join(' '));
    if (this.wanted !== null && this.lines.length >= this.wanted.count) this.wanted.resolve();
  };

  async next(count: number): Promise<string[]> {
    if (this.lines.length < count) {
      const timer = setTimeout(() => this.wanted?.resolve(), 60_000);
      await new Promise<void>((resolve) => (this.wanted = { count, resolve }));
      clearTimeout(timer);
    }
    return this.lines.splice(0);
  }
}

async function watching(t: ExecutionContext, namespace: NetworkNamespace, options: InterfaceWatchOptions = {}): Promise<{ log: EventLog; watch: InterfaceWatch }> {
  const log = new EventLog();
  const watch = new InterfaceWatch(log.add, options);
  await namespace.within(() => watch.start());
  t.teardown(() => watch.stop());
  return { log, watch };
}

function fresh(t: ExecutionContext): NetworkNamespace {
  const namespace = new NetworkNamespace();
  t.teardown(() => namespace.remove());
  return namespace;
}

test.serial('netlink: what there is, what comes, changes and goes', async (t) => {
  const namespace = fresh(t);
  namespace.ip('link', 'add', 'old0', 'type', 'veth', 'peer', 'name', 'old1');
  const { log, watch } = await watching(t, namespace);
  t.deepEqual(log.lines.splice(0).sort(), ['appeared lo', 'appeared old0', 'appeared old1']);

  namespace.ip('link', 'add', 'tap0', 'address', '02:00:00:00:00:09', 'type', 'veth', 'peer', 'name', 'tap1');
  t.deepEqual((await log.next(2)).sort(), ['appeared tap0', 'appeared tap1']);
  const tap = watch.links.find((link) => link.name === 'tap0')!;
  t.like(tap, { mac: '02:00:00:00:00:09', up: false, hardwareType: 1 });
  namespace.ip('link', 'set', 'tap0', 'up');
  t.deepEqual(await log.next(1), ['up tap0']);
  namespace.ip('link', 'set', 'tap0', 'address', '02:00:00:00:00:0a');
  t.deepEqual(await log.next(1), ['changed-mac tap0']);
  namespace.ip('link', 'set', 'tap0', 'down');
  t.deepEqual(await log.next(1), ['down tap0']);
  namespace.ip('link', 'set', 'tap0', 'name', 'tap9');
  t.deepEqual(await log.next(1), ['renamed tap0 tap9']);
  namespace.ip('link', 'del', 'tap9');
  t.deepEqual((await log.next(2)).sort(), ['vanished tap1', 'vanished tap9']);
  t.deepEqual(watch.links.map((link) => link.name).sort(), ['lo', 'old0', 'old1']);
});

test.serial('netlink: replaced under the same name', async (t) => {
  const namespace = fresh(t);
  namespace.ip('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth1');
  const { log, watch } = await watching(t, namespace);
  const before = watch.links.find((link) => link.name === 'eth0')!.ifindex;
  log.lines.length = 0;
  namespace.ip('link', 'del', 'eth0');
  namespace.ip('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth1');
  const lines = await log.next(4);
  t.deepEqual(lines.filter((line) => line.endsWith('eth0')), ['vanished eth0', 'appeared eth0']);
  t.not(watch.links.find((link) => link.name === 'eth0')!.ifindex, before);
});

test.serial('netlink: a port that leaves its bridge stays an interface', async (t) => {
  const namespace = fresh(t);
  namespace.ip('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth1');
  namespace.ip('link', 'add', 'br0', 'type', 'bridge');
  const { log } = await watching(t, namespace);
  log.lines.length = 0;
  namespace.ip('link', 'set', 'eth0', 'master', 'br0');
  namespace.ip('link', 'set', 'eth0', 'nomaster');
  namespace.ip('link', 'set', 'eth0', 'up');
  const lines = await log.next(1);
  t.false(lines.some((line) => line.startsWith('vanished')), lines.join(', '));
  t.true(lines.includes('up eth0'));
});

test.serial('netlink: more news than room, and still the right list', async (t) => {
  const namespace = fresh(t);
  const { log, watch } = await watching(t, namespace);
  // this thread waits for each program, so that the news pile up unread
  for (let round = 0; round < 12; round++) {
    namespace.run('sh', '-c', `for i in $(seq 10); do ip link add v${round}x$i type veth peer name w${round}x$i; done; for i in $(seq 10); do ip link del v${round}x$i; done`);
  }
  namespace.ip('link', 'add', 'last0', 'type', 'veth', 'peer', 'name', 'last1');
  for (let tries = 0; tries < 100 && !watch.links.some((link) => link.name === 'last0'); tries++) await log.next(log.lines.length + 1);
  t.deepEqual(watch.links.map((link) => link.name).sort(), ['last0', 'last1', 'lo']);
});

test.serial('netlink: started and stopped 50 times, nothing is left', async (t) => {
  const namespace = fresh(t);
  const round = async (): Promise<void> => {
    const watch = new InterfaceWatch(() => {});
    await namespace.within(() => watch.start());
    await watch.stop();
  };
  await round();
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 50; i++) await round();
  t.is(readdirSync('/proc/self/fd').length, before);
});

test.serial('netlink: counters and questions', async (t) => {
  const namespace = fresh(t);
  namespace.run('ping', '-q', '-c', '2', '-i', '0.002', '127.0.0.1');
  const [link, all] = await namespace.within(() => [new NetlinkLinks().read('lo'), new NetlinkLinks().readAll()]);
  t.like(link, { name: 'lo', ifindex: 1, hardwareType: 772, up: true, counters: { rxPackets: 4, txPackets: 4, rxBytes: 4 * 84, txBytes: 4 * 84 } });
  t.deepEqual(all.map(({ name }) => name), ['lo']);
  for (const name of ['nothing', '', 'a-name-of-more-than-15-bytes']) t.is(new NetlinkLinks().read(name), null);
});

function sysfsLink(folder: string, name: string, fields: { ifindex: number; address?: string; flags?: string }): void {
  mkdirSync(join(folder, name, 'statistics'), { recursive: true });
  const files = {
    ifindex: fields.ifindex, type: 1, address: fields.address ?? '02:00:00:00:00:01', flags: fields.flags ?? '0x1002',
    'statistics/rx_packets': 1, 'statistics/tx_packets': 2, 'statistics/rx_bytes': 3, 'statistics/tx_bytes': 4,
  };
  for (const [file, value] of Object.entries(files)) writeFileSync(join(folder, name, file), `${value}\n`);
}

test.serial('sysfs: the same events, by looking again', async (t) => {
  const namespace = fresh(t);
  const folder = mkdtempSync(join(tmpdir(), 'weir-sysfs-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'bonding_masters'), '');
  sysfsLink(folder, 'eth0', { ifindex: 2 });
  const { log, watch } = await watching(t, namespace, { by: 'sysfs', pollIntervalMs: 10, sysfs: new SysfsLinks(folder) });
  t.deepEqual(log.lines.splice(0), ['appeared eth0']);
  t.deepEqual(watch.links, [{
    name: 'eth0', ifindex: 2, hardwareType: 1, mac: '02:00:00:00:00:01', up: false, counters: { rxPackets: 1, txPackets: 2, rxBytes: 3, txBytes: 4 },
  }]);
  writeFileSync(join(folder, 'eth0/flags'), '0x1003\n');
  t.deepEqual(await log.next(1), ['up eth0']);
  renameSync(join(folder, 'eth0'), join(folder, 'eth1'));
  t.regex((await log.next(1)).join(), /^renamed eth0 eth1|^vanished eth0/);
  writeFileSync(join(folder, 'eth1/ifindex'), '3\n');
  t.deepEqual((await log.next(2)).slice(-2), ['vanished eth1', 'appeared eth1']);
  rmSync(join(folder, 'eth1'), { recursive: true });
  t.deepEqual(await log.next(1), ['vanished eth1']);
});

test.serial('sysfs says of this machine what netlink says', (t) => {
  const plain = (link: { counters: unknown }): object => ({ ...link, counters: null });
  const byName = (one: { name: string }, other: { name: string }): number => (one.name < other.name ? -1 : 1);
  t.deepEqual(new SysfsLinks().readAll().sort(byName).map(plain), new NetlinkLinks().readAll().sort(byName).map(plain));
});
