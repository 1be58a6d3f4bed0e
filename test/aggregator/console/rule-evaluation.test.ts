/** What the console says of rules that never decide is certain: compared with packets, one after the other. */
import test from 'ava';
import fc from 'fast-check';
import type { RuleDocument, SecurityGroup } from '../../../aggregator/console/api/answers.ts';
import type { Inventory } from '../../../aggregator/console/pages/network/inventory.ts';
import { evaluatedRules, type EvaluatedRule } from '../../../aggregator/console/pages/network/rule-evaluation.ts';

const PORTS = [0, 1, 2, 65_535] as const;
const PROTOCOLS = ['all', 'tcp', 'udp', 'icmp'] as const;
/** Beside CIDRs, so that single addresses can be told apart. */
const ADDRESSES = ['10.0.0.0', '10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.7'];

const range = fc.tuple(fc.constantFrom(...PORTS), fc.constantFrom(...PORTS)).map(([a, b]) => `${Math.min(a, b)}/${Math.max(a, b)}`);
const peer = fc.oneof(
  fc.constantFrom('10.0.0.0/30', '10.0.0.0/31', '10.0.0.2/31', '10.0.0.1/32', '0.0.0.0/0', '::/0').map((cidr) => ({ cidr })),
  fc.constantFrom('pl-halves', 'pl-odd').map((id) => ({ 'prefix-list': id })),
  fc.constantFrom('sg-own', 'sg-empty').map((id) => ({ 'security-group': id })),
);
const rule = fc.record({
  protocol: fc.constantFrom(...PROTOCOLS), ports: fc.option(range), sourcePorts: fc.option(range, { freq: 1 }), policy: fc.constantFrom('accept' as const, 'drop' as const), priority: fc.integer({ min: 1, max: 3 }), peer,
}).map(({ protocol, ports, sourcePorts, policy, priority, peer: who }): Omit<RuleDocument, 'rule-id'> => ({
  direction: 'ingress', protocol, policy, priority, ...who,
  ...(protocol === 'icmp' ? {} : { 'port-range': ports ?? '-1/-1', ...(sourcePorts === null ? {} : { 'source-port-range': sourcePorts }) }),
}));

function inventoryOf(group: SecurityGroup): Inventory {
  return {
    vpcs: [], vswitches: [], agents: [],
    groups: [group, { 'security-group-id': 'sg-empty', 'type': 'basic', 'rules': [] }],
    prefixLists: [{ 'prefix-list-id': 'pl-halves', 'entries': ['10.0.0.0/31', '10.0.0.2/31'] }, { 'prefix-list-id': 'pl-odd', 'entries': ['10.0.0.1/32', '10.0.0.3/32'] }],
    enis: [{ 'eni-id': 'eni-1', 'addresses': ['10.0.0.2'], 'security-groups': ['sg-own'], 'assigned-to': null, 'unassigned-because': null, 'agent-state': null, 'agent-reason': null, 'recording': null }],
  };
}

interface Packet { readonly address: string; readonly protocol: string; readonly port: number; readonly sourcePort: number }

/** By the words of the topology document, with nothing of the engine. */
function matches(document: RuleDocument | null, { address, protocol, port, sourcePort }: Packet): boolean {
  if (document === null) return address === '10.0.0.2';
  const hasPorts = protocol !== 'icmp';
  const inRange = (text: string | undefined, value: number): boolean => {
    if (text === undefined || text === '-1/-1') return true;
    const [from, to] = text.split('/').map(Number);
    return hasPorts && from! <= value && value <= to!;
  };
  const last = Number(address.split('.')[3]);
  const whom: Record<string, (host: number) => boolean> = {
    '10.0.0.0/30': (host) => host < 4, '10.0.0.0/31': (host) => host < 2, '10.0.0.2/31': (host) => host === 2 || host === 3, '10.0.0.1/32': (host) => host === 1, '0.0.0.0/0': () => true, '::/0': () => false,
    'pl-halves': (host) => host < 4, 'pl-odd': (host) => host === 1 || host === 3, 'sg-own': (host) => host === 2, 'sg-empty': () => false,
  };
  return (document.protocol === 'all' || document.protocol === protocol) && inRange(document['port-range'], port) && inRange(document['source-port-range'], sourcePort)
    && whom[document.cidr ?? document['prefix-list'] ?? document['security-group'] ?? '']!(last);
}

