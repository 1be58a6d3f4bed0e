import test, { type ExecutionContext } from 'ava';
import { ACCEPTED_PORT, ENIS, inventory, ServiceNetwork } from './service-network.ts';

const WINDOW_SECONDS = 5;
const { web, app, data } = ENIS;
const BURST_PACKETS = 60_000;

interface Cell {
  readonly 'eni-id': string;
  readonly 'start': number;
  readonly 'state': 'COMPLETE' | 'PARTIAL' | 'MISSING';
  readonly 'lost-packets': number;
  readonly 'loss-unknown': boolean;
  readonly 'agents': readonly { readonly 'agent-id': string; readonly 'sealed': boolean; readonly 'packets-seen': number | null; readonly 'ring-drops': number | null }[];
}

test('the grid names what a killed, a cut off and an overrun agent did not record, and heals', async (t) => {
  t.timeout(600_000);
  const network = new ServiceNetwork(t, ['--aggregation-delay', '3s']);
  await network.startCollector();
  await setUp(network);
  const firstWindow = await nextWindow();
  await network.until(async () => (await cells(network, 'COMPLETE', firstWindow)).length >= 3, () => `nothing is complete:\n${network.logs}`);

  await overrun(t, network);
  await cutOff(t, network);
  await killed(t, network);
});

/** More packets than a small ring holds: each is recorded or counted. */
async function overrun(t: ExecutionContext, network: ServiceNetwork): Promise<void> {
  const from = nowSeconds();
  await network.client.beside('python3', '-c',
    `import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.connect(('${data.address}',${ACCEPTED_PORT}))\nfor i in range(${BURST_PACKETS}):\n try: s.send(b'x')\n except ConnectionRefusedError: pass`);
  const sent = BURST_PACKETS;
  const until = await nextWindow();
  // a seal that comes late heals its window somewhat later
  let burst: Cell[] = [];
  await network.until(async () => {
    const own = (await cells(network, null, from - WINDOW_SECONDS)).filter((cell) => cell['eni-id'] === data.eniId);
    burst = own.filter(({ start }) => start < until);
    return own.length > burst.length && burst.every(({ agents }) => agents[0]?.sealed === true);
  }, () => network.logs);
  const seen = burst.reduce((sum, { agents }) => sum + (agents[0]!['packets-seen'] ?? 0), 0);
  const lost = burst.reduce((sum, cell) => sum + cell['lost-packets'], 0);
  t.true(lost > 0, `the ring was large enough for ${sent} packets`);
  t.true(burst.some(({ state }) => state === 'PARTIAL'));
  t.true(burst.every((cell) => cell.state === (cell['lost-packets'] > 0 ? 'PARTIAL' : 'COMPLETE')), JSON.stringify(burst));
  // every datagram of the burst came in; answers of the host go out beside them
  t.true(seen + lost >= sent, `${seen} seen + ${lost} lost of ${sent}`);
}

async function cutOff(t: ExecutionContext, network: ServiceNetwork): Promise<void> {
  const from = await nextWindow();
  network.home.ip('link', 'set', 'm1', 'down');
  await network.until(async () => (await cells(network, 'MISSING', from)).filter((cell) => cell['eni-id'] === app.eniId).length >= 2, () => `nothing is missing:\n${network.logs}`);
  await network.send(app, ACCEPTED_PORT, 100);
  const others = async (): Promise<Cell[]> => (await cells(network, 'MISSING', from)).filter((cell) => cell['eni-id'] !== app.eniId);
  await network.until(async () => (await others()).length === 0, () => `not only the agent that is cut off misses windows:\n${network.logs}`);
  const during = nowSeconds();
  network.home.ip('link', 'set', 'm1', 'up');
  await network.until(async () => (await cells(network, 'MISSING', from)).filter(({ start }) => start < during).length === 0, () => `it does not heal:\n${network.logs}`);
  const healed = (await cells(network, null, from)).filter((cell) => cell['eni-id'] === app.eniId && cell.start < during - WINDOW_SECONDS);
  t.true(healed.length >= 2);
  t.true(healed.every(({ state }) => state === 'COMPLETE'), JSON.stringify(healed));
}

async function killed(t: ExecutionContext, network: ServiceNetwork): Promise<void> {
  await network.agents[0]!.kill();
  const from = await nextWindow();
  await network.send(web, ACCEPTED_PORT, 10);
  // the seal of another one may come late, on a busy machine, but it comes
  let missing: Cell[] = [];
  await network.until(async () => {
    missing = await cells(network, 'MISSING', from);
    return missing.length >= 2 && missing.every((cell) => cell['eni-id'] === web.eniId);
  }, () => `something else is missing than windows of ${web.eniId}: ${JSON.stringify(missing)}\n${network.logs}`);
  t.true(missing.every((cell) => cell['loss-unknown'] && cell.agents.every((agent) => agent['agent-id'] === 'host-0' && !agent.sealed)));
  const { code, stdout } = await network.weir('completeness', '--logstore', 'flows', '--from', String(from));
  t.is(code, 0);
  t.regex(stdout, /eni-web/);
  // the next process records again; what passed while there was none stays missing
  network.startAgent(0, null);
  await network.until(async () => (await cells(network, 'COMPLETE', from)).some((cell) => cell['eni-id'] === web.eniId), () => `a new process does not record:\n${network.logs}`);
  const still = (await cells(network, 'MISSING', from)).map(({ start }) => start);
  t.true(missing.every(({ start }) => still.includes(start)));
}

async function setUp(network: ServiceNetwork): Promise<void> {
  const call = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const answer = await network.curl(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  await call('PUT', '/v1/inventory', inventory([web, app, data]));
  await call('PUT', '/v1/authorization');
  await call('POST', '/v1/logstores', { name: 'flows', search: true });
  await call('POST', '/v1/flow-logs', { 'name': 'all', 'resource-type': 'VPC', 'resource-id': 'vpc-1', 'logstore': 'flows', 'window': `${WINDOW_SECONDS}s` });
  for (const at of [0, 1, 2]) {
    const { token } = await call('POST', '/v1/tokens', { 'scope': 'enrol', 'agent-id': `host-${at}` });
    network.startAgent(at, String(token), at === 2 ? { capture: { 'ring-bytes': 65_536 } } : {});
  }
}

async function cells(network: ServiceNetwork, state: Cell['state'] | null, from: number): Promise<Cell[]> {
  const { body } = await network.curl('GET', `/v1/completeness?logstore=flows&from=${from}&limit=5000`);
  return (body['cells'] as Cell[]).filter((cell) => state === null || cell.state === state);
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** When the next window begins; resolves then. */
async function nextWindow(): Promise<number> {
  const start = (Math.floor(nowSeconds() / WINDOW_SECONDS) + 1) * WINDOW_SECONDS;
  await new Promise((resolve) => setTimeout(resolve, start * 1000 - Date.now()));
  return start;
}
