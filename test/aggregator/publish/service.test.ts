/** What flow logs as a service ask of the publisher: expectation, completeness by cell, retention, usage, the end of a LogStore. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { cursorAt } from '../../../aggregator/api/pagination.ts';
import type { Seal } from '../../../shared/seal.ts';
import { encodeColumnar } from '../../../shared/wire/encode-columnar.ts';
import { CONTEXT, recordsOf, sampleRow, sealOf, WINDOW_START, type SampleRow } from '../../shared/wire/wire-samples.ts';
import { parquetFiles, runCollector, storedRows, temporaryDirectory, type RunningCollector } from '../collector-fixture.ts';
import { writePlannedData, type PlannedData } from '../planned-data.ts';

const INVENTORY = `
account-id: "1234567890"
region: r
vpcs: [{vpc-id: vpc-1, name: v, cidrs: [10.0.0.0/8]}]
vswitches: [{vswitch-id: vsw-1, name: s, vpc-id: vpc-1, cidr: 10.0.0.0/24}]
enis:
  - {eni-id: eni-a, vm-id: vm-a, vswitch-id: vsw-1, addresses: [10.0.0.4], agent-id: agent-1}
  - {eni-id: eni-b, vswitch-id: vsw-1, addresses: [10.0.0.5], agent-id: agent-2}
logstores: [{name: all, search: true}, {name: drops, search: true}, {name: spare, search: true}]
flow-logs:
  - {flow-log-id: fl-1, name: all, resource-type: VSwitch, resource-id: vsw-1, traffic-type: All, logstore: all, window: 60s, status: Active}
  - {flow-log-id: fl-2, name: drops, resource-type: ENI, resource-id: eni-a, traffic-type: Drop, logstore: drops, window: 600s, status: Active}
`;
const AGENTS = ['agent-1', 'agent-2'];
const PATIENCE_MS = 120_000;
const NOTHING = { records: 0, packets: 0, bytes: 0, packetsSeen: 0 };

interface Cell {
  readonly 'eni-id': string;
  readonly 'start': number;
  readonly 'seconds': number;
  readonly 'state': string;
  readonly 'nodata': boolean;
  readonly 'lost-packets': number;
  readonly 'loss-unknown': boolean;
  readonly 'agents': readonly Record<string, unknown>[];
}

interface Answer {
  readonly cells: readonly Cell[];
  readonly next: string | null;
  readonly windows: readonly Record<string, number>[];
  readonly summary: { readonly state: string; readonly pendingWindows: number } | null;
}

async function run(t: ExecutionContext, plan: Partial<PlannedData> = {}, options = {}): Promise<RunningCollector> {
  const data = join(temporaryDirectory(t), 'data');
  writePlannedData(data, { inventory: INVENTORY, ...plan });
  return runCollector(t, { data, ...options });
}

function completeness(collector: RunningCollector, query: string): Promise<Answer> {
  return collector.json<Answer>(`/v1/completeness?${query}`);
}

const sequences = new WeakMap<RunningCollector, Map<string, number>>();

async function send(collector: RunningCollector, agent: string, seals: readonly Partial<Seal>[], rows: readonly SampleRow[] = [], start = WINDOW_START, logStore = '-', seconds = 60): Promise<void> {
  const sent = sequences.get(collector) ?? new Map<string, number>();
  sequences.set(collector, sent);
  const sequence = (sent.get(agent) ?? 0) + 1;
  sent.set(agent, sequence);
  const sealed = seals.map((seal) => sealOf({ agentId: agent, windowStart: start, windowSeconds: seconds, ...seal }));
  const body = encodeColumnar(rows.length > 0 ? [recordsOf(rows, start, seconds)] : [], sealed, { ...CONTEXT, agentId: agent });
  const { status, document } = await collector.send({ body, sequence, agent, headers: { 'weir-logstore': logStore } });
  if (status !== 200) throw new Error(String(document['detail']));
}

function rowsOf(count: number, eni = 0): SampleRow[] {
  return fc.sample(sampleRow, { numRuns: count, seed: count }).map((row) => ({ ...row, eni, verdict: row.verdict % 2, packets: 1, bytes: 100 }));
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const limit = performance.now() + PATIENCE_MS; performance.now() < limit; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`it did not happen within ${PATIENCE_MS / 1000} s`);
}

test.serial('an agent that sends nothing leaves a window MISSING, with SKIPDATA, until its late seal makes it COMPLETE', async (t) => {
  const collector = await run(t, { agents: AGENTS, windowSeconds: 1 }, { aggregationDelayMs: 500 });
  const missing = await until(async () => (await completeness(collector, 'logstore=all&eni=eni-a')).cells.find(({ state, seconds }) => state === 'MISSING' && seconds === 1));
  t.like(missing, { 'loss-unknown': true, 'nodata': false });
  t.like(missing.agents, [{ 'agent-id': 'agent-1', 'expected': true, 'sealed': false, 'packets-seen': null }]);
  const query = `/v1/logstores/all/query?query=${encodeURIComponent('eni-id:eni-a')}&from=${missing.start}&to=${missing.start + 1}&fields=all`;
  t.like((await collector.json<{ records: object[] }>(query)).records, [{ 'log-status': 'SKIPDATA', 'skipped-packets': null, 'agent-id': 'agent-1', 'vpc-id': 'vpc-1', 'vm-id': 'vm-a' }]);
  await send(collector, 'agent-1', [{ ...NOTHING, windowStart: missing.start, windowSeconds: 1 }]);
  const healed = await until(async () => (await completeness(collector, `eni=eni-a&from=${missing.start}&to=${missing.start + 1}`)).cells.find(({ state }) => state === 'COMPLETE'));
  t.like(healed, { start: missing.start, nodata: true, agents: [{ expected: true, sealed: true }] });
  t.like((await collector.json<{ records: object[] }>(query)).records, [{ 'log-status': 'NODATA' }]);
  t.is((await completeness(collector, `logstore=all&eni=eni-b&from=${missing.start}&to=${missing.start + 1}`)).cells[0]?.state, 'MISSING', 'the other agent is missing still');
});

test.serial('a window is partial where less was recorded than its flow log asks for, and in its LogStore only', async (t) => {
  const collector = await run(t);
  for (let minute = 0; minute < 10; minute++) {
    await send(collector, 'agent-1', [{ ...NOTHING, trafficType: minute === 3 ? 'Drop' : 'All' }, { ...NOTHING, eniId: 'eni-b', ringDrops: minute === 5 ? null : 0 }], [], WINDOW_START + 60 * minute);
  }
  await collector.flush();
  const states = (answer: Answer): string => answer.cells.map(({ state }) => state[0]).join('');
  t.is(states(await completeness(collector, 'logstore=all&eni=eni-a')), 'CCCPCCCCCC');
  t.is(states(await completeness(collector, 'logstore=all&eni=eni-b')), 'CCCCCPCCCC');
  t.is(states(await completeness(collector, 'logstore=drops')), 'C', 'ten minutes in one, and Drop is enough');
  t.is(states(await completeness(collector, 'eni=eni-a')), 'CCCCCCCCCC', 'what was sealed, whoever asked for it');
  await send(collector, 'agent-2', [], rowsOf(1), WINDOW_START + 540);
  await collector.flush();
  t.like((await completeness(collector, 'logstore=drops')).cells, [{ state: 'PARTIAL', 'loss-unknown': true, agents: [{ 'agent-id': 'agent-1', 'sealed': true }, { 'agent-id': 'agent-2', 'sealed': false }] }]);
});

test.serial('rows that an agent had to give up are a loss that is known', async (t) => {
  const collector = await run(t);
  await send(collector, 'agent-1', [{ records: 5, droppedRecords: 3, droppedPackets: 7 }], rowsOf(2));
  await collector.flush();
  t.like((await completeness(collector, 'eni=eni-a')).cells, [{ 'state': 'PARTIAL', 'lost-packets': 7, 'loss-unknown': false }]);
  await send(collector, 'agent-1', [{ records: 1 }]);
  await collector.flush();
  t.like((await completeness(collector, 'eni=eni-a')).cells, [{ 'state': 'PARTIAL', 'lost-packets': 7, 'loss-unknown': true }]);
});

test.serial('the grid comes in pages, in order, each cell once', async (t) => {
  const collector = await run(t);
  for (let minute = 0; minute < 4; minute++) await send(collector, 'agent-1', ['eni-b', 'eni-a'].map((eniId) => ({ ...NOTHING, eniId })), [], WINDOW_START + 60 * minute);
  await collector.flush();
  for (const query of ['', 'logstore=all&']) {
    const whole = await completeness(collector, query);
    t.is(whole.next, null);
    const name = (cell: Cell): string => `${cell.start - WINDOW_START} ${cell['eni-id']}`;
    t.deepEqual(whole.cells.map(name), [0, 60, 120, 180].flatMap((start) => [`${start} eni-a`, `${start} eni-b`]));
    const cells: Cell[] = [];
    for (let next: string | null = ''; next !== null;) {
      const page: Answer = await completeness(collector, `${query}limit=3&cursor=${next}`);
      t.true(page.cells.length <= 3);
      cells.push(...page.cells);
      next = page.next;
    }
    t.deepEqual(cells, [...whole.cells]);
  }
  const page = await completeness(collector, 'limit=3');
  t.is((await collector.request(`/v1/completeness?logstore=all&cursor=${page.next}`)).status, 400, 'a cursor of another list');
  // anybody can compute the checksum
  for (const key of ['', 'x', 'null', '{}', '[]', '[1,2]', '[1,2,3]', '["1",2,"a"]', '[1.5,2,"a"]', '[null,null,null]', '[1,2,"a",3]']) {
    const forged = await collector.json<{ status: number; detail: string }>(`/v1/completeness?cursor=${cursorAt('completeness ', key)}`);
    t.is(forged.status, 400, key);
    t.regex(forged.detail, /the cursor is none of this list/);
  }
});

test.serial('rows from before the first flow log go where the batch says, and nowhere if it says nothing', async (t) => {
  const collector = await run(t, { sinceMs: (WINDOW_START + 600) * 1000 });
  await send(collector, 'agent-1', [{ records: 5 }], rowsOf(5), WINDOW_START, '-');
  await send(collector, 'agent-2', [{ records: 3 }], rowsOf(3), WINDOW_START, 'elsewhere');
  await send(collector, 'agent-1', [{ records: 7 }], rowsOf(7), WINDOW_START + 600, 'elsewhere');
  await collector.flush();
  t.regex(await (await collector.request('/metrics')).text(), /weir_left_out_rows_total\{reason="no-flow-log"\} 5/);
  await collector.stop();
  t.deepEqual([(await storedRows(collector.data, 'all')).length, (await storedRows(collector.data, 'elsewhere')).length], [7, 3]);
});

interface Usage {
  readonly 'account-id': string;
  readonly days: readonly { 'rows': number; 'ingested-bytes': number; 'stored-bytes': number; 'logstores': readonly { logstore: string; rows: number; 'stored-bytes': number }[] }[];
}

test.serial('usage is what was published, once, over restarts, failures and amendments', async (t) => {
  const first = await run(t, {}, { journalSegmentBytes: 1, ledgerCompactBytes: 500 });
  const rows = rowsOf(200);
  for (let i = 0; i < 4; i++) {
    await send(first, 'agent-1', [{}], rows.slice(i * 50, i * 50 + 50), WINDOW_START + 60 * (i % 3));
    await first.flush();
  }
  await send(first, 'agent-2', [], rowsOf(10, 1));
  await first.stop();
  const collector = await runCollector(t, { data: first.data });
  await collector.flush();
  await collector.flush();
  const drops = rows.filter(({ verdict }) => verdict === 1).length;
  const { days, 'account-id': account } = await collector.json<Usage>('/v1/usage');
  t.is(account, '1234567890');
  const sum = (of: (day: Usage['days'][number]) => number): number => days.reduce((total, day) => total + of(day), 0);
  t.is(sum((day) => day.rows), 210 + drops);
  t.true(sum((day) => day['ingested-bytes']) > 210 * 50);
  const { logstores } = await collector.json<{ logstores: { name: string; bytes: number }[] }>('/v1/logstores');
  t.is(days.at(-1)!['stored-bytes'], logstores.reduce((total, { bytes }) => total + bytes, 0));
  const one = await collector.json<{ name: string; bytes: number; usage: { rows: number; 'stored-bytes': number }[] }>('/v1/logstores/drops');
  t.is(one.usage.reduce((total, day) => total + day.rows, 0), drops);
  t.is(one.usage.at(-1)!['stored-bytes'], one.bytes);
  t.is((await collector.request('/v1/logstores/nowhere')).status, 404);
});

function patch(collector: RunningCollector, name: string, settings: object): Promise<Response> {
  return collector.request(`/v1/logstores/${name}`, { method: 'PATCH', body: JSON.stringify(settings), headers: { 'content-type': 'application/json' } });
}

test.serial('retention by bytes takes the oldest windows, by days all that are too old; they do not come back', async (t) => {
  const collector = await run(t);
  for (let minute = 0; minute < 4; minute++) {
    await send(collector, 'agent-1', [{}], rowsOf(50), WINDOW_START + 60 * minute);
    await collector.flush();
  }
  const windows = async (): Promise<number[]> => (await completeness(collector, 'logstore=all')).windows.map(({ start }) => start! - WINDOW_START);
  t.deepEqual(await windows(), [0, 60, 120, 180]);
  const { bytes } = await collector.json<{ bytes: number }>('/v1/logstores/all');
  t.is((await patch(collector, 'all', { 'retention-bytes': Math.round(bytes * 0.6) })).status, 200);
  await collector.flush();
  t.deepEqual(await windows(), [120, 180]);
  await send(collector, 'agent-1', [], rowsOf(3), WINDOW_START);
  await collector.flush();
  t.deepEqual(await windows(), [120, 180], 'a late batch does not bring an expired window back');
  t.regex(await (await collector.request('/metrics')).text(), /weir_left_out_rows_total\{reason="retention"\} 3/);
  t.is((await completeness(collector, 'logstore=drops')).windows.length, 1, 'another LogStore has it');
  t.is((await patch(collector, 'all', { 'retention-days': 1 })).status, 200);
  await collector.flush();
  t.deepEqual(await windows(), []);
  t.is((await completeness(collector, '')).cells.length, 4, 'drops needs the seals');
  t.is((await patch(collector, 'drops', { 'retention-days': 1 })).status, 200);
  await collector.flush();
  // the seals go at the next look, when no LogStore has the window any more
  await collector.flush();
  t.is((await completeness(collector, '')).cells.length, 0);
  t.like(await collector.json('/v1/logstores/all'), { bytes: 0, windows: 0 });
  await collector.stop();
  t.is(readdirSync(join(collector.data, 'windows'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json')).length, 0);
  t.deepEqual([...parquetFiles(collector.data, 'all'), ...parquetFiles(collector.data, 'drops')], []);
  const again = await runCollector(t, { data: collector.data });
  t.like(await again.json('/v1/logstores/all'), { bytes: 0, windows: 0 });
});

test.serial('a LogStore that is deleted is gone, with what was pending for it; one of its name begins empty', async (t) => {
  const collector = await run(t, {}, { journalSegmentBytes: 1 });
  await send(collector, 'agent-3', [{ eniId: 'eni-ü "x"' }], rowsOf(9, 2), WINDOW_START, 'spare');
  await collector.flush();
  await send(collector, 'agent-3', [], rowsOf(4, 2), WINDOW_START + 60, 'spare');
  t.like(await collector.json('/v1/logstores/spare'), { rows: 9 });
  t.is((await collector.request('/v1/logstores/spare?confirm=spare', { method: 'DELETE' })).status, 204);
  t.is((await collector.request('/v1/logstores/spare')).status, 404);
  await collector.stop();
  t.deepEqual(parquetFiles(collector.data, 'spare'), []);
  const again = await runCollector(t, { data: collector.data });
  await again.flush();
  t.is((await again.request('/v1/logstores/spare')).status, 404);
  await send(again, 'agent-4', [{ eniId: 'eni-ü "x"' }], rowsOf(2, 2), WINDOW_START, 'spare');
  await again.flush();
  t.like(await again.json('/v1/logstores/spare'), { rows: 2, windows: 1 });
  const { days } = await again.json<Usage>('/v1/usage');
  t.is(days.flatMap(({ logstores }) => logstores).filter(({ logstore }) => logstore === 'spare').reduce((sum, { rows }) => sum + rows, 0), 15, 'usage tells of what was deleted too');
  t.true(existsSync(join(again.data, 'logstores', 'logstore=spare')));
});

test.serial('no agent takes an id of the collector', async (t) => {
  const collector = await run(t);
  const body = encodeColumnar([], [], CONTEXT);
  t.is((await collector.send({ body, sequence: 1, agent: '!roll-call/60' })).status, 400);
});
