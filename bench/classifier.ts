/**
 * What one classification costs with 10, 1,000 and 10,000 rules, and what compiling costs.
 *
 *   npx tsx bench/classifier.ts
 *
 * Rules stand in four basic groups of one ENI. Their peers are CIDRs of 8 to 32 bits, mostly inside 10.0.0.0/8, some
 * 0.0.0.0/0; one port, a range or all ports; TCP, UDP or all. Packets are random and all different: half of their
 * peers lie in a rule's CIDR, half anywhere. The minimum and the median of several rounds are shown: the
 * machine's other work only ever adds time. `through a table` classifies while walking over 64 MB, as a flow table
 * makes it. `linear` is what the classifier stands in for: a scan of the ordered rules in typed arrays.
 */
import { KEY_META, KEY_PORTS, KEY_WORDS } from '../shared/flow-key.ts';
import { parseCidr } from '../shared/address.ts';
import { DEFAULT_TOPOLOGY, type Rule, type Topology } from '../shared/topology/topology.ts';
import { VerdictEngine } from '../shared/verdict/engine.ts';
import { PeerSets } from '../shared/verdict/peer-set.ts';
import { orderedRules } from '../shared/verdict/rule-order.ts';

const GROUPS = 4;
const PACKETS = 1 << 16;
const ROUNDS = 25;

let state = 12345;
/** A whole number below `limit`, the same sequence in every run. */
function random(limit: number): number {
  state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
  return ((state ^ state >>> 13) >>> 0) % limit;
}

type Shape = 'mixed' | 'one port each' | 'one address each' | 'source ports';

function randomRule(at: number, shape: Shape): Rule {
  const length = shape === 'one address each' ? 32 : [0, 8, 16, 24, 24, 24, 28, 32][random(8)]!;
  const anywhere = length === 0 || shape === 'one port each';
  const from = shape === 'one port each' ? at % 65536 : random(3) === 0 ? 0 : random(65536);
  const width = shape === 'one port each' || random(2) ? 0 : random(2000);
  return {
    ruleId: `r-${at}`,
    direction: 'ingress',
    policy: random(3) === 0 ? 'drop' : 'accept',
    protocol: [6, 6, 6, 17, null][random(5)]!,
    portRange: from === 0 ? null : { from, to: Math.min(65535, from + width) },
    sourcePortRange: shape === 'source ports' ? { from: random(30000), to: 30000 + random(35000) } : null,
    peer: { kind: 'cidr', cidr: anywhere ? '0.0.0.0/0' : `10.${random(256)}.${random(256)}.${random(256)}/${length}` },
    priority: 1 + random(100),
  };
}

function topologyOf(rules: number, shape: Shape): Topology {
  return {
    ...DEFAULT_TOPOLOGY,
    securityGroups: Array.from({ length: GROUPS }, (_, group) => ({
      securityGroupId: `sg-${group}`, name: '', vpcId: null, type: 'basic', innerAccess: true,
      rules: Array.from({ length: Math.ceil(rules / GROUPS) }, (_unused, at) => randomRule(at * GROUPS + group, shape)),
    })),
    enis: [{ ...DEFAULT_TOPOLOGY.enis[0]!, addresses: ['10.0.0.5'], securityGroups: Array.from({ length: GROUPS }, (_, group) => `sg-${group}`) }],
  };
}

function randomPackets(topology: Topology): Int32Array {
  const rules = topology.securityGroups.flatMap((group) => group.rules);
  const keys = new Int32Array(PACKETS * KEY_WORDS);
  for (let packet = 0; packet < PACKETS; packet++) {
    const at = packet * KEY_WORDS;
    const rule = rules[random(rules.length)]!;
    const network = parseCidr(rule.peer.kind === 'cidr' ? rule.peer.cidr : '')!;
    keys[at] = packet & 1 ? random(2 ** 32) : network.words[3]! | random(2 ** 31) & ~(network.prefixLength === 96 ? 0 : -1 << (128 - network.prefixLength));
    keys[at + 1] = 0x0a000005;
    keys[at + KEY_PORTS] = random(65536) << 16 | (packet & 2 ? rule.portRange?.from ?? 80 : random(65536));
    keys[at + KEY_META] = packet % 5 === 0 ? 17 : 6;
  }
  return keys;
}

