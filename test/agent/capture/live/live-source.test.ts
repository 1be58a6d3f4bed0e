/** The contract of live sources, held against each of them. */
import test, { type ExecutionContext } from 'ava';
import { openLiveSource, type LiveSourceOptions } from '../../../../agent/capture/live/open-live-source.ts';
import { AfPacketSource } from '../../../../agent/capture/live/af-packet-source.ts';
import { CapSource } from '../../../../agent/capture/live/cap-source.ts';
import { POLL_INTERVAL_MS, type LiveSource } from '../../../../agent/capture/live/live-source.ts';
import { PacketBatch } from '../../../../shared/packet-batch.ts';
import { tcpFrame, udpFrame } from '../../../frames/frames.ts';
import { FrameSender } from '../../../netns/frame-sender.ts';
import { connect, NetworkNamespace } from '../../../netns/network-namespace.ts';
import type { CapturedRow } from '../captured-rows.ts';
import { isCapTested } from './built-cap.ts';
import { countToEnd, readLiveRows, readLiveToEnd } from './live-rows.ts';

const MAC_HERE = '02:00:00:00:00:02';
const MAC_THERE = '02:00:00:00:00:01';

interface Lab {
  readonly here: NetworkNamespace;
  readonly sender: FrameSender;
  open(options?: Partial<LiveSourceOptions>): Promise<LiveSource>;
}

/** A fresh pair of machines; `eth0` here hears what `sender` sends. */
async function lab(t: ExecutionContext, capture: 'af_packet' | 'cap'): Promise<Lab> {
  const here = new NetworkNamespace();
  const there = new NetworkNamespace();
  t.teardown(() => [here, there].forEach((namespace) => namespace.remove()));
  connect({ namespace: here, interface: 'eth0', mac: MAC_HERE }, { namespace: there, interface: 'peer', mac: MAC_THERE });
  const sender = await FrameSender.open(there, 'peer');
  t.teardown(() => sender.close());
  return {
    here, sender,
    open: async (options = {}) => {
      const source = await here.within(() => openLiveSource({ capture, interface: 'eth0', blockTimeoutMs: 10, ...options }, () => {}));
      t.teardown(() => source.close());
      return source;
    },
  };
}

function frames(count: number, payload = 10): Uint8Array[] {
  return Array.from({ length: count }, (_, index) =>
    udpFrame({ src: '10.0.0.1', dst: '10.0.0.2', srcPort: 1000 + (index % 60_000), dstPort: 53, payload }));
}

/** Sends and reads by turns: libpcap has room for about 150 packets in cap's buffer. */
async function exchange(source: LiveSource, sender: FrameSender, sent: readonly Uint8Array[], capacity?: number): Promise<CapturedRow[]> {
  const rows: CapturedRow[] = [];
  for (let at = 0; at < sent.length; at += 50) {
    const some = sent.slice(at, at + 50);
    sender.send(some);
    rows.push(...(await readLiveRows(source, some.length, capacity)));
  }
  return rows;
}

function hexOf(sent: readonly Uint8Array[]): string[] {
  return sent.map((frame) => Buffer.from(frame).toString('hex'));
}

