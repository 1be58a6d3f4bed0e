import { hasPorts } from '../protocol.ts';
import { NO_VALUE, PortMaps } from './port-maps.ts';
import { PortPlane } from './port-plane.ts';
import type { OrderedRule } from './rule-order.ts';

/** A table whose parent holds no more rules than this takes them in: one search instead of two. */
const MAX_RULES_COPIED = 32;
const MAX_PORT = 0xffff;
const NO_SECTION = 0;
/** Link of a table that has no other behind it. */
export const NO_TABLE = -1;

/**
 * Tables from (protocol, ports) to the first rule that matches, by its place in the evaluation order. Each table is
 * for one set of peers; what applies to a wider block of addresses around it stands in the table that it links to.
 *
 * I1. The first rule for a peer is the least of what the peer's table and the tables linked behind it give.
 */
export class ServiceTables {
  private readonly rules: readonly OrderedRule[];
  private readonly tableOf = new Map<string, number>();
  private readonly orders: number[][] = [];
  private readonly links: number[] = [];
  private link = new Int32Array(0);
  /** Least order in the table, all protocols together. */
  private first = new Int32Array(0);

  /** By protocol; 0 and 1 are the protocols that no rule names, without and with ports. */
  private readonly classes = new Uint16Array(256);
  private classCount = 2;
  private readonly maps = new PortMaps();
  /** By table and class. */
  private sectionOf = new Int32Array(0);
  /** By section: map of destination ports, and the plane of rules that ask for source ports. */
  private readonly mapOf: number[] = [];
  private readonly planeOf: (PortPlane | null)[] = [];

  constructor(rules: readonly OrderedRule[]) {
    this.rules = rules;
    for (let protocol = 0; protocol < 256; protocol++) this.classes[protocol] = hasPorts(protocol) ? 1 : 0;
    for (const protocol of new Set(rules.map((rule) => rule.protocol))) {
      if (protocol !== null) this.classes[protocol] = this.classCount++;
    }
  }

  /** The table for peers inside the blocks of table `around` to which the rules `orders` apply besides. */
  tableFor(around: number, orders: readonly number[]): number {
    const key = `${around} ${orders.join()}`;
    const known = this.tableOf.get(key);
    if (known !== undefined) return known;
    let own = [...orders];
    let link = around;
    if (around !== NO_TABLE && this.orders[around]!.length <= MAX_RULES_COPIED) {
      own = own.concat(this.orders[around]!);
      link = this.links[around]!;
    }
    const table = this.orders.push([...new Set(own)].sort((a, b) => a - b)) - 1;
    this.links.push(link);
    this.tableOf.set(key, table);
    return table;
  }

  /** Builds the tables; after this only `find` may be called. */
  seal(): void {
    const { classCount } = this;
    this.link = Int32Array.from(this.links);
    this.first = Int32Array.from(this.orders, (orders) => orders[0] ?? NO_VALUE);
    this.sectionOf = new Int32Array(this.orders.length * classCount);
    this.addSection([], false);
    this.orders.forEach((orders, table) => {
      const sections = this.sectionOf.subarray(table * classCount, (table + 1) * classCount);
      const unnamed = orders.filter((order) => this.rules[order]!.protocol === null);
      sections[0] = this.addSection(unnamed, false);
      sections[1] = this.addSection(unnamed, true);
      const named = new Set(orders.map((order) => this.rules[order]!.protocol).filter((protocol) => protocol !== null));
      for (let protocol = 0; protocol < 256; protocol++) {
        const at = this.classes[protocol]!;
        if (at < 2) continue;
        sections[at] = named.has(protocol)
          ? this.addSection(orders.filter((order) => this.rules[order]!.protocol === null || this.rules[order]!.protocol === protocol), hasPorts(protocol))
          : sections[hasPorts(protocol) ? 1 : 0]!;
      }
    });
    this.maps.seal();
    this.tableOf.clear();
    this.orders.length = 0;
  }

  private addSection(orders: readonly number[], withPorts: boolean): number {
    const rules = orders.map((order) => ({ order, rule: this.rules[order]! }));
    const matching = withPorts ? rules : rules.filter(({ rule }) => !rule.portRange && !rule.sourcePortRange);
    if (matching.length === 0 && this.mapOf.length > 0) return NO_SECTION;
    const flat = matching.filter(({ rule }) => !rule.sourcePortRange).map(({ order, rule }) => ({
      from: rule.portRange?.from ?? 0, to: rule.portRange?.to ?? MAX_PORT, value: order,
    }));
    const rectangles = matching.filter(({ rule }) => rule.sourcePortRange).map(({ order, rule }) => ({
      from: rule.portRange?.from ?? 0, to: rule.portRange?.to ?? MAX_PORT, value: order,
      sourceFrom: rule.sourcePortRange!.from, sourceTo: rule.sourcePortRange!.to,
    }));
    this.planeOf.push(rectangles.length > 0 ? new PortPlane(rectangles, this.maps) : null);
    return this.mapOf.push(this.maps.add(flat)) - 1;
  }

  /** The first rule that matches, NO_VALUE if none does. `ports` are those of the flow key. */
  find(table: number, protocol: number, ports: number): number {
    const { link, first, classCount, maps, mapOf, planeOf } = this;
    const at = this.classes[protocol]!;
    let best = NO_VALUE;
    for (let next = table; next !== NO_TABLE; next = link[next]!) {
      if (first[next]! >= best) continue;
      const section = this.sectionOf[next * classCount + at]!;
      if (section === NO_SECTION) continue;
      const order = maps.find(mapOf[section]!, ports & MAX_PORT);
      if (order < best) best = order;
      const plane = planeOf[section]!;
      if (plane !== null && plane.lowest < best) {
        const restricted = plane.find(ports >>> 16, ports & MAX_PORT);
        if (restricted < best) best = restricted;
      }
    }
    return best;
  }
}
