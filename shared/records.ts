import type { Eni, Topology } from './topology/topology.ts';
import type { Verdict } from './verdict/verdict.ts';

/** Codes of `Records.status`; the index into LOG_STATUSES. */
export const STATUS_OK = 0;
export const STATUS_NODATA = 1;
export const STATUS_SKIPDATA = 2;

/** Value of `Records.verdict`, `icmp` and `skippedPackets` that stands for "none". */
export const NONE = -1;

/** What the numbers in Records refer to; fixed for the life of one pipeline, `verdicts` only grows. */
export interface RecordContext {
  readonly agentId: string;
  readonly accountId: string | null;
  readonly region: string | null;
  readonly enis: readonly Eni[];
  readonly verdicts: readonly Verdict[];
}

export function recordContext(agentId: string, topology: Topology, verdicts: readonly Verdict[]): RecordContext {
  return { agentId, accountId: topology.accountId, region: topology.region, enis: topology.enis, verdicts };
}

/** Rows that nobody needs any more, for whoever takes the next ones: to get fresh memory costs as much as to fill it. */
const released: Records[] = [];
/** Rows that were taken and not released, in this thread. */
let taken = 0;
const MAX_RELEASED = 4;
/** Fewer rows are made anew as fast. */
const MIN_RELEASED_CAPACITY = 1 << 12;
const MAX_RELEASED_CAPACITY = 1 << 17;

/**
 * Rows of one window, in columns. Addresses are 32-bit words, most significant first, IPv4 as IPv4-mapped.
 *
 * I1. Columns hold `count` valid rows; the arrays are replaced when they grow, so read them anew after `add`.
 * I2. Packets and bytes are whole numbers below 2^53.
 */
export class Records {
  /** Unix seconds. */
  windowStart: number;
  windowSeconds: number;
  count = 0;
  eni: Int32Array;
  /** Index into RecordContext.verdicts, NONE on rows that are not OK. */
  verdict: Int32Array;
  /** Four words a row. */
  source: Int32Array;
  destination: Int32Array;
  sourcePort: Uint16Array;
  destinationPort: Uint16Array;
  protocol: Uint8Array;
  /** Index into DIRECTIONS. */
  direction: Uint8Array;
  packets: Float64Array;
  bytes: Float64Array;
  /** Unix microseconds. */
  firstSeenUs: Float64Array;
  lastSeenUs: Float64Array;
  tcpFlags: Uint8Array;
  /** ICMP type << 8 | code, or NONE. */
  icmp: Int32Array;
  fragments: Int32Array;
  /** Index into INITIATORS. */
  initiator: Uint8Array;
  /** Index into FLOW_STATES. */
  flowState: Uint8Array;
  /** STATUS_OK, STATUS_NODATA or STATUS_SKIPDATA. */
  status: Uint8Array;
  /** On SKIPDATA rows; NONE: unknown. */
  skippedPackets: Float64Array;

  constructor(windowStart: number, windowSeconds: number, capacity = 64) {
    this.windowStart = windowStart;
    this.windowSeconds = windowSeconds;
    this.eni = new Int32Array(capacity);
    this.verdict = new Int32Array(capacity);
    this.source = new Int32Array(capacity * 4);
    this.destination = new Int32Array(capacity * 4);
    this.sourcePort = new Uint16Array(capacity);
    this.destinationPort = new Uint16Array(capacity);
    this.protocol = new Uint8Array(capacity);
    this.direction = new Uint8Array(capacity);
    this.packets = new Float64Array(capacity);
    this.bytes = new Float64Array(capacity);
    this.firstSeenUs = new Float64Array(capacity);
    this.lastSeenUs = new Float64Array(capacity);
    this.tcpFlags = new Uint8Array(capacity);
    this.icmp = new Int32Array(capacity);
    this.fragments = new Int32Array(capacity);
    this.initiator = new Uint8Array(capacity);
    this.flowState = new Uint8Array(capacity);
    this.status = new Uint8Array(capacity);
    this.skippedPackets = new Float64Array(capacity);
  }

