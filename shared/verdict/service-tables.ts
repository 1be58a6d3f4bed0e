import { hasPorts } from '../protocol.ts';
import type { PortRange } from '../topology/topology.ts';
import { NO_VALUE, PortMaps } from './port-maps.ts';
import { PortPlane } from './port-plane.ts';
import type { OrderedRule } from './rule-order.ts';

/** Behind the last table. */
export const NO_TABLE = -1;

/** How many rules may be written once more so that a search has one table less to visit. */
const MAX_RULES_COPIED = 50_000;
/** A table with no more rules than this is a list: a cache line or two. */
const MAX_LISTED = 6;
const MAX_PORT = 0xffff;
/** Words of a row before its sections or its list. */
const ROW_LINK = 0;
const ROW_FIRST = 1;
/** Length of the list, or HAS_SECTIONS. */
const ROW_LISTED = 2;
const ROW_HEADER = 3;
const HAS_SECTIONS = -1;
/**
 * Words of a listed rule: its place, the class of its protocol or one of the two below, its ports, its source ports;
 * ports are first << 16 | last.
 */
const LISTED_WORDS = 4;
const ANY_CLASS = -1;
const ANY_CLASS_WITH_PORTS = -2;
/** Map tag of a section without rules that ask for source ports. */
const NO_PLANE = -1;

/** Classes of the protocols that no rule names. */
const CLASS_WITHOUT_PORTS = 0;
const CLASS_WITH_PORTS = 1;

interface Draft {
  /** Places of rules, ascending. */
  orders: number[];
  link: number;
}

/**
 * Tables from (protocol, ports) to the first rule that matches, by its place in the evaluation order. Each table is
 * for one set of peers; what applies to a wider block of addresses around it stands in the table that it links to.
 *
 * I1. The first rule for a peer is the least of what the peer's table and the tables linked behind it give.
 * I2. A table links to one with a lower number.
 */
export class ServiceTables {
  private readonly rules: readonly OrderedRule[];
  /** By the list of own rules, then by the table around. */
  private readonly tableOf = new Map<readonly number[], Map<number, number>>();
  private drafts: Draft[] = [];

  /** By protocol. */
  private readonly classes = new Uint16Array(256);
  private classCount = 2;
  /** Protocol of each class that rules name. */
  private readonly named: number[] = [];
  private readonly maps = new PortMaps();
  private readonly planes: PortPlane[] = [];
  /**
   * One row a table: offset of the row it links to, least place in the table, then either a list of rules by place or
   * a map of destination ports for each class of protocols.
   */
  private rows = new Int32Array(0);
  /** By table. */
  private readonly rowOffsets: number[] = [];

  constructor(rules: readonly OrderedRule[]) {
    this.rules = rules;
    for (let protocol = 0; protocol < 256; protocol++) {
      this.classes[protocol] = hasPorts(protocol) ? CLASS_WITH_PORTS : CLASS_WITHOUT_PORTS;
    }
    for (const protocol of new Set(rules.map((rule) => rule.protocol))) {
      if (protocol === null) continue;
      this.classes[protocol] = this.classCount++;
      this.named.push(protocol);
    }
  }

  /**
   * The table for peers inside the blocks of table `around` to which the rules at these places apply besides. Blocks
   * with the same rules must give the same array.
   */
  tableFor(around: number, orders: readonly number[]): number {
    let byAround = this.tableOf.get(orders);
    if (!byAround) this.tableOf.set(orders, byAround = new Map());
    let table = byAround.get(around);
    if (table === undefined) byAround.set(around, table = this.drafts.push({ orders: [...orders], link: around }) - 1);
    return table;
  }

  /** Builds the tables; after this `rowOf` and `find` may be called, and nothing else. */
  seal(): void {
    this.tableOf.clear();
    this.shortenChains();
    const rows: number[] = [];
    for (const { orders, link } of this.drafts) {
      this.rowOffsets.push(rows.length);
      rows.push(this.rowOf(link), orders[0] ?? NO_VALUE);
      if (orders.length <= MAX_LISTED) rows.push(orders.length, ...orders.flatMap((order) => this.listed(order)));
      else rows.push(HAS_SECTIONS, ...this.sections(orders));
    }
    this.rows = Int32Array.from(rows);
    this.maps.seal();
    this.drafts = [];
  }

  private listed(order: number): number[] {
    const { protocol, portRange, sourcePortRange } = this.rules[order]!;
    const matched = protocol !== null ? this.classes[protocol]! : portRange || sourcePortRange ? ANY_CLASS_WITH_PORTS : ANY_CLASS;
    return [order, matched, packed(portRange), packed(sourcePortRange)];
  }

