import test from 'ava';
import type { KnownAgent } from '../../../aggregator/control/agent-registry.ts';
import { eniPlaces } from '../../../aggregator/control/eni-places.ts';
import { parseTopology } from '../../../shared/topology/parse.ts';

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';

function agent(agentId: string, interfaces: [string, string | null][] | null, isRevoked = false): KnownAgent {
  const report = interfaces && {
    host: agentId, version: '1', started: '', revision: null, assignment: null, enis: [], interfaces: interfaces.map(([name, mac]) => ({ name, mac, up: true })),
  };
  return { agentId, created: '', isRevoked, report, lastSeenMs: 0 };
}

const AGENTS = [
  agent('one', [['eth0', A], ['tap0', null], ['twice', null], ['twice', null], ['common', null]]),
  agent('two', [['eth0', B], ['tap1', null], ['common', null], ['eth9', A]]),
  agent('silent', null),
  agent('gone', [['tap2', '02:00:00:00:00:0c']], true),
];

for (const [keys, expected] of [
  ['agent-id: two', 'two'],
  ['agent-id: silent', 'silent'],
  ['agent-id: nobody', /its agent nobody has not enrolled, or was revoked/],
  ['agent-id: gone', /its agent gone has not enrolled, or was revoked/],
  ['agent-id: two, interface: tap0', 'two'],
  [`mac: "${B}"`, 'two'],
  [`mac: "${A}"`, /the agents one, two have such an interface; name one as its agent-id/],
  [`mac: "${A}", interface: eth0`, 'one'],
  [`mac: "${A}", interface: eth9`, 'two'],
  // where the guest's address is not the one of the host's end
  ['mac: "02:00:00:00:00:0f", interface: tap1', 'two'],
  ['mac: "02:00:00:00:00:0f"', /no agent reports an interface with the MAC address 02:00:00:00:00:0f$/],
  ['mac: "02:00:00:00:00:0f", interface: tap9', /no agent reports an interface named tap9 or with the MAC address 02:00:00:00:00:0f$/],
  ['interface: tap0', 'one'],
  ['interface: twice', 'one'],
  ['interface: common', /the agents one, two have such an interface/],
  ['interface: eth0', /the agents one, two have such an interface/],
  ['interface: tap2', /no agent reports an interface named tap2$/],
  ['addresses: [10.0.0.1]', /it has neither agent-id, mac nor interface, so it could be anywhere/],
  ['interface: constructor', /no agent reports an interface named constructor/],
] as const) {
  test(`an ENI with ${keys}: ${expected}`, (t) => {
    const { enis } = parseTopology(`enis: [{eni-id: e, ${keys}}]`, 'test');
    const place = eniPlaces(enis, AGENTS).get('e')!;
    if (typeof expected === 'string') t.deepEqual(place, { agentId: expected, reason: null });
    else t.regex(place.reason ?? `at ${place.agentId}`, expected);
  });
}
