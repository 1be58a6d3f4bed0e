import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { EXIT_CONFIGURATION } from '../../../shared/errors.ts';
import { ConfigurationError } from '../../../shared/topology/document.ts';
import { parseTopology } from '../../../shared/topology/parse.ts';

const WHOLE = `
account-id: 0123456789012345678
region: cn-hangzhou
vpcs:
  - {vpc-id: vpc-1, name: main, cidrs: [10.0.0.0/8]}
vswitches:
  - vswitch-id: vsw-1
    vpc-id: vpc-1
    cidr: 10.0.0.0/24
security-groups:
  - security-group-id: sg-web
    name: web servers
    vpc-id: vpc-1
    type: basic
    inner-access: drop
    rules:
      - {rule-id: r-1, direction: ingress, policy: accept, protocol: tcp, port-range: 80/443, priority: 5, cidr: 0.0.0.0/0}
      - {rule-id: r-2, direction: ingress, policy: drop, protocol: all, security-group: sg-web}
      - {rule-id: r-3, direction: egress, policy: drop, protocol: 47, port-range: -1/-1, prefix-list: pl-1}
      - {rule-id: r-4, direction: ingress, policy: accept, protocol: udp, port-range: 53/53, source-port-range: 1024/65535, cidr: "2001:db8::/32"}
  - security-group-id: sg-adv
    type: advanced
prefix-lists:
  - {prefix-list-id: pl-1, entries: [192.0.2.0/24, "2001:db8::/32"]}
enis:
  - eni-id: eni-1
    vm-id: i-1
    vswitch-id: vsw-1
    mac: 02-00-00-00-00-AB
    addresses: [10.0.0.5, "2001:db8::5"]
    security-groups: [sg-web]
    interface: tap0
    side: host
flow-logs:
  - {flow-log-id: fl-1, name: all of it, resource-type: VPC, resource-id: vpc-1, traffic-type: Drop, logstore: flows, window: 1m, status: Inactive}
logstores:
  - {name: flows, retention-days: 30, retention-bytes: 1000000000000}
`;

test('a whole document becomes the topology that it describes', (t) => {
  const topology = parseTopology(WHOLE, 'vpc.yaml');
  t.deepEqual(topology, {
    accountId: '0123456789012345678',
    region: 'cn-hangzhou',
    vpcs: [{ vpcId: 'vpc-1', name: 'main', cidrs: ['10.0.0.0/8'] }],
    vswitches: [{ vswitchId: 'vsw-1', name: 'vsw-1', vpcId: 'vpc-1', cidr: '10.0.0.0/24' }],
    securityGroups: [
      {
        securityGroupId: 'sg-web', name: 'web servers', vpcId: 'vpc-1', type: 'basic', innerAccess: false,
        rules: [
          { ruleId: 'r-1', direction: 'ingress', policy: 'accept', protocol: 6, portRange: { from: 80, to: 443 }, sourcePortRange: null, peer: { kind: 'cidr', cidr: '0.0.0.0/0' }, priority: 5 },
          { ruleId: 'r-2', direction: 'ingress', policy: 'drop', protocol: null, portRange: null, sourcePortRange: null, peer: { kind: 'security-group', securityGroupId: 'sg-web' }, priority: 1 },
          { ruleId: 'r-3', direction: 'egress', policy: 'drop', protocol: 47, portRange: null, sourcePortRange: null, peer: { kind: 'prefix-list', prefixListId: 'pl-1' }, priority: 1 },
          { ruleId: 'r-4', direction: 'ingress', policy: 'accept', protocol: 17, portRange: { from: 53, to: 53 }, sourcePortRange: { from: 1024, to: 65535 }, peer: { kind: 'cidr', cidr: '2001:db8::/32' }, priority: 1 },
        ],
      },
      { securityGroupId: 'sg-adv', name: 'sg-adv', vpcId: null, type: 'advanced', innerAccess: false, rules: [] },
    ],
    prefixLists: [{ prefixListId: 'pl-1', name: 'pl-1', entries: ['192.0.2.0/24', '2001:db8::/32'] }],
    enis: [{
      eniId: 'eni-1', vmId: 'i-1', vswitchId: 'vsw-1', vpcId: 'vpc-1', mac: '02:00:00:00:00:ab',
      addresses: ['10.0.0.5', '2001:db8::5'], securityGroups: ['sg-web'], interface: 'tap0', side: 'host', agentId: null,
    }],
    flowLogs: [{
      flowLogId: 'fl-1', name: 'all of it', description: '', resourceType: 'VPC', resourceId: 'vpc-1', trafficType: 'Drop',
      logStore: 'flows', windowSeconds: 60, analysisReport: false, status: 'Inactive',
    }],
    logStores: [{ name: 'flows', retentionDays: 30, retentionBytes: 1e12, search: false }],
  });
});