  /** A section for each class. */
  private sections(orders: readonly number[]): number[] {
    const unnamed = orders.filter((order) => this.rules[order]!.protocol === null);
    const sections = [this.addSection(unnamed, false), this.addSection(unnamed, true)];
    for (const protocol of this.named) {
      const own = orders.filter((order) => this.rules[order]!.protocol === protocol);
      const withPorts = hasPorts(protocol);
      sections.push(own.length > 0 ? this.addSection(own.concat(unnamed), withPorts) : sections[withPorts ? CLASS_WITH_PORTS : CLASS_WITHOUT_PORTS]!);
    }
    return sections;
  }

  /** Copies the rules of a table into those that link to it where that is cheap, so that searches visit fewer tables. */
  private shortenChains(): void {
    const linked = new Int32Array(this.drafts.length);
    for (const { link } of this.drafts) if (link !== NO_TABLE) linked[link]!++;
    for (const draft of this.drafts) {
      if (draft.link === NO_TABLE) continue;
      // I2: the table linked to has taken in already what it was to.
      const behind = this.drafts[draft.link]!;
      const isShortList = draft.orders.length + behind.orders.length <= MAX_LISTED;
      if (!isShortList && behind.orders.length * linked[draft.link]! > MAX_RULES_COPIED) continue;
      draft.orders = draft.orders.concat(behind.orders).sort((a, b) => a - b);
      draft.link = behind.link;
    }
  }

  private addSection(orders: readonly number[], withPorts: boolean): number {
    const flat = [];
    const rectangles = [];
    for (const order of orders) {
      const { portRange, sourcePortRange } = this.rules[order]!;
      if (!withPorts && (portRange || sourcePortRange)) continue;
      const range = { from: portRange?.from ?? 0, to: portRange?.to ?? MAX_PORT, value: order };
      if (sourcePortRange) rectangles.push({ ...range, sourceFrom: sourcePortRange.from, sourceTo: sourcePortRange.to });
      else flat.push(range);
    }
    const plane = rectangles.length > 0 ? this.planes.push(new PortPlane(rectangles, this.maps)) - 1 : NO_PLANE;
    return this.maps.add(flat, plane);
  }

  /** What `find` takes for a table. */
  rowOf(table: number): number {
    return table === NO_TABLE ? NO_TABLE : this.rowOffsets[table]!;
  }

  /** The first rule that matches, NO_VALUE if none does. `ports` are those of the flow key. */
  find(firstRow: number, protocol: number, ports: number): number {
    const { rows } = this;
    const protocolClass = this.classes[protocol]!;
    let best = NO_VALUE;
    for (let row = firstRow; row !== NO_TABLE; row = rows[row + ROW_LINK]!) {
      if (rows[row + ROW_FIRST]! >= best) continue;
      const listed = rows[row + ROW_LISTED]!;
      best = listed === HAS_SECTIONS
        ? this.findInSection(rows[row + ROW_HEADER + protocolClass]!, ports, best)
        : this.findInList(row + ROW_HEADER, listed, protocolClass, protocol, ports, best);
    }
    return best;
  }

  private findInSection(map: number, ports: number, limit: number): number {
    const { maps } = this;
    const order = maps.find(map, ports & MAX_PORT);
    const best = order < limit ? order : limit;
    const plane = maps.tag(map);
    return plane === NO_PLANE ? best : this.planes[plane]!.find(ports >>> 16, ports & MAX_PORT, best);
  }

  private findInList(start: number, listed: number, protocolClass: number, protocol: number, ports: number, limit: number): number {
    const { rows } = this;
    for (let at = start; at < start + listed * LISTED_WORDS; at += LISTED_WORDS) {
      const order = rows[at]!;
      if (order >= limit) return limit;
      const matched = rows[at + 1]!;
      const isProtocol = matched === protocolClass || matched === ANY_CLASS || (matched === ANY_CLASS_WITH_PORTS && hasPorts(protocol));
      if (isProtocol && holds(rows[at + 2]!, ports & MAX_PORT) && holds(rows[at + 3]!, ports >>> 16)) return order;
    }
    return limit;
  }
}

/** All ports if there is no range. */
function packed(range: PortRange | null): number {
  return range ? range.from << 16 | range.to : MAX_PORT;
}

function holds(range: number, port: number): boolean {
  return range >>> 16 <= port && port <= (range & MAX_PORT);
}
