import {
  KEY_DST0, KEY_DST1, KEY_DST2, KEY_DST3, KEY_META, KEY_PORTS, KEY_SRC0, KEY_SRC1, KEY_SRC2, KEY_SRC3, META_IPV6, META_OUT,
} from '../flow-key.ts';
import { Ipv4Map, Ipv6Map, nestedIntervals, type AddressInterval, type NestedBlock } from './address-map.ts';
import type { PeerSet } from './peer-set.ts';
import { NO_VALUE } from './port-maps.ts';
import type { OrderedRule } from './rule-order.ts';
import { NO_TABLE, ServiceTables } from './service-tables.ts';

/** No rule matches. */
export const NO_RULE = NO_VALUE;

/**
 * A compiled list of rules: finds the first that matches in time that grows with the logarithm of their number. The
 * peer's address picks a service table, the protocol and ports a rule in it. See docs/decisions/001-classifier.md.
 */
export class Classifier {
  private readonly ipv4: Ipv4Map;
  private readonly ipv6: Ipv6Map;
  private readonly tables: ServiceTables;

  constructor(rules: readonly OrderedRule[]) {
    this.tables = new ServiceTables(rules);
    const blocks = blocksOf(rules);
    const ipv4 = this.intervals(blocks, 4);
    const ipv6 = this.intervals(blocks, 6);
    this.tables.seal();
    const rowOf = ({ first, value }: AddressInterval): AddressInterval => ({ first, value: this.tables.rowOf(value) });
    this.ipv4 = new Ipv4Map(ipv4.map(rowOf));
    this.ipv6 = new Ipv6Map(ipv6.map(rowOf));
  }

  private intervals(blocks: readonly NestedBlock<readonly number[]>[], family: 4 | 6): AddressInterval[] {
    const own = blocks.filter(({ block }) => block.family === family);
    return nestedIntervals(own, family, NO_TABLE, (around, orders) => this.tables.tableFor(around, orders));
  }

  /** The place of the first matching rule in the list, NO_RULE if there is none. Reads KEY_META but for the ENI. */
  find(keys: Int32Array, at: number): number {
    const meta = keys[at + KEY_META]!;
    const isOut = (meta & META_OUT) !== 0;
    const word3 = keys[at + (isOut ? KEY_DST3 : KEY_SRC3)]!;
    let row: number;
    if ((meta & META_IPV6) === 0) row = this.ipv4.find(word3);
    else if (isOut) row = this.ipv6.find(keys[at + KEY_DST0]!, keys[at + KEY_DST1]!, keys[at + KEY_DST2]!, word3);
    else row = this.ipv6.find(keys[at + KEY_SRC0]!, keys[at + KEY_SRC1]!, keys[at + KEY_SRC2]!, word3);
    return this.tables.find(row, meta & 0xff, keys[at + KEY_PORTS]!);
  }
}

/** Every block of addresses that a rule names, once, with the places of the rules that name exactly it. */
function blocksOf(rules: readonly OrderedRule[]): NestedBlock<readonly number[]>[] {
  const ordersOf = new Map<PeerSet, number[]>();
  rules.forEach((rule, order) => {
    const orders = ordersOf.get(rule.peers);
    if (orders) orders.push(order);
    else ordersOf.set(rule.peers, [order]);
  });
  const blocks = new Map<string, { block: PeerSet[number]; peers: Set<PeerSet> }>();
  for (const peers of ordersOf.keys()) {
    for (const block of peers) {
      const key = `${block.family} ${block.first} ${block.last}`;
      const known = blocks.get(key);
      if (known) known.peers.add(peers);
      else blocks.set(key, { block, peers: new Set([peers]) });
    }
  }
  const merged = new Map<string, readonly number[]>();
  return Array.from(blocks.values(), ({ block, peers }) => {
    const all = Array.from(peers, (set) => ordersOf.get(set)!);
    if (all.length === 1) return { block, content: all[0]! };
    const key = all.map((orders) => orders[0]).join();
    let content = merged.get(key);
    if (!content) merged.set(key, content = all.flat().sort((a, b) => a - b));
    return { block, content };
  });
}
