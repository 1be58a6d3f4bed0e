/** What a pipeline is to state, packet by packet: no table, no entries, no rows that are merged. */
import type { TrafficType } from '../../shared/topology/topology.ts';

export type Action = 'ACCEPT' | 'REJECT';
type Types = ReadonlyMap<string, TrafficType>;

const KEEPS: Readonly<Record<TrafficType, readonly Action[]>> = { All: ['ACCEPT', 'REJECT'], Allow: ['ACCEPT'], Drop: ['REJECT'] };

export interface ExpectedSeal {
  readonly eniId: string;
  readonly windowStart: number;
  readonly windowSeconds: number;
  readonly packetsSeen: number;
  readonly packets: number;
  readonly filteredPackets: number;
  readonly latePackets: number;
  readonly partial: boolean;
  readonly trafficType: TrafficType | null;
}

class ReferenceEni {
  seen = 0;
  late = 0;
  filtered = 0;
  readonly rows = new Map<string, number>();
  /** Each type at some moment of the window; undefined: not watched. */
  readonly moments: (TrafficType | undefined)[] = [];

  /** By the last moment: late packets too. */
  get keeps(): readonly Action[] {
    const type = this.moments.at(-1);
    return type === undefined ? [] : KEEPS[type];
  }

  get common(): TrafficType | null {
    const watched = this.moments.filter((type) => type !== undefined);
    if (watched.length === 0) return null;
    const kept = (['ACCEPT', 'REJECT'] as const).filter((action) => watched.every((type) => KEEPS[type].includes(action)));
    return kept.length === 2 ? 'All' : kept.length === 0 ? null : kept[0] === 'ACCEPT' ? 'Allow' : 'Drop';
  }
}

interface ReferenceWindow { readonly start: number; readonly seconds: number; end: number; readonly enis: Map<string, ReferenceEni> }

/** Times in seconds. */
export class RecordingReference {
  unmatched = 0;
  readonly seals: ExpectedSeal[] = [];
  /** Packets by ENI, window, flow and action. */
  readonly rows = new Map<string, number>();
  private widths: { from: number; seconds: number }[];
  private types: Types;
  private readonly open: ReferenceWindow[] = [];
  private latest = -Infinity;
  private closedUntil = -Infinity;
  private readonly grace: number;

  constructor(seconds: number, grace: number, types: Types) {
    this.widths = [{ from: -Infinity, seconds }];
    this.grace = grace;
    this.types = types;
  }

  packet(time: number, eniId: string, flow: string, action: Action): void {
    if (!this.types.has(eniId)) {
      this.unmatched++;
      return;
    }
    this.advance(time);
    const window = this.open.find(({ start, end }) => start <= time && time < end);
    const eni = this.eni(window ?? this.open.at(-1)!, eniId);
    eni.seen++;
    if (!window) eni.late++;
    else if (!eni.keeps.includes(action)) eni.filtered++;
    else eni.rows.set(`${flow} ${action}`, (eni.rows.get(`${flow} ${action}`) ?? 0) + 1);
  }

  advance(time: number): void {
    this.latest = Math.max(this.latest, time);
    if (this.open.length === 0) this.open.push(this.windowAt(time));
    while (this.open.at(-1)!.end <= time) this.open.push(this.windowAt(this.open.at(-1)!.end));
    const own = this.windowAt(time);
    if (own.start >= this.closedUntil && own.end + this.grace > this.latest) {
      while (this.open[0]!.start > time) this.open.unshift(this.windowAt(this.open[0]!.start - 0.001));
    }
    while (this.open.length > 1 && time >= this.open[0]!.end + this.grace) this.seal();
  }

  watch(types: Types): void {
    this.types = types;
    const newest = this.open.at(-1);
    if (newest) for (const eniId of new Set([...types.keys(), ...newest.enis.keys()])) this.eni(newest, eniId).moments.push(types.get(eniId));
  }

  setWidth(seconds: number, notBefore: number): void {
    const isSeen = ({ seen, moments }: ReferenceEni): boolean => seen > 0 || moments.some((type) => type !== undefined);
    if (this.open.length === 0 || this.open.some(({ enis }) => [...enis.values()].some(isSeen))) {
      this.changeWidth(seconds, notBefore);
    } else if (this.widths.at(-1)!.seconds !== seconds) {
      this.widths = [{ from: -Infinity, seconds }];
      this.open.splice(0, this.open.length, this.windowAt(this.latest));
      this.closedUntil = Math.min(this.closedUntil, this.open[0]!.start);
    }
  }

  /** By a process that takes the windows up. */
  changeWidth(seconds: number, notBefore: number): void {
    if (this.widths.at(-1)!.seconds === seconds) return;
    const after = Math.max(this.latest, notBefore - 1e-6);
    this.widths = this.widths.filter(({ from }) => from <= after);
    if (this.widths.at(-1)!.seconds !== seconds) this.widths.push({ from: (Math.floor(after / seconds) + 1) * seconds, seconds });
    const newest = this.open.at(-1);
    if (newest) newest.end = this.windowAt(newest.start).end;
  }

  close(): void {
    while (this.open.length > 0) this.seal();
  }

  private eni(window: ReferenceWindow, eniId: string): ReferenceEni {
    let eni = window.enis.get(eniId);
    // whoever was not watched at the beginning
    if (!eni) window.enis.set(eniId, (eni = new ReferenceEni())).get(eniId)!.moments.push(undefined);
    return eni;
  }

  private windowAt(time: number): ReferenceWindow {
    const index = this.widths.findLastIndex(({ from }) => from <= time);
    const { seconds } = this.widths[index]!;
    const start = Math.floor(time / seconds) * seconds;
    const enis = new Map([...this.types].map(([eniId, type]) => {
      const eni = new ReferenceEni();
      eni.moments.push(type);
      return [eniId, eni];
    }));
    return { start, seconds, end: Math.min(start + seconds, this.widths[index + 1]?.from ?? Infinity), enis };
  }

  private seal(): void {
    const { start, seconds, end, enis } = this.open.shift()!;
    this.closedUntil = end;
    for (const [eniId, { seen, late, filtered, rows, moments, common }] of enis) {
      if (seen === 0 && moments.every((type) => type === undefined)) continue;
      for (const [flow, packets] of rows) this.rows.set(`${eniId} ${start} ${seconds} ${flow}`, packets);
      this.seals.push({
        eniId, windowStart: start, windowSeconds: seconds, packetsSeen: seen, packets: [...rows.values()].reduce((sum, packets) => sum + packets, 0),
        filteredPackets: filtered, latePackets: late, partial: end < start + seconds || moments.includes(undefined), trafficType: common,
      });
    }
  }
}