/** The ordered rules one after the other; returns the nanoseconds a packet. */
function linearScanNs(topology: Topology, keys: Int32Array): number {
  const rules = orderedRules(topology.securityGroups, 'ingress', new PeerSets(topology)).filter((rule) => rule.peers.length === 1 && rule.rule);
  const first = Float64Array.from(rules, (rule) => Number(rule.peers[0]!.first & 0xffffffffn));
  const last = Float64Array.from(rules, (rule) => Number(rule.peers[0]!.last & 0xffffffffn));
  const protocols = Int32Array.from(rules, (rule) => rule.protocol ?? -1);
  const bounds = Int32Array.from(rules.flatMap(({ portRange, sourcePortRange }) => [
    portRange?.from ?? 0, portRange?.to ?? 65535, sourcePortRange?.from ?? 0, sourcePortRange?.to ?? 65535,
  ]));
  const packets = Math.min(PACKETS, 20_000_000 / rules.length);
  let best = Infinity;
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    let sum = 0;
    for (let packet = 0; packet < packets; packet++) {
      const at = packet * KEY_WORDS;
      const peer = keys[at]! >>> 0;
      const port = keys[at + KEY_PORTS]! & 0xffff;
      const source = keys[at + KEY_PORTS]! >>> 16;
      const protocol = keys[at + KEY_META]! & 0xff;
      let rule = 0;
      while (rule < rules.length && !(
        first[rule]! <= peer && peer <= last[rule]! && (protocols[rule] === -1 || protocols[rule] === protocol) &&
        bounds[rule * 4]! <= port && port <= bounds[rule * 4 + 1]! && bounds[rule * 4 + 2]! <= source && source <= bounds[rule * 4 + 3]!
      )) rule++;
      sum += rule;
    }
    if (sum >= 0) best = Math.min(best, (performance.now() - start) * 1e6 / packets);
  }
  return best;
}

function measure(rules: number, shape: Shape): void {
  const topology = topologyOf(rules, shape);
  const keys = randomPackets(topology);
  const engine = new VerdictEngine(topology, 1);
  const compileStart = performance.now();
  engine.classify(keys, 0);
  const compileMs = performance.now() - compileStart;
  const table = new Int32Array(1 << 24);
  const classifyOnly: number[] = [];
  const withTable: number[] = [];
  let sum = 0;
  for (let round = 0; round < ROUNDS; round++) {
    let start = performance.now();
    for (let at = 0; at < keys.length; at += KEY_WORDS) sum += engine.classify(keys, at);
    classifyOnly.push((performance.now() - start) * 1e6 / PACKETS);
    start = performance.now();
    for (let at = 0; at < keys.length; at += KEY_WORDS) {
      const entry = (Math.imul(keys[at]! ^ keys[at + KEY_PORTS]! + round, 0x9e3779b1) >>> 8) & ~15;
      table[entry]! += engine.classify(keys, at);
      table[entry + 8]!++;
    }
    withTable.push((performance.now() - start) * 1e6 / PACKETS);
  }
  const figures = [classifyOnly, withTable].map((times) => times.slice(ROUNDS >> 1).sort((a, b) => a - b))
    .map((times) => `${times[0]!.toFixed(0)} / ${times[times.length >> 1]!.toFixed(0)}`.padStart(16));
  process.stdout.write(`${shape.padEnd(18)}${String(rules).padStart(7)}${figures.join('')}${compileMs.toFixed(0).padStart(13)}${linearScanNs(topology, keys).toFixed(0).padStart(12)}\n`);
  if (sum === 0) throw new Error('nothing was classified');
}

process.stdout.write('rules in all           ns a packet (min / median)   through a table   compile ms   linear ns\n');
for (const shape of ['mixed', 'one port each', 'one address each', 'source ports'] as const) {
  for (const rules of [10, 1000, 10_000]) measure(rules, shape);
}