const PACKETS: readonly Packet[] = ADDRESSES.flatMap((address) => ['tcp', 'udp', 'icmp'].flatMap((protocol) =>
  PORTS.flatMap((port) => PORTS.map((sourcePort) => ({ address, protocol, port, sourcePort })))));

function groupOf(rules: readonly Omit<RuleDocument, 'rule-id'>[], innerAccess: boolean): SecurityGroup {
  return { 'security-group-id': 'sg-own', 'type': 'basic', 'inner-access': innerAccess ? 'accept' : 'drop', 'rules': rules.map((one, at) => ({ ...one, 'rule-id': `r-${at}` })) };
}

test('a rule that is said never to decide decides no packet, and the one that is named matches all of its own', (t) => {
  let shadowed = 0;
  fc.assert(fc.property(fc.array(rule, { minLength: 1, maxLength: 7 }), fc.boolean(), (rules, innerAccess) => {
    const group = groupOf(rules, innerAccess);
    const evaluated = evaluatedRules(inventoryOf(group), group, 'ingress');
    for (const packet of PACKETS) {
      const decided = evaluated.find(({ document }) => matches(document, packet));
      if (decided?.idle) return false;
    }
    const named = evaluated.filter((one): one is EvaluatedRule & { idle: { shadowedBy: EvaluatedRule } } => one.idle !== null && one.idle !== 'no-peer');
    shadowed += named.length;
    return named.every(({ document, idle }) => PACKETS.every((packet) => !matches(document, packet) || matches(idle.shadowedBy.document, packet)));
  }), { numRuns: 300 });
  t.true(shadowed > 100, `${shadowed}`);
});

test('the order is that of the engine; what covers, and what does not quite', (t) => {
  const base = { direction: 'ingress', protocol: 'tcp', policy: 'accept', priority: 1, cidr: '0.0.0.0/0' } as const;
  const idleOf = (first: object, second: object): string | null => {
    const group = groupOf([{ ...base, ...first }, { ...base, priority: 2, ...second }], false);
    const { idle } = evaluatedRules(inventoryOf(group), group, 'ingress').find(({ document }) => document?.['rule-id'] === 'r-1')!;
    return idle === null || idle === 'no-peer' ? idle : idle.shadowedBy.document!['rule-id'];
  };
  t.is(idleOf({}, { 'port-range': '22/22' }), 'r-0');
  t.is(idleOf({ 'port-range': '0/65535' }, {}), 'r-0');
  t.is(idleOf({ 'port-range': '1/65535' }, {}), null);
  t.is(idleOf({ protocol: 'all', 'port-range': '0/65535' }, { protocol: 'icmp' }), null);
  t.is(idleOf({ protocol: 'all' }, { protocol: 'icmp' }), 'r-0');
  t.is(idleOf({}, { cidr: '::/0' }), null);
  t.is(idleOf({ cidr: undefined, 'prefix-list': 'pl-halves' }, { cidr: '10.0.0.0/30' }), 'r-0');
  t.is(idleOf({ cidr: undefined, 'prefix-list': 'pl-odd' }, { cidr: '10.0.0.0/30' }), null);
  t.is(idleOf({}, { cidr: undefined, 'security-group': 'sg-empty' }), 'no-peer');
  // at the same priority the drop is looked at first, wherever it stands
  t.is(idleOf({}, { policy: 'drop', priority: 1 }), null);
  t.is(idleOf({ policy: 'drop', priority: 2 }, { policy: 'accept', priority: 2, 'port-range': '1/2' }), 'r-0');
});
