import test from 'ava';
import { parseAssignment } from '../../shared/assignment.ts';
import { isMembersEni } from '../../shared/topology/members-eni.ts';

const DOCUMENT = {
  'agent-id': 'host-1', 'revision': 3, 'window': 60,
  'topology': {
    'account-id': '1', 'region': 'r',
    'security-groups': [
      { 'security-group-id': 'sg-1', 'rules': [{ 'rule-id': 'r', 'direction': 'ingress', 'policy': 'accept', 'protocol': 'all', 'security-group': 'sg-2' }] }, { 'security-group-id': 'sg-2' },
    ],
    'enis': [{ 'eni-id': 'eni-1', 'addresses': ['10.0.0.1'], 'security-groups': ['sg-1'] }],
  },
  'members': { 'sg-1': ['10.0.0.1'], 'sg-2': ['10.0.0.2', '2001:db8::2'], 'sg-0': [] },
  'watch': { 'eni-1': 'Drop' },
};
const { 'sg-0': _absent, ...MEMBERS } = DOCUMENT.members;
const SOUND = { ...DOCUMENT, members: MEMBERS };

test('an assignment is its ENIs, and one without interface for the members of each group', (t) => {
  const { agentId, revision, windowSeconds, topology, watch } = parseAssignment(JSON.stringify({ ...SOUND, members: { ...MEMBERS, 'sg-1': [] } }), 'test');
  t.deepEqual([agentId, revision, windowSeconds, [...watch]], ['host-1', 3, 60, [['eni-1', 'Drop']]]);
  t.deepEqual(topology.enis.map(({ eniId, addresses, securityGroups, interface: name }) => [eniId, addresses, securityGroups, name, isMembersEni(eniId)]), [
    ['eni-1', ['10.0.0.1'], ['sg-1'], null, false],
    ['members of sg-2', ['10.0.0.2', '2001:db8::2'], ['sg-2'], null, true],
  ]);
  t.is(topology.accountId, '1');
});

for (const [what, document, expected] of [
  ['no JSON', '{', /^the assignment from test cannot be used: /],
  ['a list', [], /it is no object/],
  ['null', null, /it is no object/],
  ['no agent', { ...SOUND, 'agent-id': 7 }, /agent-id is no text/],
  ['a revision that is none', { ...SOUND, revision: -1 }, /revision -1 is no whole number/],
  ['a revision too many', { ...SOUND, revision: 2 ** 60 }, /is no whole number/],
  ['a window that is none', { ...SOUND, window: 0 }, /a window of 0 seconds; 1 to 3600 are possible/],
  ['a window of a day', { ...SOUND, window: 86_400 }, /a window of 86400 seconds/],
  ['no topology', { ...SOUND, topology: 'x' }, /topology is no object/],
  ['members that are no list', { ...SOUND, members: { 'sg-1': '10.0.0.1' } }, /members is no object of lists of addresses/],
  ['members that are no addresses', { ...SOUND, members: { 'sg-1': ['10.0.0.1', 'host'] } }, /members is no object of lists of addresses/],
  ['members of a group that is not described', DOCUMENT, /it has members of sg-0, which it does not describe/],
  ['members of __proto__', `{"agent-id":"a","revision":1,"window":1,"topology":{},"members":{"__proto__":["10.0.0.1"]},"watch":{}}`, /it has members of __proto__, which it does not describe/],
  ['a watch of no ENI', { ...SOUND, watch: { 'eni-2': 'All' } }, /it watches eni-2, which it does not describe/],
  ['a watch of what is no ENI of the document', { ...SOUND, watch: { constructor: 'All' } }, /it watches constructor, which it does not describe/],
  ['traffic that is none', { ...SOUND, watch: { 'eni-1': 'Some' } }, /watch is no object of All, Allow and Drop/],
  ['a topology with a reference to nothing', { ...SOUND, topology: { enis: [{ 'eni-id': 'e', 'security-groups': ['sg-9'] }] } }, /there is no security-group "sg-9"/],
] as const) {
  test(`nothing is used of one with ${what}`, (t) => {
    t.throws(() => parseAssignment(typeof document === 'string' ? document : JSON.stringify(document), 'test'), { code: 'CONFIGURATION', message: expected });
  });
}