test('what the document leaves out has its default', (t) => {
  const topology = parseTopology('security-groups: [{security-group-id: sg-1}]\nenis: [{eni-id: eni-1}]\nregion:\n', 'x');
  t.is(topology.region, null);
  t.is(topology.securityGroups[0]!.type, 'basic');
  t.true(topology.securityGroups[0]!.innerAccess);
  t.is(topology.enis[0]!.vpcId, null);
  t.deepEqual(topology.vpcs, []);
});

/** The lines of the error that the text causes. */
function problemsOf(t: ExecutionContext, text: string): string[] {
  const error = t.throws(() => parseTopology(text, 'f'), { instanceOf: ConfigurationError });
  t.is(error!.code, 'CONFIGURATION');
  t.is(error!.exitCode, EXIT_CONFIGURATION);
  return error!.message.split('\n');
}

test('all problems are reported at once, in the order of the file, with file, line, path, value and the way out', (t) => {
  const lines = problemsOf(t, [
    'regoin: x',
    'security-groups:',
    '  - security-group-id: sg-a',
    '    rules:',
    '      - rule-id: r1',
    '        direction: inwards',
    '        policy: accept',
    '        protocol: tcp',
    '        port-range: 22',
    '        priority: 101',
    '        cidr: 10.0.0.0/40',
    '        prefix-list: pl-x',
    'enis:',
    '  - eni-id: eni-1',
    '    mac: zz',
    '    security-groups: [sg-a, sg-aa]',
  ].join('\n'));
  const begins = [
    'f:1: regoin: unknown key; did you mean region?',
    'f:6: security-groups[0].rules[0].direction: "inwards" is not one of ingress, egress',
    'f:9: security-groups[0].rules[0].port-range: "22" is not a port range such as 22/22',
    'f:10: security-groups[0].rules[0].priority: "101" is not a whole number from 1 to 100',
    'f:11: security-groups[0].rules[0].cidr: "10.0.0.0/40" is not a CIDR such as',
    'f:12: security-groups[0].rules[0].prefix-list: the rule has 2 peers, cidr and prefix-list; keep one',
    'f:15: enis[0].mac: "zz" is not a MAC address such as',
    'f:16: enis[0].security-groups: there is no security-group "sg-aa"; did you mean sg-a?',
  ];
  t.is(lines.length, begins.length);
  begins.forEach((begin, at) => t.true(lines[at]!.startsWith(begin), `${lines[at]} should begin with ${begin}`));
});

const RULE = 'rule-id: r, direction: ingress, policy: accept';
const inGroup = (rule: string): string => `security-groups: [{security-group-id: sg-1, rules: [{${rule}}]}]`;

