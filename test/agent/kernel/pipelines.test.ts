/** A pipeline with the kernel and one without, through the same packets and changes, state the same. */
import test from 'ava';
import fc from 'fast-check';
import { PacketMemory } from '../../../agent/kernel/packet-memory.ts';
import { RecordFormatter } from '../../../agent/output/record-format.ts';
import { RecordWriter } from '../../../agent/output/record-writer.ts';
import { Pipeline } from '../../../agent/pipeline.ts';
import { PacketBatch, batchBytes } from '../../../shared/packet-batch.ts';
import type { Seal } from '../../../shared/seal.ts';
import { parseTopology } from '../../../shared/topology/parse.ts';
import type { Topology } from '../../../shared/topology/topology.ts';
import { concatBytes } from '../../frames/ethernet.ts';
import { tcpFrame, udpFrame } from '../../frames/frames.ts';
import { ALL_FIELDS } from '../replayed.ts';

const ETHERNET = [{ name: null, linkType: 1 }];
const BASE_US = 1_700_000_040e6;
const MAC = '02:00:00:00:00:01';
const PEER = '02:00:00:00:00:99';

/** Which of the ports are open. */
function topology(ports: readonly number[]): Topology {
  const rules = ports.map((port) => `{ rule-id: r-${port}, direction: ingress, policy: accept, protocol: all, port-range: -1/-1, priority: ${port}, cidr: 10.0.0.${port}/32 }`);
  return parseTopology(`
security-groups:
  - { security-group-id: sg-1, type: basic, rules: [${rules.join(', ')}] }
enis:
  - { eni-id: eni-1, mac: "${MAC}", security-groups: [sg-1] }
`, 'test');
}

type Step =
  | { readonly kind: 'packets'; readonly packets: readonly { host: number; isTcp: boolean; isReply: boolean; isV6: boolean; flags: string; stepMs: number }[] }
  | { readonly kind: 'rules'; readonly ports: readonly number[] }
  | { readonly kind: 'width'; readonly seconds: number }
  | { readonly kind: 'tick'; readonly stepMs: number }
  | { readonly kind: 'clock'; readonly stepMs: number };

const packet = fc.record({
  host: fc.integer({ min: 1, max: 3 }), isTcp: fc.boolean(), isReply: fc.boolean(), isV6: fc.boolean(),
  // most are nothing but one packet more
  flags: fc.oneof({ weight: 12, arbitrary: fc.constant('A') }, fc.constantFrom('S', 'FA', 'R')),
  stepMs: fc.oneof({ weight: 12, arbitrary: fc.integer({ min: 0, max: 60 }) }, fc.integer({ min: -2500, max: 6000 })),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('packets' as const), packets: fc.array(packet, { minLength: 20, maxLength: 200, size: 'max' }) }) },
  fc.record({ kind: fc.constant('rules' as const), ports: fc.subarray([1, 2, 3]) }),
  fc.record({ kind: fc.constant('width' as const), seconds: fc.constantFrom(1, 2, 5) }),
  fc.record({ kind: fc.constant('tick' as const), stepMs: fc.integer({ min: 0, max: 5000 }) }),
  fc.record({ kind: fc.constant('clock' as const), stepMs: fc.integer({ min: -4000, max: 4000 }) }),
);

function run(steps: readonly Step[], tableCapacity: number, memory: PacketMemory): { text: string; seals: readonly Seal[] } {
  let text = '';
  const seals: Seal[] = [];
  const writer = new RecordWriter({ write: (piece) => void (text += piece) }, new RecordFormatter('json', ALL_FIELDS));
  const sink = { rows: writer.rows.bind(writer), seals: (some: Seal[]) => void seals.push(...some) };
  const timers = { tcpSeconds: 4, closedSeconds: 1, udpSeconds: 2, otherSeconds: 1 };
  const pipeline = new Pipeline({ topology: topology([1, 2]), windowSeconds: 5, graceSeconds: 2, tableCapacity, timers }, sink, memory);
  let timeUs = BASE_US;
  let revision = 1;
  for (const one of steps) {
    if (one.kind === 'packets') {
      const frames = one.packets.map(({ host, isTcp, isReply, isV6, flags }) => {
        const [src, dst] = isV6 ? [`fd00::${host}`, 'fd00::9'] : [`10.0.0.${host}`, '10.0.0.9'];
        const way = isReply ? { src: dst!, dst: src!, srcPort: 80, dstPort: 4000, srcMac: MAC, dstMac: PEER } : { src: src!, dst: dst!, srcPort: 4000, dstPort: 80, srcMac: PEER, dstMac: MAC };
        return isTcp ? tcpFrame({ ...way, flags }) : udpFrame(way);
      });
      const bytes = concatBytes(...frames);
      const piece = memory.take(bytes.length);
      const place = new Uint8Array(piece.buffer, piece.offset, bytes.length);
      place.set(bytes);
      const columns = memory.take(batchBytes(frames.length));
      const batch = new PacketBatch(frames.length, columns);
      batch.setBytes(place, piece.address);
      let offset = 0;
      frames.forEach((frame, index) => {
        timeUs += one.packets[index]!.stepMs * 1000;
        batch.offset[index] = offset;
        batch.captureLength[index] = batch.originalLength[index] = frame.length;
        batch.timeUs[index] = timeUs;
        offset += frame.length;
      });
      batch.count = frames.length;
      pipeline.process(batch, 0, batch.count, ETHERNET);
      memory.giveBack(piece);
      memory.giveBack(columns);
    } else if (one.kind === 'rules') {
      pipeline.revise(topology(one.ports), ++revision);
    } else if (one.kind === 'width') {
      pipeline.setWindow(one.seconds);
    } else if (one.kind === 'tick') {
      timeUs += one.stepMs * 1000;
      pipeline.tick(timeUs);
    } else {
      timeUs += one.stepMs * 1000;
      pipeline.clockStep(one.stepMs * 1000);
    }
  }
  pipeline.close();
  writer.flush();
  return { text, seals };
}

test('packets, rules, widths, ticks and clock steps in any order', (t) => {
  const property = fc.property(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), fc.constantFrom(4, 64), (steps, tableCapacity) => {
    const memory = PacketMemory.create();
    if (memory.kernel === null) t.fail('there is no kernel, so there is nothing to compare');
    const withKernel = run(steps, tableCapacity, memory);
    const without = run(steps, tableCapacity, PacketMemory.withoutKernel());
    t.deepEqual(withKernel.seals, without.seals);
    t.is(withKernel.text, without.text);
  });
  t.notThrows(() => fc.assert(property, { numRuns: 60 }));
});
