/** What the agents of the chaos test make, so that each row can be made again from where it says it comes from. */
import { NONE, Records, STATUS_OK, type RecordContext } from '../../shared/records.ts';
import type { Seal } from '../../shared/seal.ts';
import { CONTEXT, sealOf } from '../shared/wire/wire-samples.ts';

export const WINDOW_SECONDS = 60;
const FIRST_START = 1_700_000_400;
export const ENIS_AN_AGENT = 2;
/** Some windows hold more than one batch takes, so that rows wait in the spool for their seals. */
const LARGE_ROWS = 132_000;
const EMPTY_EVERY = 19;

/** A window as it was made: by which agent, which of its windows, and in which of its lives. */
export interface MadeWindow {
  readonly seed: number;
  readonly agent: number;
  readonly number: number;
  readonly life: number;
}

export interface WindowSizes {
  readonly rows: number;
  /** Each so many windows a large one; 0: none. */
  readonly largeEvery: number;
}

/** What a row holds beside its place; one object, filled anew. */
export interface ChaosRow {
  destination: number;
  sourcePort: number;
  destinationPort: number;
  protocol: number;
  packets: number;
  bytes: number;
  firstSeenUs: number;
  lastSeenUs: number;
}

export const emptyRow = (): ChaosRow => ({ destination: 0, sourcePort: 0, destinationPort: 0, protocol: 0, packets: 0, bytes: 0, firstSeenUs: 0, lastSeenUs: 0 });

export function agentName(agent: number): string {
  return `chaos-${agent}`;
}

export function eniName(agent: number, eni: number): string {
  return `eni-${agent}-${eni}`;
}

export function windowStart(number: number): number {
  return FIRST_START + number * WINDOW_SECONDS;
}

export function windowNumber(start: number): number {
  return (start - FIRST_START) / WINDOW_SECONDS;
}

export function chaosContext(agent: number): RecordContext {
  const enis = Array.from({ length: ENIS_AN_AGENT }, (_, eni) => ({ ...CONTEXT.enis[0]!, eniId: eniName(agent, eni) }));
  return { ...CONTEXT, agentId: agentName(agent), enis };
}

/** How many rows; the same in each life. */
export function rowCount({ seed, agent, number }: MadeWindow, { rows, largeEvery }: WindowSizes): number {
  if (largeEvery > 0 && number % largeEvery === largeEvery - 1) return LARGE_ROWS;
  return number % EMPTY_EVERY === EMPTY_EVERY - 1 ? 0 : 1 + mixed(seed, agent, number, 0, -1) % rows;
}

/** Of the ENI `row % ENIS_AN_AGENT`. */
export function fillRow({ seed, agent, number, life }: MadeWindow, row: number, into: ChaosRow): void {
  const bits = mixed(seed, agent, number, life, row);
  into.destination = 0x0a00_0000 + (bits & 0xffff);
  into.sourcePort = 1024 + (bits >>> 17);
  into.destinationPort = bits % 3 === 0 ? 443 : 53;
  into.protocol = bits % 3 === 0 ? 6 : 17;
  into.packets = 1 + bits % 1009;
  into.bytes = into.packets * (40 + (bits >>> 8) % 1400);
  into.firstSeenUs = windowStart(number) * 1e6 + bits % 30_000_000;
  into.lastSeenUs = into.firstSeenUs + (bits >>> 3) % 29_000_000;
}

export function windowRows(made: MadeWindow, first: number, end: number): Records {
  const records = new Records(windowStart(made.number), WINDOW_SECONDS, Math.max(1, end - first));
  const values = emptyRow();
  for (let number = first; number < end; number++) {
    fillRow(made, number, values);
    const row = records.add();
    records.eni[row] = number % ENIS_AN_AGENT;
    records.verdict[row] = 0;
    records.source.set([0x2001_0db8, made.number, made.life, number], row * 4);
    records.destination.set([0, 0, 0xffff, values.destination], row * 4);
    records.sourcePort[row] = values.sourcePort;
    records.destinationPort[row] = values.destinationPort;
    records.protocol[row] = values.protocol;
    records.packets[row] = values.packets;
    records.bytes[row] = values.bytes;
    records.firstSeenUs[row] = values.firstSeenUs;
    records.lastSeenUs[row] = values.lastSeenUs;
    records.icmp[row] = NONE;
    records.status[row] = STATUS_OK;
    records.skippedPackets[row] = NONE;
  }
  return records;
}

export function windowSeals(made: MadeWindow, count: number): Seal[] {
  const values = emptyRow();
  const seals = Array.from({ length: ENIS_AN_AGENT }, (_, eni) => sealOf({
    agentId: agentName(made.agent), eniId: eniName(made.agent, eni), windowStart: windowStart(made.number), windowSeconds: WINDOW_SECONDS,
    records: 0, packets: 0, bytes: 0, packetsSeen: 0,
  }));
  for (let row = 0; row < count; row++) {
    fillRow(made, row, values);
    const seal = seals[row % ENIS_AN_AGENT]!;
    seal.records++;
    seal.packets += values.packets;
    seal.packetsSeen += values.packets;
    seal.bytes += values.bytes;
  }
  return seals;
}

function mixed(...parts: readonly number[]): number {
  let bits = 0x9e37_79b9;
  for (const part of parts) {
    bits = Math.imul(bits ^ part, 0x85eb_ca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
    bits ^= bits >>> 16;
  }
  return bits >>> 0;
}