/** A document, and what the only line about it must contain. */
const WRONG: readonly (readonly [string, string])[] = [
  [inGroup(`${RULE}, protocol: tcp`), 'rules[0].cidr: the rule has no peer; give one of cidr, security-group, prefix-list'],
  [inGroup(`${RULE}, protocol: tpc, cidr: 10.0.0.0/8`), 'protocol: "tpc" is not a protocol: all, tcp'],
  [inGroup(`${RULE}, protocol: 256, cidr: 10.0.0.0/8`), 'protocol: "256" is not a protocol'],
  [inGroup(`${RULE}, cidr: 10.0.0.0/8`), 'protocol: is missing; give a protocol'],
  [inGroup(`${RULE}, protocol: icmp, port-range: 8/8, cidr: 10.0.0.0/8`), 'port-range: protocol icmp has no ports; write -1/-1'],
  [inGroup(`${RULE}, protocol: 47, source-port-range: 8/8, cidr: 10.0.0.0/8`), 'source-port-range: protocol 47 has no ports'],
  [inGroup(`${RULE}, protocol: tcp, port-range: 90/80, cidr: 10.0.0.0/8`), 'port-range: "90/80" is not a port range'],
  [inGroup(`${RULE}, protocol: tcp, port-range: 1/65536, cidr: 10.0.0.0/8`), 'port-range: "1/65536" is not a port range'],
  [inGroup(`${RULE}, protocol: tcp, priority: 0, cidr: 10.0.0.0/8`), 'priority: "0" is not a whole number from 1 to 100'],
  [inGroup(`${RULE}, protocol: tcp, priority: 1.5, cidr: 10.0.0.0/8`), 'priority: "1.5" is not a whole number'],
  [inGroup(`${RULE}, protocol: tcp, cidr: 10.0.0/8`), 'cidr: "10.0.0/8" is not a CIDR'],
  [inGroup(`${RULE}, protocol: tcp, security-group: sg-2`), 'there is no security-group "sg-2"; did you mean sg-1?'],
  [inGroup(`${RULE}, protocol: tcp, prefix-list: pl-9`), 'there is no prefix-list "pl-9"; define it in this document'],
  [inGroup(`${RULE}, protocol: tcp, cidr: 10.0.0.0/8}, {${RULE}, protocol: udp, cidr: 10.0.0.0/8`), 'rules[1].rule-id: "r" is the id of an earlier rule of this group'],
  [inGroup('rule-id: r, direction: ingress, protocol: all, cidr: "::/0"'), 'policy: is missing; give one of accept, drop'],
  ['security-groups: [{security-group-id: sg-1, type: advanced, inner-access: accept}]', 'inner-access: an advanced group has no inner access'],
  ['security-groups: [{security-group-id: sg-1}, {security-group-id: sg-1}]', 'security-groups[1].security-group-id: "sg-1" is the id of an earlier security-group'],
  ['security-groups: [{security-group-id: a b}]', '"a b" is not an id'],
  ['security-groups: [{name: x}]', 'security-groups[0].security-group-id: is missing; give an id'],
  ['prefix-lists: [{prefix-list-id: pl-1, entries: [10.0.0.0/8, ten]}]', 'prefix-lists[0].entries[1]: "ten" is not a CIDR'],
  ['vswitches: [{vswitch-id: vsw-1, vpc-id: vpc-1}]', 'vpc-id: there is no vpc "vpc-1"'],
  ['enis: [{eni-id: eni-1, vswitch-id: vsw-1}]', 'vswitch-id: there is no vswitch "vsw-1"'],
  ['enis: [{eni-id: eni-1, addresses: [10.0.0.256]}]', 'enis[0].addresses[0]: "10.0.0.256" is not an address'],
  ['enis: [{eni-id: eni-1, addresses: ["fe80::1%eth0"]}]', 'is not an address'],
  ['enis: [{eni-id: eni-1, addresses: ["::1", "0:0::1"]}]', 'addresses: "0:0::1" is listed twice'],
  ['enis: [{eni-id: eni-1, side: left}]', 'side: "left" is not one of host, guest'],
  ['enis: [{eni-id: eni-1, mac: "02:00:00:00:00"}]', 'is not a MAC address'],
  ['enis: [{eni-id: eni-1, mac: [1]}]', 'mac: a list is not a MAC address'],
  ['enis: [{eni-id: eni-1, eni_id: x}]', 'enis[0].eni_id: unknown key; did you mean eni-id?'],
  ['enis: [{eni-id: eni-1, eni-id: eni-2}]', 'enis[0].eni-id: is written twice; keep one'],
  ['enis: [{eni-id: eni-1}, {eni-id: eni-2}]', 'it takes every packet; that is the claim of eni-1 on the same interface; give each its own'],
  ['enis: [{eni-id: eni-1, interface: a}, {eni-id: eni-2}]', 'it takes every packet'],
  ['enis: [{eni-id: eni-1}, {eni-id: eni-2, interface: a}]', 'it takes every packet'],
  ['enis: [{eni-id: e1, mac: "02:00:00:00:00:01"}, {eni-id: e2, mac: "02:00:00:00:00:01"}]', '02:00:00:00:00:01 is also the MAC address of e1'],
  ['enis: [{eni-id: e1, addresses: [10.0.0.1]}, {eni-id: e2, addresses: ["::ffff:10.0.0.1"]}]', 'is also an address of e1'],
  ['enis: [{eni-id: eni-1, interface: ""}]', 'interface: "" is not the name of an interface'],
  ['enis: {eni-id: eni-1}', 'enis: a mapping is not a list'],
  ['enis: [eni-1]', 'enis[0]: "eni-1" is not a mapping'],
  ['enis: [{eni-id: eni-1, security-groups: [sg-1, sg-1]}]\nsecurity-groups: [{security-group-id: sg-1}]', '"sg-1" is listed twice'],
  ['enis: [{eni-id: eni-1, security-groups: [a, b]}]\nsecurity-groups: [{security-group-id: a}, {security-group-id: b, type: advanced}]', 'a is basic and b is advanced; an ENI has groups of one type'],
  ['vpcs: [{vpc-id: v1}, {vpc-id: v2}]\nvswitches: [{vswitch-id: w, vpc-id: v1}]\nsecurity-groups: [{security-group-id: a, vpc-id: v2}]\nenis: [{eni-id: e, vswitch-id: w, security-groups: [a]}]', 'a belongs to v2, and the ENI to v1'],
  ['flow-logs: [{flow-log-id: fl-1, resource-type: VPC, resource-id: vpc-1, logstore: x}]', 'resource-id: there is no vpc "vpc-1"'],
  ['flow-logs: [{flow-log-id: fl-1, resource-type: ENI, resource-id: e, logstore: flow}]\nenis: [{eni-id: e}]\nlogstores: [{name: flows}]', 'logstore: there is no logstore "flow"; did you mean flows?'],
  ['flow-logs: [{flow-log-id: fl-1, resource-type: ENI, resource-id: e, logstore: flows, window: 2h}]\nenis: [{eni-id: e}]', 'window: "2h" is not a window of 1s to 3600s'],
  ['flow-logs: [{flow-log-id: fl-1, resource-type: ENI, resource-id: e, logstore: flows, analysis-report: yes}]\nenis: [{eni-id: e}]', 'analysis-report: "yes" is neither true nor false'],
  ['logstores: [{name: Flows}]', 'name: "Flows" is not a LogStore name'],
  ['logstores: [{name: ../x}]', 'is not a LogStore name'],
  ['logstores: [{name: x, retention-days: -1}]', 'retention-days: "-1" is not a whole number from 1 to'],
  ['', 'must be a mapping with keys such as account-id'],
  ['- 1', 'must be a mapping'],
  ['enis: [', 'is not valid YAML'],
  ['a: 1\n---\nb: 1', 'is not valid YAML'],
  ['enis: !secret [{eni-id: e}]', 'is not valid YAML'],
  ['region: &a x\naccount-id: *a', 'f:1: anchors and aliases are not read; write the value out'],
  ['region: x\nvpcs: *a', 'f:2: anchors and aliases are not read'],
  ['['.repeat(1_000_000), 'is nested deeper than 16 levels'],
  [`${'- '.repeat(100)}x`, 'is nested deeper than 16 levels'],
  ['[,,', 'nothing stands before the comma'],
  [`enis: [${'0,'.repeat(1_000_000)}0]`, 'has more than 2000000 words and signs; split it'],
  [' '.repeat(16 * 1024 * 1024 + 1), 'is larger than 16777216 bytes; split it'],
];

