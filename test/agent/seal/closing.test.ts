import test from 'ava';
import { PacketBatch } from '../../../shared/packet-batch.ts';
import { DEFAULT_TOPOLOGY } from '../../../shared/topology/topology.ts';
import { Pipeline } from '../../../agent/pipeline.ts';
import { udpFrame } from '../../frames/frames.ts';

const FLOWS = 100_000;
const WINDOW_SECONDS = 10;
const START_US = 1_700_000_000e6;
const INTERFACES = [{ name: null, linkType: 1 }];
/** Frames of the same content but for the address and the port of the source, which say the flow. */
const FRAME = udpFrame({ src: '10.0.0.1', dst: '10.0.0.2' });

function batchOf(flows: readonly number[], timeUs: number): PacketBatch {
  const batch = new PacketBatch(flows.length);
  const bytes = new Uint8Array(flows.length * FRAME.length);
  flows.forEach((flow, i) => {
    bytes.set(FRAME, i * FRAME.length);
    new DataView(bytes.buffer).setUint32(i * FRAME.length + 28, flow);
    batch.offset[i] = i * FRAME.length;
    batch.captureLength[i] = batch.originalLength[i] = FRAME.length;
    batch.timeUs[i] = timeUs;
  });
  batch.count = flows.length;
  batch.setBytes(bytes);
  return batch;
}

/** What one window's flows give, and how many of its rows came out of each call. */
function closed(batchPackets: number): { sums: string; rowsByCall: number[]; isSealed: boolean } {
  const order: number[] = [];
  let rowsOfCall = 0;
  let packets = 0;
  let isSealed = false;
  const pipeline = new Pipeline({ topology: DEFAULT_TOPOLOGY, windowSeconds: WINDOW_SECONDS, graceSeconds: 0, tableCapacity: 1 << 17 }, {
    rows: (rows) => {
      rowsOfCall += rows.count;
      for (let row = 0; row < rows.count; row++) {
        if (rows.windowStart * 1e6 !== START_US) continue;
        order.push(rows.source[row * 4 + 3]!);
        packets += rows.packets[row]!;
      }
    },
    seals: () => {
      isSealed = true;
    },
  });
  const process = (flows: number[], timeUs: number): void => {
    for (let from = 0; from < flows.length; from += batchPackets) {
      const batch = batchOf(flows.slice(from, from + batchPackets), timeUs);
      rowsOfCall = 0;
      pipeline.process(batch, 0, batch.count, INTERFACES);
      rowsByCall.push(rowsOfCall);
    }
  };
  const rowsByCall: number[] = [];
  process(Array.from({ length: FLOWS }, (_, flow) => flow), START_US);
  rowsByCall.length = 0;
  // the next window: half of the packets are of flows of the one that closes meanwhile
  process(Array.from({ length: 20_000 }, (_, i) => (i % 2 ? FLOWS - i : FLOWS + i)), START_US + WINDOW_SECONDS * 1e6);
  return { sums: `${order.length} rows, ${packets} packets, ${order.join()}`, rowsByCall, isSealed };
}

test('a window closes in slices between packets, and gives the same rows in the same order whatever the batches are', (t) => {
  const one = closed(512);
  t.true(one.isSealed);
  t.true(one.sums.startsWith(`${FLOWS} rows, ${FLOWS} packets`), one.sums.slice(0, 40));
  t.deepEqual(one.rowsByCall.filter((rows) => rows > 0).length, 2, 'rows came out of several calls');
  for (const batchPackets of [1, 100, 10_000]) t.is(closed(batchPackets).sums, one.sums, `batches of ${batchPackets}`);
});

test('the clock closes a window too, where no packets come', (t) => {
  let sealed = 0;
  const pipeline = new Pipeline({ topology: DEFAULT_TOPOLOGY, windowSeconds: WINDOW_SECONDS, graceSeconds: 0, tableCapacity: 1 << 17 }, {
    rows: () => {},
    seals: () => sealed++,
  });
  const batch = batchOf(Array.from({ length: FLOWS }, (_, flow) => flow), START_US);
  pipeline.process(batch, 0, batch.count, INTERFACES);
  let ticks = 0;
  while (sealed === 0 && ticks < 10) pipeline.tick(START_US + (WINDOW_SECONDS + ++ticks) * 1e6);
  t.is(sealed, 1);
  t.true(ticks <= 2);
});