  /** As the constructor, but what `add` appends may hold old values: for rows that whoever gets them last will release. */
  static take(windowStart: number, windowSeconds: number, capacity: number): Records {
    taken++;
    const rows = released.pop();
    if (!rows) return new Records(windowStart, windowSeconds, capacity);
    rows.windowStart = windowStart;
    rows.windowSeconds = windowSeconds;
    rows.count = 0;
    return rows;
  }

  /** Nobody looks at these rows any more. */
  release(): void {
    if (taken === 0) return;
    taken--;
    const capacity = this.eni.length;
    if (capacity >= MIN_RELEASED_CAPACITY && capacity <= MAX_RELEASED_CAPACITY && released.length < MAX_RELEASED) released.push(this);
  }

  get windowEnd(): number {
    return this.windowStart + this.windowSeconds;
  }

  /** Appends a row and returns its index; the caller fills every column. */
  add(): number {
    if (this.count === this.eni.length) this.grow(this.count * 2);
    return this.count++;
  }

  /** A row that states something about a window instead of a flow. */
  addStatus(eni: number, status: number, skippedPackets: number): number {
    const row = this.add();
    this.eni[row] = eni;
    this.status[row] = status;
    this.skippedPackets[row] = skippedPackets;
    this.verdict[row] = NONE;
    this.icmp[row] = NONE;
    return row;
  }

  /** Makes row `to` a copy of row `from` of `other`. */
  copyRow(to: number, other: Records, from: number): void {
    this.eni[to] = other.eni[from]!;
    this.verdict[to] = other.verdict[from]!;
    for (let word = 0; word < 4; word++) {
      this.source[to * 4 + word] = other.source[from * 4 + word]!;
      this.destination[to * 4 + word] = other.destination[from * 4 + word]!;
    }
    this.sourcePort[to] = other.sourcePort[from]!;
    this.destinationPort[to] = other.destinationPort[from]!;
    this.protocol[to] = other.protocol[from]!;
    this.direction[to] = other.direction[from]!;
    this.packets[to] = other.packets[from]!;
    this.bytes[to] = other.bytes[from]!;
    this.firstSeenUs[to] = other.firstSeenUs[from]!;
    this.lastSeenUs[to] = other.lastSeenUs[from]!;
    this.tcpFlags[to] = other.tcpFlags[from]!;
    this.icmp[to] = other.icmp[from]!;
    this.fragments[to] = other.fragments[from]!;
    this.initiator[to] = other.initiator[from]!;
    this.flowState[to] = other.flowState[from]!;
    this.status[to] = other.status[from]!;
    this.skippedPackets[to] = other.skippedPackets[from]!;
  }

  private grow(capacity: number): void {
    this.eni = extend(this.eni, new Int32Array(capacity));
    this.verdict = extend(this.verdict, new Int32Array(capacity));
    this.source = extend(this.source, new Int32Array(capacity * 4));
    this.destination = extend(this.destination, new Int32Array(capacity * 4));
    this.sourcePort = extend(this.sourcePort, new Uint16Array(capacity));
    this.destinationPort = extend(this.destinationPort, new Uint16Array(capacity));
    this.protocol = extend(this.protocol, new Uint8Array(capacity));
    this.direction = extend(this.direction, new Uint8Array(capacity));
    this.packets = extend(this.packets, new Float64Array(capacity));
    this.bytes = extend(this.bytes, new Float64Array(capacity));
    this.firstSeenUs = extend(this.firstSeenUs, new Float64Array(capacity));
    this.lastSeenUs = extend(this.lastSeenUs, new Float64Array(capacity));
    this.tcpFlags = extend(this.tcpFlags, new Uint8Array(capacity));
    this.icmp = extend(this.icmp, new Int32Array(capacity));
    this.fragments = extend(this.fragments, new Int32Array(capacity));
    this.initiator = extend(this.initiator, new Uint8Array(capacity));
    this.flowState = extend(this.flowState, new Uint8Array(capacity));
    this.status = extend(this.status, new Uint8Array(capacity));
    this.skippedPackets = extend(this.skippedPackets, new Float64Array(capacity));
  }
}

function extend<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}