for (const [text, expected] of WRONG) {
  test(`refused: ${expected} <- ${text.length > 100 ? `${text.slice(0, 40)}... (${text.length})` : text}`, (t) => {
    const lines = problemsOf(t, text);
    t.is(lines.length, 1, lines.join('\n'));
    t.true(lines[0]!.includes(expected), lines[0]);
  });
}

test('whatever the text is, the answer is a topology or the problems with it', (t) => {
  const lines = WHOLE.split('\n');
  const garbage = fc.constantFrom('', ' ', '-', '- ', ':', '{', '}', '[', ']', ',', '"', '#', '|', '>', '? ', '\t', '!', '%', '@', '`', 'null', '~', '0', '-1', '1e999', '\u0000', '\ud800');
  const broken = fc.array(fc.tuple(fc.nat(lines.length - 1), fc.nat(40), fc.nat(4), garbage), { minLength: 1, maxLength: 4 }).map((cuts) => {
    const copy = [...lines];
    for (const [line, at, length, text] of cuts) copy[line] = copy[line]!.slice(0, at) + text + copy[line]!.slice(at + length);
    return copy.join('\n');
  });
  const words = fc.array(fc.oneof(fc.constantFrom('enis', 'rules', 'eni-id', 'security-groups', 'cidr', '\n', '  ', ': '), garbage), { maxLength: 40 }).map((parts) => parts.join(''));
  fc.assert(fc.property(fc.oneof(broken, words, fc.string({ unit: 'binary' })), (text) => {
    try {
      t.true(Array.isArray(parseTopology(text, 'f').enis));
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      t.true(error.problems.length > 0 && error.problems.every((problem) => problem.line >= 1));
    }
  }), { numRuns: 3000 });
});

