import type { TrafficType } from '../../shared/topology/topology.ts';
import type { EniAttributes } from '../../shared/wire/wire-seal.ts';

/** A stretch of time, Unix milliseconds, [from, until). */
export interface Span {
  readonly fromMs: number;
  /** null: it goes on. */
  readonly untilMs: number | null;
}

/** A flow log as it was for some time: enabling or changing one begins a new span, whatever ends it closes the last. */
export interface CoverageSpan extends Span {
  readonly flowLogId: string;
  readonly resourceType: 'ENI' | 'VSwitch' | 'VPC';
  readonly resourceId: string;
  readonly trafficType: TrafficType;
  readonly logStore: string;
  readonly windowSeconds: number;
}

/** For this time this agent was to seal each window of this ENI. */
export interface WatchSpan extends Span {
  readonly eniId: string;
  readonly agentId: string;
  /** Of the agent's rows. */
  readonly windowSeconds: number;
  /** What the ENI belonged to. */
  readonly attributes: EniAttributes;
}

/** Whether any of [fromMs, untilMs) lies in the span. */
export function overlapsSpan(span: Span, fromMs: number, untilMs: number): boolean {
  return span.fromMs < untilMs && (span.untilMs ?? Infinity) > fromMs;
}

/** Whether all of [fromMs, untilMs) lies in the span. */
export function fillsSpan(span: Span, fromMs: number, untilMs: number): boolean {
  return span.fromMs <= fromMs && (span.untilMs ?? Infinity) >= untilMs;
}
