import type { EniAttributes, WireSeal } from '../../shared/wire/wire-seal.ts';
import type { BatchHeader, JournalFrame, RollCall } from './batch-frame.ts';
import type { Stretch } from './segment.ts';

/** ENIs times windows that a batch of which nothing is left is taken to have held, at most. */
const MAX_PARTS = 100_000;
const NO_ATTRIBUTES: EniAttributes = { vswitchId: null, vmId: null, vpcId: null, accountId: null, region: null };

interface Part {
  readonly start: number;
  readonly seconds: number;
  readonly eniId: string;
}

/**
 * A batch whose rows are lost and whose header is known, as one without rows: its seals count, and for each ENI and
 * window that it had rows of, another one says how many rows are missing, and that nobody knows their packets.
 */
export function withoutRows(frame: JournalFrame, stretch: Stretch): JournalFrame {
  const losses = frame.windows.flatMap(({ start, seconds, enis }) => enis.map(([eniId, rows]) => lossSeal(frame, { start, seconds, eniId }, rows)));
  return { ...frame, windows: [], seals: [...losses, ...frame.seals], body: { ...frame.body, length: 0 }, ...(losses.length > 0 ? { damaged: { frame, stretch } } : {}) };
}

/**
 * What stands for batches of which nothing is left but that they came between two others of their agent: every window
 * from those of the one to those of the other may lack something, of each ENI that either speaks of.
 */
export function batchBetween(before: JournalFrame, after: JournalFrame): Omit<BatchHeader, 'sequence'> {
  const parts = [...partsOf(before), ...partsOf(after)];
  const enis = new Set(parts.map(({ eniId }) => eniId));
  const seals: WireSeal[] = [];
  for (const seconds of new Set(parts.map((part) => part.seconds))) {
    const starts = parts.filter((part) => part.seconds === seconds).map(({ start }) => start);
    const first = Math.min(...starts);
    const last = Math.min(Math.max(...starts), first + seconds * Math.floor(MAX_PARTS / enis.size));
    for (let start = first; start <= last; start += seconds) for (const eniId of enis) seals.push(lossSeal(before, { start, seconds, eniId }, 0));
  }
  return { agent: before.agent, epoch: before.epoch, logStore: before.logStore, receivedMs: after.receivedMs, windows: [], seals };
}

/** Who was to seal a window whose call is lost: those whom the call before and the one after name. */
export function callBetween(number: number, before: RollCall, after: RollCall): RollCall {
  const later = new Set(after.expected.map(({ eniId, agentId }) => JSON.stringify([eniId, agentId])));
  return {
    start: number * before.seconds, seconds: before.seconds,
    expected: before.expected.filter(({ eniId, agentId }) => later.has(JSON.stringify([eniId, agentId]))),
  };
}

function partsOf({ windows, seals }: BatchHeader): Part[] {
  return [
    ...windows.flatMap(({ start, seconds, enis }) => enis.map(([eniId]) => ({ start, seconds, eniId }))),
    ...seals.map(({ windowStart, windowSeconds, eniId }) => ({ start: windowStart, seconds: windowSeconds, eniId })),
  ];
}

/** Says of a window nothing but that rows of it are lost. */
function lossSeal(frame: BatchHeader, { start, seconds, eniId }: Part, rows: number): WireSeal {
  const { vswitchId, vmId, vpcId, accountId, region } = frame.seals.find((seal) => seal.eniId === eniId) ?? NO_ATTRIBUTES;
  return {
    vswitchId, vmId, vpcId, accountId, region, agentId: frame.agent, eniId, windowStart: start, windowSeconds: seconds,
    records: rows, droppedRecords: rows, droppedPackets: 0, gapPackets: null,
    packets: 0, bytes: 0, packetsSeen: 0, filteredPackets: 0, nonIpPackets: 0, undecodable: {}, latePackets: 0, overflowPackets: 0, ringDrops: 0,
    revision: 0, partial: true, trafficType: 'All',
  };
}
