import { isDeepStrictEqual } from 'node:util';
import type { Eni, FlowLog, Topology, TrafficType } from '../../shared/topology/topology.ts';
import type { CoverageSpan } from './spans.ts';

/** A span that ended so long ago counts no more: batches that old are not kept by any agent. */
const SPANS_KEPT_MS = 31 * 24 * 3600 * 1000;
/** Of those that ended, the newest. */
const MAX_ENDED_SPANS = 10_000;

/**
 * The spans after the flow logs have become these. One that is active has one open span, which says what it is; where
 * it says something else now, it ends and another one begins. Those that ended come first, by their ends.
 */
export function followFlowLogs(spans: readonly CoverageSpan[], flowLogs: readonly FlowLog[], nowMs: number): readonly CoverageSpan[] {
  const wanted = new Map(flowLogs.filter(({ status }) => status === 'Active').map((flowLog) => [flowLog.flowLogId, spanOf(flowLog, nowMs)]));
  const ended: CoverageSpan[] = [];
  const going: CoverageSpan[] = [];
  let isNews = false;
  for (const span of spans) {
    if (span.untilMs !== null) ended.push(span);
    else if (isDeepStrictEqual({ ...wanted.get(span.flowLogId), fromMs: span.fromMs }, span)) {
      going.push(span);
      wanted.delete(span.flowLogId);
    } else {
      isNews = true;
      if (span.fromMs < nowMs) ended.push({ ...span, untilMs: nowMs });
    }
  }
  const kept = ended.slice(-MAX_ENDED_SPANS).filter(({ untilMs }) => untilMs! > nowMs - SPANS_KEPT_MS);
  return !isNews && wanted.size === 0 && kept.length === ended.length ? spans : [...kept, ...going, ...wanted.values()];
}

function spanOf({ flowLogId, resourceType, resourceId, trafficType, logStore, windowSeconds }: FlowLog, fromMs: number): CoverageSpan {
  return { flowLogId, resourceType, resourceId, trafficType, logStore, windowSeconds, fromMs, untilMs: null };
}

/** What is to be recorded of one ENI now. */
export interface Recording {
  readonly trafficType: TrafficType;
  readonly windowSeconds: number;
}

/** By ENI, of all that an active flow log covers. */
export function recordings({ enis, flowLogs }: Pick<Topology, 'enis' | 'flowLogs'>): Map<string, Recording> {
  const byResource: Record<FlowLog['resourceType'], Map<string | null, Recording[]>> = { ENI: new Map(), VSwitch: new Map(), VPC: new Map() };
  for (const { status, resourceType, resourceId, trafficType, windowSeconds } of flowLogs) {
    if (status !== 'Active') continue;
    const others = byResource[resourceType].get(resourceId) ?? [];
    byResource[resourceType].set(resourceId, [...others, { trafficType, windowSeconds }]);
  }
  const result = new Map<string, Recording>();
  for (const { eniId, vswitchId, vpcId } of enis) {
    let recording: Recording | null = null;
    for (const other of byResource.ENI.get(eniId) ?? NONE) recording = both(recording, other);
    for (const other of byResource.VSwitch.get(vswitchId) ?? NONE) recording = both(recording, other);
    for (const other of byResource.VPC.get(vpcId) ?? NONE) recording = both(recording, other);
    if (recording) result.set(eniId, recording);
  }
  return result;
}

const NONE: readonly Recording[] = [];

function both(a: Recording | null, b: Recording): Recording {
  if (a === null) return b;
  return { trafficType: a.trafficType === b.trafficType ? a.trafficType : 'All', windowSeconds: Math.min(a.windowSeconds, b.windowSeconds) };
}

/** ENIs that a flow log on this resource covers now. */
export function coveredEnis({ enis }: Pick<Topology, 'enis'>, resourceType: FlowLog['resourceType'], resourceId: string): Eni[] {
  const key = resourceType === 'ENI' ? 'eniId' : resourceType === 'VSwitch' ? 'vswitchId' : 'vpcId';
  return enis.filter((eni) => eni[key] === resourceId);
}
