import type { RecordContext } from '../records.ts';
import type { Seal } from '../seal.ts';
import type { TrafficType } from '../topology/topology.ts';
import { BatchError, quoted } from './batch-error.ts';
import { MAX_SECONDS, MAX_SYMBOL_BYTES, MAX_WINDOW_SECONDS, NOT_IN_SYMBOLS } from './limits.ts';

/** What a status row says of its ENI: a seal travels with it, since no record may be there to tell. */
export interface EniAttributes {
  readonly vswitchId: string | null;
  readonly vmId: string | null;
  readonly vpcId: string | null;
  readonly accountId: string | null;
  readonly region: string | null;
}

export type WireSeal = Seal & EniAttributes;

export function wireSeals(seals: readonly Seal[], context: RecordContext): WireSeal[] {
  const enis = new Map(context.enis.map((eni) => [eni.eniId, eni]));
  return seals.map((seal) => {
    const eni = enis.get(seal.eniId);
    return {
      ...seal, vswitchId: eni?.vswitchId ?? null, vmId: eni?.vmId ?? null, vpcId: eni?.vpcId ?? null,
      accountId: context.accountId, region: context.region,
    };
  });
}

/** The counts that are 0 where the JSON does not name them. */
const COUNTS = {
  'records': 'records', 'packets': 'packets', 'bytes': 'bytes', 'packets-seen': 'packetsSeen',
  'filtered-packets': 'filteredPackets', 'non-ip-packets': 'nonIpPackets', 'late-packets': 'latePackets',
  'overflow-packets': 'overflowPackets', 'dropped-records': 'droppedRecords', 'dropped-packets': 'droppedPackets', 'revision': 'revision',
} as const;
/** null, or absent: unknown. */
const COUNTS_OR_UNKNOWN = { 'ring-drops': 'ringDrops', 'gap-packets': 'gapPackets' } as const;
const NAMES = { 'agent-id': 'agentId', 'eni-id': 'eniId' } as const;
const NAMES_OR_NULL = {
  'vswitch-id': 'vswitchId', 'vm-id': 'vmId', 'vpc-id': 'vpcId', 'account-id': 'accountId', 'region': 'region',
} as const;
const OTHERS = ['window-start', 'window-seconds', 'undecodable', 'partial', 'traffic-type'];
const KNOWN = new Set([COUNTS, COUNTS_OR_UNKNOWN, NAMES, NAMES_OR_NULL].flatMap((group) => Object.keys(group)).concat(OTHERS));
const MAX_REASONS = 256;

/** A seal as both encodings carry it: the names of `Seal` with `-`, as the fields have it. */
export function sealToJson(seal: WireSeal): Record<string, unknown> {
  const json: Record<string, unknown> = {
    'window-start': seal.windowStart, 'window-seconds': seal.windowSeconds, 'undecodable': seal.undecodable, 'partial': seal.partial,
    'traffic-type': seal.trafficType,
  };
  for (const group of [NAMES, COUNTS, COUNTS_OR_UNKNOWN, NAMES_OR_NULL]) {
    for (const [name, key] of Object.entries(group)) json[name] = seal[key as keyof WireSeal];
  }
  return json;
}

/** `place` says where in the batch the seal stands, for the error text. */
export function sealFromJson(json: unknown, place: string, defaultAgentId: string | null = null): WireSeal {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new BatchError('malformed', `${place}: a seal is an object, not ${quoted(JSON.stringify(json))}`);
  }
  const source = json as Record<string, unknown>;
  for (const name of Object.keys(source)) {
    if (!KNOWN.has(name)) throw new BatchError('invalid', `${place}: a seal has no ${quoted(name)}; it has ${[...KNOWN].join(', ')}`);
  }
  const result: Record<string, unknown> = {};
  for (const [name, key] of Object.entries(NAMES)) {
    result[key] = symbol(source[name] ?? (name === 'agent-id' ? defaultAgentId : null), name, place);
  }
  for (const [name, key] of Object.entries(NAMES_OR_NULL)) {
    const value = source[name] ?? null;
    result[key] = value === null ? null : symbol(value, name, place);
  }
  for (const [name, key] of Object.entries(COUNTS)) result[key] = count(source[name] ?? 0, name, place);
  for (const [name, key] of Object.entries(COUNTS_OR_UNKNOWN)) {
    const value = source[name] ?? null;
    result[key] = value === null ? null : count(value, name, place);
  }
  const { windowStart, windowSeconds } = checkedWindow(
    count(source['window-start'], 'window-start', place), count(source['window-seconds'], 'window-seconds', place), place);
  result['windowStart'] = windowStart;
  result['windowSeconds'] = windowSeconds;
  result['undecodable'] = reasons(source['undecodable'] ?? {}, place);
  result['partial'] = flag(source['partial'] ?? false, place);
  result['trafficType'] = trafficType(source['traffic-type'], place);
  return result as unknown as WireSeal;
}

/** A window's bounds: whole seconds, aligned to the epoch, not absurdly long or far. */
export function checkedWindow(windowStart: number, windowSeconds: number, place: string): { windowStart: number; windowSeconds: number } {
  if (!(windowSeconds >= 1 && windowSeconds <= MAX_WINDOW_SECONDS)) {
    throw new BatchError('invalid', `${place}: a window of ${windowSeconds} seconds; 1 to ${MAX_WINDOW_SECONDS} are possible`);
  }
  if (windowStart > MAX_SECONDS) throw new BatchError('invalid', `${place}: a window cannot start at ${windowStart}; ${MAX_SECONDS} is the latest`);
  if (windowStart % windowSeconds !== 0) {
    throw new BatchError('invalid', `${place}: a window of ${windowSeconds} s cannot start at ${windowStart}: windows are aligned to the Unix epoch`);
  }
  return { windowStart, windowSeconds };
}

function symbol(value: unknown, name: string, place: string): string {
  if (typeof value === 'string' && value.length > 0 && Buffer.byteLength(value) <= MAX_SYMBOL_BYTES && !NOT_IN_SYMBOLS.test(value)) return value;
  throw new BatchError('invalid', `${place}: ${name} is ${quoted(value)}, not a text of 1 to ${MAX_SYMBOL_BYTES} bytes without control characters`);
}

function count(value: unknown, name: string, place: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new BatchError('invalid', `${place}: ${name} is ${quoted(value)}, not a whole number from 0 to 2^53`);
}

function flag(value: unknown, place: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new BatchError('invalid', `${place}: partial is ${quoted(value)}, neither true nor false`);
}

/** Whoever says nothing about it leaves nothing out; null: nothing was recorded all the time. */
function trafficType(value: unknown, place: string): TrafficType | null {
  if (value === undefined) return 'All';
  if (value === 'All' || value === 'Allow' || value === 'Drop' || value === null) return value;
  throw new BatchError('invalid', `${place}: traffic-type is ${quoted(value)}; it can be All, Allow, Drop or null`);
}

function reasons(value: unknown, place: string): Record<string, number> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length > MAX_REASONS) {
    throw new BatchError('invalid', `${place}: undecodable is an object of at most ${MAX_REASONS} counts by reason`);
  }
  return Object.fromEntries(Object.entries(value).map(([reason, packets]) => [symbol(reason, 'a reason', place), count(packets, reason, place)]));
}
