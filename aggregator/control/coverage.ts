import { isDeepStrictEqual } from 'node:util';
import type { Eni, FlowLog, Topology, TrafficType } from '../../shared/topology/topology.ts';
import type { CoverageSpan } from './spans.ts';

/** A span that ended so long ago counts no more: batches that old are not kept by any agent. */
const SPANS_KEPT_MS = 31 * 24 * 3600 * 1000;

/**
 * The spans after the flow logs have become these. One that is active has one open span, which says what it is; where
 * it says something else now, it ends and another one begins.
 */
export function followFlowLogs(spans: readonly CoverageSpan[], flowLogs: readonly FlowLog[], nowMs: number): readonly CoverageSpan[] {
  const open = new Map(spans.filter(({ untilMs }) => untilMs === null).map((span) => [span.flowLogId, span]));
  const wanted = new Map(flowLogs.filter(({ status }) => status === 'Active').map((flowLog) => [flowLog.flowLogId, spanOf(flowLog, nowMs)]));
  const isKept = (span: CoverageSpan): boolean => isDeepStrictEqual({ ...wanted.get(span.flowLogId), fromMs: span.fromMs }, span);
  const begun = [...wanted.values()].filter((span) => {
    const known = open.get(span.flowLogId);
    return known === undefined || !isKept(known);
  });
  const ended = (span: CoverageSpan): CoverageSpan => (span.untilMs !== null || isKept(span) ? span : { ...span, untilMs: nowMs });
  const left = spans.map(ended).filter(({ untilMs }) => untilMs === null || untilMs > nowMs - SPANS_KEPT_MS);
  const isSame = begun.length === 0 && left.length === spans.length && left.every((span, i) => span === spans[i]);
  return isSame ? spans : [...left, ...begun];
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
  const byResource = new Map<string, FlowLog[]>();
  for (const flowLog of flowLogs) {
    if (flowLog.status !== 'Active') continue;
    const key = `${flowLog.resourceType} ${flowLog.resourceId}`;
    byResource.set(key, [...(byResource.get(key) ?? []), flowLog]);
  }
  const result = new Map<string, Recording>();
  if (byResource.size === 0) return result;
  for (const eni of enis) {
    const covering = resourcesOfEni(eni).flatMap((key) => byResource.get(key) ?? []);
    if (covering.length === 0) continue;
    const types = new Set(covering.map(({ trafficType }) => trafficType));
    result.set(eni.eniId, {
      trafficType: types.size === 1 ? covering[0]!.trafficType : 'All',
      windowSeconds: Math.min(...covering.map(({ windowSeconds }) => windowSeconds)),
    });
  }
  return result;
}

function resourcesOfEni({ eniId, vswitchId, vpcId }: Eni): string[] {
  return [`ENI ${eniId}`, `VSwitch ${vswitchId ?? ''}`, `VPC ${vpcId ?? ''}`];
}

/** ENIs that a flow log on this resource covers now. */
export function coveredEnis({ enis }: Pick<Topology, 'enis'>, resourceType: FlowLog['resourceType'], resourceId: string): Eni[] {
  return enis.filter((eni) => resourcesOfEni(eni).includes(`${resourceType} ${resourceId}`));
}