for (const capture of ['af_packet', ...(isCapTested() ? ['cap' as const] : [])] as const) {
  test.serial(`${capture}: packets come whole, in order, with the time of now`, async (t) => {
    const { sender, open } = await lab(t, capture);
    const source = await open();
    t.true(source instanceof (capture === 'cap' ? CapSource : AfPacketSource));
    t.deepEqual(source.interfaces, [{ name: 'eth0', linkType: 1 }]);
    const sent = frames(500);
    const before = Date.now() * 1000;
    const rows = await exchange(source, sender, sent);
    const after = (Date.now() + 1) * 1000;
    t.deepEqual(rows.map((row) => row.hex), hexOf(sent));
    t.true(rows.every((row) => row.interfaceIndex === 0 && row.originalLength === sent[0]!.length));
    t.true(rows.every((row) => Number.isSafeInteger(row.timeUs) && row.timeUs >= before && row.timeUs <= after));
    t.true(rows.every((row, index) => index === 0 || row.timeUs >= rows[index - 1]!.timeUs));
    t.is(source.statistics().packets, 500);
  });

  test.serial(`${capture}: small batches lose nothing`, async (t) => {
    const { sender, open } = await lab(t, capture);
    const source = await open();
    const sent = frames(500);
    t.deepEqual((await exchange(source, sender, sent, 7)).map((row) => row.hex), hexOf(sent));
  });

  test.serial(`${capture}: without packets fill answers with an empty batch`, async (t) => {
    const { sender, open } = await lab(t, capture);
    const source = await open();
    const batch = new PacketBatch();
    const started = performance.now();
    for (let round = 0; round < 3; round++) {
      t.true(await source.fill(batch));
      t.is(batch.count, 0);
    }
    t.true(performance.now() - started > POLL_INTERVAL_MS, 'it does not wait for packets');
    sender.send(frames(1));
    t.is((await readLiveRows(source, 1)).length, 1);
  });

  test.serial(`${capture}: only the snap length is handed out`, async (t) => {
    const { sender, open } = await lab(t, capture);
    const source = await open({ snapLengthBytes: 100 });
    const sent = [...frames(3, 1000), ...frames(1, 20)];
    sender.send(sent);
    const rows = await readLiveRows(source, 4);
    t.deepEqual(rows.map((row) => row.hex), hexOf(sent.map((frame) => frame.subarray(0, 100))));
  });

  test.serial(`${capture}: a filter lets in what it names`, async (t) => {
    const { sender, open } = await lab(t, capture);
    const source = await open({ filter: 'udp src port 1005 or tcp' });
    sender.send([...frames(100), tcpFrame({ src: '10.0.0.1', dst: '10.0.0.2' })]);
    source.stop();
    const rows = await readLiveToEnd(source);
    t.is(rows.length, 2);
    t.is(source.statistics().packets, 2);
  });

  test.serial(`${capture}: a filter that is wrong is named`, async (t) => {
    const { open } = await lab(t, capture);
    await t.throwsAsync(open({ filter: 'udp and and' }), { code: 'USAGE', message: /"udp and and" does not compile: .*syntax error/ });
    await t.throwsAsync(open({ filter: 'host no.such.name.invalid' }), { code: 'USAGE', message: /no\.such\.name\.invalid/ });
  });

  test.serial(`${capture}: the connection to the collector is left out, and nothing else`, async (t) => {
    const { sender, open } = await lab(t, capture);
    const shipping = { collectorAddresses: ['10.9.9.9', 'fd00::9'], port: 8790, localAddresses: ['10.0.0.2', 'fd00::2'] };
    const source = await open({ shipping });
    const hidden = [
      tcpFrame({ src: '10.9.9.9', srcPort: 8790, dst: '10.0.0.2' }), tcpFrame({ src: '10.0.0.2', dst: '10.9.9.9', dstPort: 8790 }),
      tcpFrame({ src: 'fd00::9', srcPort: 8790, dst: 'fd00::2' }), tcpFrame({ src: 'fd00::2', dst: 'fd00::9', dstPort: 8790 }),
    ];
    const shown = [
      tcpFrame({ src: '10.9.9.9', srcPort: 8791, dst: '10.0.0.2' }), tcpFrame({ src: '10.0.0.7', dst: '10.9.9.9', dstPort: 8790 }),
      udpFrame({ src: '10.9.9.9', srcPort: 8790, dst: '10.0.0.2' }), tcpFrame({ src: 'fd00::9', srcPort: 8790, dst: 'fd00::3' }),
    ];
    sender.send([...hidden, ...shown]);
    source.stop();
    t.deepEqual((await readLiveToEnd(source)).map((row) => row.hex), hexOf(shown));
  });

  test.serial(`${capture}: stop hands out what came before, and ends`, async (t) => {
    const { sender, open } = await lab(t, capture);
    const source = await open({ blockTimeoutMs: 300 }); // the packets lie in a block that is not full
    sender.send(frames(100));
    source.stop();
    if (capture === 'af_packet') sender.send(frames(100)); // too late
    t.is(await countToEnd(source), 100);
    t.is(source.endReason?.kind, 'stopped');
    t.false(await source.fill(new PacketBatch()));
  });

  test.serial(`${capture}: a reader that lags does not end the source`, async (t) => {
    const { sender, open } = await lab(t, capture);
    const source = await open({ snapLengthBytes: 2000, ringBytes: 1 << 18, blockBytes: 1 << 16 });
    for (let round = 0; round < 40; round++) { // two megabytes, more than fit into the ring, or into the pipe from cap
      sender.send(frames(50, 1000));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    source.stop();
    const seen = await countToEnd(source);
    t.is(source.endReason?.kind, 'stopped', source.endReason?.text);
    const { packets, drops } = source.statistics();
    t.true(seen > 100 && seen <= 2000, `${seen} seen`);
    if (drops === null) return void t.is(packets, seen);
    t.true(drops > 0);
    t.is(seen + drops, 2000);
  });

  test.serial(`${capture}: stop ends a fill that waits`, async (t) => {
    const { open } = await lab(t, capture);
    const source = await open();
    const waiting = source.fill(new PacketBatch());
    source.stop();
    await waiting;
    t.is(await countToEnd(source), 0);
    t.is(source.endReason?.kind, 'stopped');
  });

  test.serial(`${capture}: close ends a fill that waits, and may come twice`, async (t) => {
    const { sender, open } = await lab(t, capture);
    const source = await open();
    sender.send(frames(5));
    t.is((await readLiveRows(source, 5)).length, 5);
    const batch = new PacketBatch();
    const waiting = source.fill(batch);
    await source.close();
    await source.close();
    t.false(await waiting);
    t.is(batch.count, 0);
    t.false(await source.fill(batch));
    t.is(source.statistics().packets, 5);
  });

  test.serial(`${capture}: an interface that is removed ends its source`, async (t) => {
    const { here, sender, open } = await lab(t, capture);
    const source = await open();
    sender.send(frames(100));
    const rows = capture === 'cap' ? await readLiveRows(source, 100) : []; // cap loses what it has not read
    here.ip('link', 'del', 'eth0');
    rows.push(...(await here.within(() => readLiveToEnd(source)))); // cap's source looks for the interface then
    t.is(rows.length, 100);
    t.is(source.endReason?.kind, 'removed');
    t.regex(source.endReason!.text, /eth0/);
  });

  test.serial(`${capture}: an interface that does not exist is named`, async (t) => {
    const { open } = await lab(t, capture);
    await t.throwsAsync(open({ interface: 'eth7' }), { code: 'CONFIGURATION', message: /eth7/ });
  });
}
