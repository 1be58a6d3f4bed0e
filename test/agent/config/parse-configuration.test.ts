import test from 'ava';
import { defaultConfiguration, isManaged } from '../../../agent/config/agent-configuration.ts';
import { parseConfiguration } from '../../../agent/config/parse-configuration.ts';
import { ConfigurationError } from '../../../shared/topology/document.ts';

function problemsOf(text: string): string[] {
  try {
    parseConfiguration(text, 'agent.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.map(({ line, path, text: reason }) => `${line} ${path}: ${reason}`);
  }
}

test('what is not given has its default', (t) => {
  t.deepEqual(parseConfiguration('interfaces: [eth0]', 'agent.yaml'), { ...defaultConfiguration(), interfaces: ['eth0'] });
});

test('every setting is read; paths start from the file', (t) => {
  const configuration = parseConfiguration(`
agent-id: host-1
topology: vpc.yaml
collector: {url: "https://c.example:8790", token-file: /run/token, enrol-token-file: once, ca: ca.pem, client-cert: c.pem, client-key: k.pem, logstore: flows, waiting-bytes: 2MiB, spool-directory: spool, spool-bytes: 64MiB}
capture: {method: af_packet, ring-bytes: 64MiB, block-timeout: 10ms, snap-length: 128, promiscuous: true, filter: "not port 22"}
window: 60s
grace: 250ms
traffic-type: Drop
workers: 4
table-capacity: 100000
timers: {tcp: 15m, closed: 5s, udp: 60s, other: 20s}
metrics: {listen: "[::1]:9790"}
state-directory: state
log-level: debug
`, '/etc/weir/agent.yaml');
  t.deepEqual(configuration, {
    agentId: 'host-1', topology: '/etc/weir/vpc.yaml', interfaces: null,
    collector: {
      url: 'https://c.example:8790', tokenFile: '/run/token', enrolTokenFile: '/etc/weir/once', ca: '/etc/weir/ca.pem',
      clientCert: '/etc/weir/c.pem', clientKey: '/etc/weir/k.pem', logStore: 'flows', waitingBytes: 2 * 1024 * 1024,
      spoolDirectory: '/etc/weir/spool', spoolBytes: 64 * 1024 * 1024,
    },
    output: defaultConfiguration().output,
    capture: { method: 'af_packet', ringBytes: 64 * 1024 * 1024, blockTimeoutMs: 10, snapLengthBytes: 128, isPromiscuous: true, filter: 'not port 22' },
    windowSeconds: 60, graceSeconds: 0.25, trafficType: 'Drop', workers: 4, tableCapacity: 100_000,
    timers: { tcpSeconds: 900, closedSeconds: 5, udpSeconds: 60, otherSeconds: 20 },
    metrics: { host: '::1', port: 9790 }, stateDirectory: '/etc/weir/state', logLevel: 'debug',
  });
});

test('records go to a file, or to standard output', (t) => {
  const { output } = parseConfiguration('interfaces: [a]\noutput: {file: /var/log/r, format: csv, fields: "default,rule-id", rotate-bytes: 1MB, rotate-daily: false, keep-files: 3}', 'a');
  t.deepEqual(output, { file: '/var/log/r', format: 'csv', fields: 'default,rule-id', rotateBytes: 1e6, rotatesDaily: false, keepFiles: 3 });
  t.is(parseConfiguration('interfaces: [a]\noutput: {file: stdout}', 'a').output.file, null);
});

test('everything that is wrong is said at once, with its line and the way out', (t) => {
  const problems = problemsOf(`agent-id: "a b"
colector: {}
collector: {token-file: x, client-key: k}
output: {format: xml}
capture: {ring-bytes: 3000001, block-timeout: 1h, snap-length: 10, filter: 7}
window: 2h
workers: 0
metrics: {listen: nowhere}
timers: 5
`);
  const expected = [
    /^1 agent-id: "a b" is not an id/, /^2 colector: unknown key; did you mean collector\?/, /^3 collector\.url: is missing/, /^3 collector\.client-key: stands without client-cert/,
    /^4 output: stands beside collector/, /^4 output\.format: "xml" is not one of text, json, csv/, /^5 capture\.ring-bytes: 3000001 is not a multiple/,
    /^5 capture\.block-timeout: "1h" is not a time/, /^5 capture\.snap-length: "?10"? is not a whole number/, /^6 window: "2h" is not a time/,
    /^7 workers: "?0"? is not a whole number/, /^8 metrics\.listen: "nowhere" is not an address and a port/, /^9 timers: "5" is not a mapping/, /^6 window: is decided by the flow logs/,
  ];
  for (const pattern of expected) t.true(problems.some((problem) => pattern.test(problem)), `${pattern} in\n${problems.join('\n')}`);
  t.is(problems.length, expected.length, problems.join('\n'));
});

test('an interface is named as the kernel does', (t) => {
  t.deepEqual(problemsOf('interfaces: [eth0, br-0123456789a, veth@x]'), []);
  t.is(problemsOf('interfaces: [eth0, a/b, "x y", sixteen-bytes-it, ""]').length, 4);
  t.is(problemsOf('interfaces: []').length, 1);
});

test('with a collector and nothing else the agent is managed', (t) => {
  t.true(isManaged(parseConfiguration('collector: {url: "http://c:1"}', 'a')));
  t.false(isManaged(parseConfiguration('collector: {url: "http://c:1"}\ninterfaces: [eth0]', 'a')));
  t.false(isManaged(parseConfiguration('collector: {url: "http://c:1"}\ntopology: t', 'a')));
  t.regex(problemsOf('workers: 1').join(), /none of topology, interfaces and collector is given/);
  t.is(problemsOf('collector: {url: "http://c:1", logstore: a}\nwindow: 60s\ntraffic-type: All').length, 3);
});
