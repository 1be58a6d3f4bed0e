/** What is recorded changes while packets come: ENIs, their traffic types, the width of windows, the process itself. */
import { deserialize, serialize } from 'node:v8';
import test from 'ava';
import fc from 'fast-check';
import type { SavedPipeline } from '../../agent/checkpoint/saved-state.ts';
import { Pipeline } from '../../agent/pipeline.ts';
import type { WatchList } from '../../agent/watched-enis.ts';
import { isMembersEni } from '../../shared/topology/members-eni.ts';
import { valueReader } from '../../shared/record-values.ts';
import { lostPackets, type Seal } from '../../shared/seal.ts';
import { parseTopology } from '../../shared/topology/parse.ts';
import type { Topology, TrafficType } from '../../shared/topology/topology.ts';
import type { CapturedPacket } from '../frames/captured-packet.ts';
import { udpFrame } from '../frames/frames.ts';
import { packetBatch } from '../frames/packet-batch.ts';
import { RecordingReference, type ExpectedSeal } from './recording-reference.ts';

const INTERFACES = [{ name: null, linkType: 1 }];
/** Where windows of every width begin. */
const BASE_SECONDS = 1_700_000_040;
const GRACE_SECONDS = 2;
const ENIS = ['eni-1', 'eni-2', 'eni-3'] as const;
/** Port 80 is ACCEPT, all else REJECT. The members' ENI has the address of a real one's peer. */
const TOPOLOGY: Topology = (() => {
  const topology = parseTopology(`
security-groups:
  - security-group-id: sg-1
    inner-access: drop
    rules: [{ rule-id: r-web, direction: ingress, policy: accept, protocol: udp, port-range: 80/80, priority: 1, cidr: 0.0.0.0/0 }]
enis:
${ENIS.map((eniId) => `  - { eni-id: ${eniId}, addresses: [10.0.0.${eniId.slice(-1)}], security-groups: [sg-1] }`).join('\n')}
`, 'test');
  return { ...topology, enis: [...topology.enis, { ...topology.enis[0]!, eniId: 'members of sg-1', addresses: ['10.9.9.1'] }] };
})();

interface Watching { readonly list: WatchList; readonly present: readonly string[] }

type Step =
  | { readonly kind: 'packet'; readonly eni: string; readonly source: number; readonly port: number; readonly stepMs: number }
  | { readonly kind: 'tick'; readonly stepMs: number }
  | { readonly kind: 'watch'; readonly watching: Watching; readonly isOtherRevision: boolean }
  | { readonly kind: 'width'; readonly seconds: number; readonly fromMs: number }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'restart'; readonly list: WatchList; readonly seconds: number };

const seconds = fc.constantFrom(1, 2, 3, 4, 6, 10);
const trafficType = fc.constantFrom<TrafficType[]>('All', 'Allow', 'Drop');
const list: fc.Arbitrary<WatchList> = fc.oneof(
  { weight: 1, arbitrary: fc.constant(null) },
  { weight: 6, arbitrary: fc.uniqueArray(fc.tuple(fc.constantFrom(...ENIS), trafficType), { selector: ([eniId]) => eniId }).map((pairs) => new Map(pairs)) },
);
const watching: fc.Arbitrary<Watching> = fc.record({ list, present: fc.subarray([...ENIS]) });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      kind: fc.constant('packet' as const), eni: fc.constantFrom(...ENIS), source: fc.integer({ min: 1, max: 3 }), port: fc.constantFrom(80, 81),
      stepMs: fc.integer({ min: -2500, max: 3000 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('tick' as const), stepMs: fc.integer({ min: 0, max: 5000 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('watch' as const), watching, isOtherRevision: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('width' as const), seconds, fromMs: fc.constantFrom(0, 0, 1500) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'checkpoint' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), list, seconds }) },
);

/** The pipeline, and those that take its work up. */
class Run {
  readonly rows = new Map<string, number>();
  readonly seals: Seal[] = [];
  unmatched = 0;
  private revision = 1;
  private pipeline: Pipeline;
  private saved: SavedPipeline[] = [];
  private waiting: CapturedPacket[] = [];
  private readonly tableCapacity: number;

  constructor(seconds: number, watching: Watching, tableCapacity: number) {
    this.tableCapacity = tableCapacity;
    this.pipeline = this.start(seconds, watching);
  }

  packet(packet: CapturedPacket): void {
    this.waiting.push(packet);
  }

  tick(timeUs: number): void {
    this.feed();
    this.pipeline.tick(timeUs);
  }

  watch({ list, present }: Watching, isOtherRevision: boolean): void {
    this.feed();
    if (isOtherRevision) this.revision++;
    this.pipeline.revise(topologyOf(present), this.revision, list);
  }

  setWindow(seconds: number, fromSeconds: number): void {
    this.feed();
    this.pipeline.setWindow(seconds, fromSeconds);
  }

  checkpoint(): void {
    this.feed();
    this.saved.push(deserialize(serialize(this.pipeline.checkpoint(this.saved.length === 0))) as SavedPipeline);
  }

