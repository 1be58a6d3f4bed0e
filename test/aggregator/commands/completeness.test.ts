import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { WatchSpan } from '../../../aggregator/control/spans.ts';
import { NDJSON_TYPE } from '../../../aggregator/receive/receiver.ts';
import { temporaryDirectory } from '../collector-fixture.ts';
import { writePlannedData } from '../planned-data.ts';
import { INVENTORY, operate, run, WEIR_WORDS, type Operated } from './weir-program.ts';

/** Two hours ago, on a full ten minutes. */
const START = Math.floor(Date.now() / 600_000) * 600 - 7200;
const WINDOWS = 4;
const FLOW_LOGS = `logstores: [{ name: all }]
flow-logs: [{ flow-log-id: fl-1, resource-type: VPC, resource-id: vpc-lab, traffic-type: All, logstore: all, window: 60s }]
`;

function watch(eniId: string, agentId: string): WatchSpan {
  const attributes = { vswitchId: 'vsw-front', vpcId: 'vpc-lab', vmId: null, accountId: null, region: null };
  return { eniId, agentId, windowSeconds: 60, fromMs: START * 1000, untilMs: (START + WINDOWS * 60) * 1000, attributes };
}

function seal(eniId: string, at: number, members: Record<string, unknown> = {}): string {
  const counts = { 'records': 0, 'packets': 0, 'bytes': 0, 'packets-seen': 0, 'ring-drops': 0, 'gap-packets': 0 };
  return JSON.stringify({ seal: { 'eni-id': eniId, 'window-start': START + at * 60, 'window-seconds': 60, 'vswitch-id': 'vsw-front', 'vpc-id': 'vpc-lab', ...counts, ...members } });
}

function record(eniId: string, at: number): string {
  const flow = { srcaddr: '10.0.0.1', srcport: 40000, dstaddr: '10.20.1.10', dstport: 80, protocol: 6, direction: 'in', packets: 2, bytes: 120, action: 'ACCEPT' };
  return JSON.stringify({ 'eni-id': eniId, ...flow, 'start': START + at * 60, 'end': START + at * 60 + 60 });
}

/** Four windows: the first is complete, and so on as the seals say; of eni-db three never come. */
async function observed(t: ExecutionContext): Promise<Operated> {
  const data = join(temporaryDirectory(t), 'data');
  writePlannedData(data, { inventory: INVENTORY + FLOW_LOGS, sinceMs: START * 1000, agents: ['host-1', 'host-2'], watches: [watch('eni-web', 'host-1'), watch('eni-db', 'host-2')] });
  const operated = await operate(t, { data });
  const one = { 'records': 1, 'packets': 2, 'bytes': 120, 'packets-seen': 2 };
  const sent = {
    'host-1': [
      record('eni-web', 0), seal('eni-web', 0, one), seal('eni-web', 1), record('eni-web', 2), seal('eni-web', 2, { ...one, 'packets-seen': 7, 'ring-drops': 5 }),
      seal('eni-web', 3, { 'gap-packets': undefined }),
    ],
    'host-2': [record('eni-db', 0), seal('eni-db', 0, one)],
  };
  for (const [agent, lines] of Object.entries(sent)) {
    const headers = { 'content-type': NDJSON_TYPE, 'weir-agent-id': agent, 'weir-epoch': '1', 'weir-sequence': '1', 'weir-logstore': '-' };
    const response = await operated.collector.request('/v1/batches', { method: 'POST', body: lines.join('\n'), headers });
    if (!response.ok) throw new Error(await response.text());
  }
  await operated.collector.flush();
  return operated;
}

const time = (at: number): string => `${new Date((START + at * 60) * 1000).toISOString().slice(0, 19)}Z`;

test('a grid of each ENI and window, what is wrong with those that are not complete, and totals', async (t) => {
  const operated = await observed(t);
  const range = ['--from', String(START), '--to', String(START + 3600)];
  const [ofLogStore, ofAll, ofEni, json] = await Promise.all([
    operated.weir('completeness', '--logstore', 'all', ...range), operated.weir('completeness', '--from', '-3h'), operated.weir('completeness', '--eni', 'eni-web', ...range),
    operated.weir('completeness', '--json', '--logstore', 'all', ...range),
  ]);
  t.is(ofLogStore.stdout, [
    `windows of 60 s, from ${time(0)}`, `         ${time(0).slice(11, 16)}`, 'eni-db   .MMM  25.0%', 'eni-web  .-PU  50.0%', '',
    '. complete   - complete, no traffic   P partial, loss known   U partial, loss unknown   M missing', '',
    'window                eni      state    packets lost  because',
    `${time(3)}  eni-web  PARTIAL  unknown       host-1: gap unknown`, `${time(3)}  eni-db   MISSING  unknown       host-2: no seal came`,
    `${time(2)}  eni-web  PARTIAL  5             host-1: ring drops 5`, `${time(2)}  eni-db   MISSING  unknown       host-2: no seal came`,
    `${time(1)}  eni-db   MISSING  unknown       host-2: no seal came`, '',
  ].join('\n'));
  t.is(ofLogStore.stderr, 'weir: 3 of 8 ENI windows complete (1 without traffic), 2 partial, 3 missing, 5 packets lost, and uncounted ones in 4 windows\n');
  t.is(ofAll.stdout, ofLogStore.stdout);
  t.regex(ofEni.stdout, /\neni-web {2}\.-PU {2}50\.0%\n\n\. complete/);
  const cells = json.stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  t.deepEqual(cells.map((cell) => `${String(cell['eni-id'])} ${(cell['start'] as number) - START} ${String(cell['state'])} ${String(cell['lost-packets'])}`), [
    'eni-db 0 COMPLETE 0', 'eni-web 0 COMPLETE 0', 'eni-db 60 MISSING 0', 'eni-web 60 COMPLETE 0', 'eni-db 120 MISSING 0', 'eni-web 120 PARTIAL 5', 'eni-db 180 MISSING 0', 'eni-web 180 PARTIAL 0',
  ]);
  t.is(json.stderr, ofLogStore.stderr);

  const onTerminal = await run(['script', '--quiet', '--return', '--command', [...WEIR_WORDS, 'completeness', '--from', '-3h'].map((word) => `'${word}'`).join(' '), '/dev/null'],
    { environment: { WEIR_COLLECTOR: operated.collector.url, WEIR_TOKEN_FILE: operated.collector.adminTokenFile } });
  t.true(onTerminal.stdout.includes('eni-db   \u001b[32m.\u001b[0m\u001b[31mM\u001b[0m'));

  const others = await Promise.all([
    operated.weir('completeness', '--logstore', 'all', '--from', '-10m'), operated.weir('completeness', '--logstore', 'nix'), operated.weir('completeness', '--from', 'yesterday'),
    operated.weir('completeness', '--from', '-1h', '--to', '-2h'), operated.weirGiven({ environment: { WEIR_TOKEN_FILE: '' } }, 'completeness'),
  ]);
  t.deepEqual(others.map(({ code }) => code), [0, 1, 2, 2, 77]);
  t.deepEqual([others[0]!.stdout, others[0]!.stderr], ['', 'weir: no window was published in this time\n']);
});