test('what may be shared by two ENIs when their interfaces differ', (t) => {
  t.notThrows(() => parseTopology('enis: [{eni-id: a, interface: x}, {eni-id: b, interface: y}, {eni-id: c, interface: x, mac: "02:00:00:00:00:01"}]', 'f'));
  t.notThrows(() => parseTopology('enis: [{eni-id: a, interface: x, addresses: [10.0.0.1]}, {eni-id: b, interface: y, addresses: [10.0.0.1]}]', 'f'));
});

test('signs that mean something in YAML stay text inside quotes and block scalars', (t) => {
  const topology = parseTopology('vpcs: [{vpc-id: v, name: "*a &b [[[,"}]\nvswitches:\n- vswitch-id: w\n  vpc-id: v\n  name: |-\n    *x, &y\n', 'f');
  t.is(topology.vpcs[0]!.name, '*a &b [[[,');
  t.is(topology.vswitches[0]!.name, '*x, &y');
});

test('at most twenty problems are shown, and at most a thousand looked for', (t) => {
  const many = (count: number): string => `enis:\n${'- 1\n'.repeat(count)}`;
  const lines = problemsOf(t, many(30));
  t.is(lines.length, 21);
  t.is(lines[20], 'and 10 more');
  const error = t.throws(() => parseTopology(many(5000), 'f'), { instanceOf: ConfigurationError });
  t.is(error!.problems.length, 1000);
  t.deepEqual(error!.problems[9], { path: 'enis[9]', line: 11, text: '"1" is not a mapping; give eni-id, vm-id, vswitch-id ...' });
});
