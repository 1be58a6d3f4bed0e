/** Prints how many bytes of heap each packet of known flows takes; with `control`, when each also makes an object. */
import { getHeapStatistics } from 'node:v8';
import { Pipeline } from '../../agent/pipeline.ts';
import { PacketBatch } from '../../shared/packet-batch.ts';
import { DEFAULT_TOPOLOGY } from '../../shared/topology/topology.ts';
import { tcpFrame, udpFrame } from '../frames/frames.ts';
import { packetBatch } from '../frames/packet-batch.ts';

const INTERFACES = [{ name: null, linkType: 1 }];
const WARM_ROUNDS = 2000;
const COUNTED_ROUNDS = 4000;
const START_US = 1_700_000_000e6;

function batch(): PacketBatch {
  const frames = Array.from({ length: 512 }, (_, i) => {
    const ends = i % 7 === 0 ? { src: `fd00::${i + 1}`, dst: 'fd00::ffff' } : { src: `10.0.0.${i % 256}`, dst: '10.0.1.1' };
    return { data: i % 3 ? tcpFrame({ ...ends, flags: 'A', payload: 20 }) : udpFrame({ ...ends, payload: 20 }), timeUs: START_US + i };
  });
  return packetBatch(frames);
}

/** What `control` makes for each packet; kept where the optimiser cannot leave it out. */
const kept: object[] = Array.from({ length: 512 }, () => ({}));

function run(pipeline: Pipeline, packets: PacketBatch, rounds: number, isControl: boolean): void {
  for (let round = 0; round < rounds; round++) {
    pipeline.process(packets, 0, packets.count, INTERFACES);
    if (isControl) for (let i = 0; i < packets.count; i++) kept[i] = { offset: packets.offset[i] };
  }
}

const isControl = process.argv[2] === 'control';
const pipeline = new Pipeline({ topology: DEFAULT_TOPOLOGY, tableCapacity: 4096 }, { rows: () => {}, seals: () => {} });
const packets = batch();
run(pipeline, packets, WARM_ROUNDS, isControl);
const pieces: number[] = [];
// pieces that stay below a scavenge: the heap only grows between two of them
const PIECE = isControl ? 20 : 200;
for (let round = 0; round < COUNTED_ROUNDS; round += PIECE) {
  globalThis.gc!();
  const before = getHeapStatistics().used_heap_size;
  run(pipeline, packets, PIECE, isControl);
  pieces.push(Math.max(0, getHeapStatistics().used_heap_size - before));
}
// of the later half the median: the first ones still hold what the engine notes down about code that is new
const later = pieces.slice(pieces.length >> 1).sort((a, b) => a - b);
process.stdout.write(String(later[later.length >> 1]! / (PIECE * packets.count)));