  restart(seconds: number, list: WatchList): void {
    this.checkpoint();
    this.unmatched += this.pipeline.statistics.unmatchedPackets;
    this.pipeline = this.start(seconds, { list, present: ENIS });
    this.pipeline.restore(this.saved, null, 0);
    this.saved = [];
  }

  close(): void {
    this.feed();
    this.pipeline.close();
    this.unmatched += this.pipeline.statistics.unmatchedPackets;
  }

  private start(windowSeconds: number, { list: watch, present }: Watching): Pipeline {
    const options = { topology: topologyOf(present), windowSeconds, watch, graceSeconds: GRACE_SECONDS, tableCapacity: this.tableCapacity, revision: this.revision };
    const names = ['eni-id', 'start', 'end', 'srcaddr', 'dstport', 'action'];
    return new Pipeline(options, {
      rows: (records, context) => {
        for (let row = 0; row < records.count; row++) {
          const [eniId, start, end, ...flow] = names.map((name) => valueReader(name)(records, row, context));
          const key = [eniId, Number(start) - BASE_SECONDS, Number(end) - Number(start), ...flow].join(' ');
          this.rows.set(key, (this.rows.get(key) ?? 0) + records.packets[row]!);
        }
      },
      seals: (seals) => void this.seals.push(...seals),
    });
  }

  private feed(): void {
    if (this.waiting.length === 0) return;
    const batch = packetBatch(this.waiting);
    this.waiting = [];
    this.pipeline.process(batch, 0, batch.count, INTERFACES);
  }
}

function topologyOf(present: readonly string[]): Topology {
  // of nobody, as an agent that has no assignment yet
  const enis = present.length === 0 ? [] : TOPOLOGY.enis.filter(({ eniId }) => present.includes(eniId) || isMembersEni(eniId));
  return { ...TOPOLOGY, enis };
}

function typesOf({ list, present }: Watching): ReadonlyMap<string, TrafficType> {
  return new Map(present.flatMap((eniId) => {
    const type = list === null ? 'All' : list.get(eniId);
    return type === undefined ? [] : [[eniId, type]];
  }));
}

interface Start { readonly seconds: number; readonly watching: Watching; readonly tableCapacity: number }

function both(first: Start, steps: readonly Step[]): { run: Run; reference: RecordingReference } {
  const run = new Run(first.seconds, first.watching, first.tableCapacity);
  const reference = new RecordingReference(first.seconds, GRACE_SECONDS, typesOf(first.watching));
  let ms = 0;
  for (const step of steps) {
    if (step.kind === 'packet' || step.kind === 'tick') ms += step.stepMs;
    const time = ms / 1000;
    const timeUs = BASE_SECONDS * 1e6 + ms * 1000;
    if (step.kind === 'packet') {
      run.packet({ data: udpFrame({ src: `10.9.9.${step.source}`, dst: `10.0.0.${step.eni.slice(-1)}`, dstPort: step.port }), timeUs });
      reference.packet(time, step.eni, `10.9.9.${step.source} ${step.port}`, step.port === 80 ? 'ACCEPT' : 'REJECT');
    } else if (step.kind === 'tick') {
      run.tick(timeUs);
      reference.advance(time);
    } else if (step.kind === 'watch') {
      run.watch(step.watching, step.isOtherRevision);
      reference.watch(typesOf(step.watching));
    } else if (step.kind === 'width') {
      run.setWindow(step.seconds, BASE_SECONDS + (ms + step.fromMs) / 1000);
      reference.setWidth(step.seconds, time + step.fromMs / 1000);
    } else if (step.kind === 'checkpoint') run.checkpoint();
    else {
      run.restart(step.seconds, step.list);
      reference.changeWidth(step.seconds, -Infinity);
      reference.watch(typesOf({ list: step.list, present: ENIS }));
    }
  }
  run.close();
  reference.close();
  return { run, reference };
}

function expectation(seal: Seal): ExpectedSeal {
  const { eniId, windowStart, windowSeconds, packetsSeen, packets, filteredPackets, latePackets, partial, trafficType: type } = seal;
  return { eniId, windowStart: windowStart - BASE_SECONDS, windowSeconds, packetsSeen, packets, filteredPackets, latePackets, partial, trafficType: type };
}

function sorted(seals: readonly ExpectedSeal[]): ExpectedSeal[] {
  return seals.toSorted((a, b) => a.windowStart - b.windowStart || a.windowSeconds - b.windowSeconds || a.eniId.localeCompare(b.eniId));
}

test('whatever changes on the way: each packet is in the row that a plain count says, or in the seal, which says what it holds', (t) => {
  const first = fc.record({ seconds, watching, tableCapacity: fc.constantFrom(2, 5, 64) });
  fc.assert(fc.property(first, fc.array(step, { minLength: 1, maxLength: 80 }), (start, steps) => {
    const { run, reference } = both(start, steps);
    t.deepEqual(sorted(run.seals.map(expectation)), sorted(reference.seals));
    t.deepEqual([...run.rows].sort(), [...reference.rows].sort());
    t.is(run.unmatched, reference.unmatched);
    for (const seal of run.seals) t.is(seal.packetsSeen, seal.packets + seal.filteredPackets + lostPackets(seal));
  }), { numRuns: 800 });
});
