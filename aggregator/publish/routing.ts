import type { Topology, TrafficType } from '../../shared/topology/topology.ts';
import type { EniAttributes } from '../../shared/wire/wire-seal.ts';
import { fillsSpan, overlapsSpan, type CoverageSpan, type WatchSpan } from '../control/spans.ts';
import { windowEnd, type Window } from '../logstore/window.ts';

/** What was decided about recording, now and before. Never changed, only replaced. */
export interface RecordingPlan {
  readonly coverage: readonly CoverageSpan[];
  readonly watches: readonly WatchSpan[];
  readonly topology: Topology | null;
}

export const NOTHING_PLANNED: RecordingPlan = { coverage: [], watches: [], topology: null };

/** Where an ENI's rows of one window go. */
export interface Route {
  readonly logStore: string;
  /** Window of the LogStore's rows: that of the flow log where the rows' own fits into it. */
  readonly windowSeconds: number;
  /** null: whatever came, since no flow log says what there should be. */
  readonly trafficType: TrafficType | null;
  /** The flow logs asked for this traffic during all of the window. */
  readonly isWhole: boolean;
}

type Membership = Pick<EniAttributes, 'vswitchId' | 'vpcId'>;

/** Answers which LogStores an ENI's rows of one window go to. */
export class Router {
  private readonly byResource = new Map<string, CoverageSpan[]>();
  private readonly watches = new Map<string, WatchSpan[]>();
  /** Of the ENIs that there are. */
  private readonly memberships: ReadonlyMap<string, Membership>;

  constructor({ coverage, watches, topology }: RecordingPlan) {
    const logStores = new Set(topology?.logStores.map(({ name }) => name));
    this.memberships = new Map(topology?.enis.map((eni) => [eni.eniId, eni]));
    for (const span of coverage) {
      // what is over does not bring a deleted LogStore back
      if (span.untilMs === null || logStores.has(span.logStore)) append(this.byResource, `${span.resourceType} ${span.resourceId}`, span);
    }
    for (const span of watches) append(this.watches, span.eniId, span);
  }

  /**
   * One route a LogStore; none where flow logs have covered the ENI before and do not now. `fallback`: the LogStores that
   * the batches named, for the time before an ENI's first flow log: old captures that are replayed.
   */
  routes(eniId: string, window: Window, fallback: readonly string[]): Route[] {
    const watches = this.watches.get(eniId) ?? [];
    const fromMs = window.start * 1000;
    const untilMs = windowEnd(window) * 1000;
    const routes = new Map<string, CoverageSpan[]>();
    for (const span of this.covering(eniId, this.membershipsDuring(eniId, watches, fromMs, untilMs))) {
      if (overlapsSpan(span, fromMs, untilMs)) append(routes, span.logStore, span);
    }
    if (routes.size > 0) return [...routes].map(([logStore, spans]) => routeOf(logStore, spans, window.seconds, fromMs, untilMs));
    if (fallback.length === 0 || this.wasCoveredBefore(eniId, watches, untilMs)) return [];
    return fallback.map((logStore) => ({ logStore, windowSeconds: window.seconds, trafficType: null, isWhole: true }));
  }

  /** Where the ENI belonged: as it was watched at that time, else as it is now, else as it was at any time. */
  private membershipsDuring(eniId: string, watches: readonly WatchSpan[], fromMs: number, untilMs: number): readonly Membership[] {
    const during = watches.filter((span) => overlapsSpan(span, fromMs, untilMs));
    if (during.length > 0) return during.map(({ attributes }) => attributes);
    const now = this.memberships.get(eniId);
    return now ? [now] : watches.map(({ attributes }) => attributes);
  }

  private wasCoveredBefore(eniId: string, watches: readonly WatchSpan[], beforeMs: number): boolean {
    const memberships: Membership[] = watches.map(({ attributes }) => attributes);
    const now = this.memberships.get(eniId);
    if (now) memberships.push(now);
    return this.covering(eniId, memberships).some(({ fromMs }) => fromMs < beforeMs);
  }

  private covering(eniId: string, memberships: readonly Membership[]): CoverageSpan[] {
    const resources = new Set([`ENI ${eniId}`]);
    for (const { vswitchId, vpcId } of memberships) resources.add(`VSwitch ${vswitchId ?? ''}`).add(`VPC ${vpcId ?? ''}`);
    return [...resources].flatMap((resource) => this.byResource.get(resource) ?? []);
  }
}

/** Several flow logs of one ENI with one LogStore: its rows stand there once, in the finest window. */
function routeOf(logStore: string, spans: readonly CoverageSpan[], rowSeconds: number, fromMs: number, untilMs: number): Route {
  const types = new Set(spans.map(({ trafficType }) => trafficType));
  const trafficType = types.size === 1 ? spans[0]!.trafficType : 'All';
  const actions = trafficType === 'All' ? ['Allow', 'Drop'] as const : [trafficType];
  return {
    logStore,
    windowSeconds: Math.min(...spans.map(({ windowSeconds }) => (windowSeconds % rowSeconds === 0 ? windowSeconds : rowSeconds))),
    trafficType,
    isWhole: actions.every((action) => fillTogether(spans.filter((span) => covers(span.trafficType, action)), fromMs, untilMs)),
  };
}

/** Whether who recorded `recorded` has all that `asked` asks for. */
export function covers(recorded: TrafficType | null, asked: TrafficType): boolean {
  return recorded === 'All' || recorded === asked;
}

function fillTogether(spans: readonly CoverageSpan[], fromMs: number, untilMs: number): boolean {
  let filledMs = fromMs;
  for (const span of spans.toSorted((a, b) => a.fromMs - b.fromMs)) {
    if (fillsSpan(span, filledMs, untilMs)) return true;
    if (span.fromMs > filledMs) return false;
    filledMs = Math.max(filledMs, span.untilMs ?? Infinity);
  }
  return false;
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}
