import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { RecordContext } from '../../../shared/records.ts';
import type { Seal } from '../../../shared/seal.ts';
import { encodeColumnar } from '../../../shared/wire/encode-columnar.ts';
import { CONTEXT, recordAsJson, recordsOf, sampleRow, sealOf, WINDOW_START, type SampleRow } from '../../shared/wire/wire-samples.ts';
import { parquetFiles, runCollector, storedRows, temporaryDirectory, type RunningCollector } from '../collector-fixture.ts';
import { writePlannedData } from '../planned-data.ts';
import { asSet, mergeRows } from './merge-model.ts';

const PATIENCE_MS = 120_000;

/** Few addresses and small numbers: keys meet, sums stay exact. */
const meetingRow: fc.Arbitrary<SampleRow> = sampleRow.map((row) => ({
  ...row, source: [0, 0, 0xffff, row.sourcePort % 3], destination: [0x20010db8, 0, 0, row.destinationPort % 2], sourcePort: row.sourcePort % 2, destinationPort: 443,
  packets: row.packets % 1000, bytes: row.bytes % 100_000, fragments: row.fragments % 10, icmp: row.protocol === 1 ? row.icmp : -1,
}));

function rowsOf(seed: number, count: number): SampleRow[] {
  return fc.sample(meetingRow, { numRuns: count, seed });
}

function contextOf(agentId: string): RecordContext {
  return { ...CONTEXT, agentId };
}

function json(rows: readonly SampleRow[], agentId = 'agent-1', start = WINDOW_START, seconds = 600): ReturnType<typeof recordAsJson>[] {
  const records = recordsOf(rows, start, seconds);
  return rows.map((_, row) => recordAsJson(records, row, contextOf(agentId)));
}

function seals(agentId: string, values: Partial<Seal> = {}): Seal[] {
  return CONTEXT.enis.map(({ eniId }) => sealOf({ agentId, eniId, ...values }));
}

interface Sender {
  send(rows: readonly SampleRow[], sealed: readonly Seal[], window?: { start: number; seconds: number }, headers?: Record<string, string>): Promise<void>;
}

function sender(collector: RunningCollector, agent = 'agent-1'): Sender {
  let sequence = 0;
  return {
    send: async (rows, sealed, window = { start: WINDOW_START, seconds: 600 }, headers = {}) => {
      const body = encodeColumnar(rows.length > 0 ? [recordsOf(rows, window.start, window.seconds)] : [], sealed, contextOf(agent));
      const { status, document } = await collector.send({ body, sequence: ++sequence, agent, headers });
      if (status !== 200) throw new Error(String(document['detail']));
    },
  };
}

interface CompletenessAnswer {
  readonly summary: { readonly state: string; readonly windows: number; readonly pendingWindows: number; readonly lostPackets: number };
  readonly windows: readonly Record<string, number>[];
}

function completeness(collector: RunningCollector, logStore = 'default'): Promise<CompletenessAnswer> {
  return collector.json<CompletenessAnswer>(`/v1/completeness?logstore=${logStore}`);
}

/** Waits until the publisher has done on its own what `isDone` looks for. */
async function until(isDone: () => Promise<boolean>): Promise<void> {
  for (const limit = performance.now() + PATIENCE_MS; !(await isDone()); await new Promise((resolve) => setTimeout(resolve, 50))) {
    if (performance.now() > limit) throw new Error(`it did not happen within ${PATIENCE_MS / 1000} s`);
  }
}

test.serial('partial rows of a flow become one, by the merge rules of the field table', async (t) => {
  const collector = await runCollector(t);
  const [first, second] = [rowsOf(1, 400), rowsOf(2, 300)];
  const agents = [sender(collector, 'agent-1'), sender(collector, 'agent-2')];
  await agents[0]!.send(first.slice(0, 150), []);
  await agents[0]!.send(first.slice(150), seals('agent-1'));
  await agents[1]!.send(second, seals('agent-2'));
  await collector.flush();
  await collector.stop();
  const rows = await storedRows(collector.data);
  const expected = mergeRows([...json(first), ...json(second, 'agent-2')]);
  t.true(expected.length < 690, 'some keys met');
  t.deepEqual(asSet(rows), asSet(expected));
  t.is(parquetFiles(collector.data, 'default').length, 1);
  const order = rows.map((row) => [row['eni-id'], row['direction']].join(' '));
  t.deepEqual(order, order.toSorted((a, b) => (a < b ? -1 : 1)), 'sorted by ENI, then direction');
});

test.serial('what comes later amends the file, whatever the order of publications', async (t) => {
  const collector = await runCollector(t);
  const rows = rowsOf(3, 200);
  const one = sender(collector);
  for (let i = 0; i < 4; i++) {
    await one.send(rows.slice(i * 50, (i + 1) * 50), i === 3 ? seals('agent-1') : []);
    await collector.flush();
  }
  const { summary } = await completeness(collector);
  t.like(summary, { state: 'COMPLETE', windows: 1 });
  await collector.stop();
  t.deepEqual(asSet(await storedRows(collector.data)), asSet(mergeRows(json(rows))));
});

test.serial('a window is published when its seals are in, and not before', async (t) => {
  const collector = await runCollector(t);
  const [a, b] = [sender(collector, 'agent-1'), sender(collector, 'agent-2')];
  const rows = rowsOf(4, 20).map((row) => ({ ...row, eni: 0 }));
  await a.send(rows, [sealOf()]);
  await until(async () => (await completeness(collector)).summary.windows === 1);
  await b.send(rows, []);
  t.is((await completeness(collector)).summary.pendingWindows, 1);
  await b.send([], [sealOf({ agentId: 'agent-2' })]);
  await until(async () => (await completeness(collector)).summary.pendingWindows === 0);
  await collector.stop();
  t.deepEqual(asSet(await storedRows(collector.data)), asSet(mergeRows([...json(rows), ...json(rows, 'agent-2')])));
});

test.serial('after the aggregation delay a window is published without its seal, as MISSING, and the late seal heals it', async (t) => {
  const collector = await runCollector(t, { aggregationDelayMs: 300 });
  const one = sender(collector);
  const rows = rowsOf(5, 5).map((row) => ({ ...row, eni: 1 }));
  await one.send(rows, []);
  await until(async () => (await completeness(collector)).summary.state === 'MISSING');
  const { records } = await collector.json<{ records: Record<string, unknown>[] }>(`/v1/logstores/default/query?query=${encodeURIComponent('log-status:SKIPDATA')}&from=0&to=2000000000&fields=all`);
  t.is(records.length, 1);
  t.like(records[0]!, { 'eni-id': 'eni-b', 'log-status': 'SKIPDATA', 'skipped-packets': null, 'agent-id': 'agent-1', 'packets': null });
  await one.send([], [sealOf({ eniId: 'eni-b' })]);
  await until(async () => (await completeness(collector)).summary.state === 'COMPLETE');
  await collector.stop();
  t.deepEqual(asSet(await storedRows(collector.data)), asSet(mergeRows(json(rows))));
});

test.serial('status rows follow the seals: NODATA, SKIPDATA with its count, and what a second seal adds', async (t) => {
  const collector = await runCollector(t);
  const one = sender(collector);
  const nothing = { records: 0, packets: 0, bytes: 0, packetsSeen: 0 };
  await one.send([], [sealOf({ ...nothing }), sealOf({ ...nothing, eniId: 'eni-b', packetsSeen: 7, nonIpPackets: 4, undecodable: { truncated: 3 } })]);
  await collector.flush();
  t.like((await completeness(collector)).windows, [{ complete: 1, partial: 1, missing: 0, lostPackets: 3, rows: 2 }]);
  await one.send([], [sealOf({ ...nothing, eniId: 'eni-b', latePackets: 2, packetsSeen: 2 })]);
  await collector.flush();
  await collector.stop();
  const rows = await storedRows(collector.data);
  t.like(rows, [
    { 'eni-id': 'eni-a', 'vm-id': 'vm-a', 'vpc-id': 'vpc-1', 'account-id': '1234567890', 'log-status': 'NODATA', 'skipped-packets': null, 'start': WINDOW_START, 'end': WINDOW_START + 600 },
    { 'eni-id': 'eni-b', 'vm-id': null, 'log-status': 'SKIPDATA', 'skipped-packets': 5, 'srcaddr': null, 'action': null },
  ]);
});

test.serial('rows that a seal counts and that did not come make SKIPDATA; when they come, the window is complete', async (t) => {
  const collector = await runCollector(t);
  const one = sender(collector);
  const rows = rowsOf(8, 3).map((row) => ({ ...row, eni: 0 }));
  await one.send(rows.slice(0, 2), [sealOf({ records: 3 })]);
  await collector.flush();
  t.like((await completeness(collector)).windows, [{ complete: 0, partial: 1, lossUnknown: 1, rows: 3 }]);
  await one.send(rows.slice(2), []);
  await collector.flush();
  t.like((await completeness(collector)).windows, [{ complete: 1, partial: 0, lossUnknown: 0 }]);
  await collector.stop();
  t.deepEqual(asSet(await storedRows(collector.data)), asSet(mergeRows(json(rows))));
});

const INVENTORY = `
account-id: "1234567890"
region: r
vpcs: [{vpc-id: vpc-1, name: v, cidrs: [10.0.0.0/8]}]
vswitches: [{vswitch-id: vsw-1, name: s, vpc-id: vpc-1, cidr: 10.0.0.0/24}]
enis:
  - {eni-id: eni-a, vm-id: vm-a, vswitch-id: vsw-1, addresses: [10.0.0.4]}
  - {eni-id: eni-b, vswitch-id: vsw-1, addresses: [10.0.0.5]}
logstores: [{name: all, search: true}, {name: drops, search: true}]
flow-logs:
  - {flow-log-id: fl-1, name: all, resource-type: VSwitch, resource-id: vsw-1, traffic-type: All, logstore: all, window: 600s, status: Active}
  - {flow-log-id: fl-2, name: drops, resource-type: ENI, resource-id: eni-a, traffic-type: Drop, logstore: drops, window: 600s, status: Active}
`;

async function runPlanned(t: ExecutionContext): Promise<RunningCollector> {
  const data = join(temporaryDirectory(t), 'data');
  writePlannedData(data, { inventory: INVENTORY });
  return runCollector(t, { data });
}

test.serial('flow logs route rows by ENI and traffic type, and roll finer windows up; other ENIs go where the batch says', async (t) => {
  const collector = await runPlanned(t);
  const one = sender(collector);
  const minutes = [0, 1, 2].map((i) => ({ start: WINDOW_START + 60 * i, seconds: 60 }));
  const parts = minutes.map((_, i) => rowsOf(10 + i, 60));
  for (const [i, window] of minutes.entries()) {
    await one.send(parts[i]!, seals('agent-1', { windowStart: window.start, windowSeconds: 60 }), window, { 'weir-logstore': 'elsewhere' });
    await collector.flush();
  }
  await collector.stop();
  const minuteRows = parts.flatMap((rows, i) => json(rows, 'agent-1', minutes[i]!.start, 60));
  const tenMinutes: ReturnType<typeof json> = minuteRows.map((row) => ({ ...row, start: WINDOW_START, end: WINDOW_START + 600 }));
  t.deepEqual(asSet(await storedRows(collector.data, 'all')), asSet(mergeRows(tenMinutes.filter((row) => row['eni-id'] === 'eni-a' || row['eni-id'] === 'eni-b'))));
  t.deepEqual(asSet(await storedRows(collector.data, 'drops')), asSet(mergeRows(tenMinutes.filter((row) => row['eni-id'] === 'eni-a' && row['action'] === 'REJECT'))));
  t.deepEqual(asSet(await storedRows(collector.data, 'elsewhere')), asSet(mergeRows(minuteRows.filter((row) => row['eni-id'] === 'eni-ü "x"'))));
  t.is(parquetFiles(collector.data, 'all').length, 1);
  t.is(parquetFiles(collector.data, 'elsewhere').length, 3);
});

test.serial('a rolled-up window is complete when all of it is sealed', async (t) => {
  const collector = await runPlanned(t);
  const one = sender(collector);
  const nothing = { records: 0, packets: 0, bytes: 0, packetsSeen: 0 };
  for (let i = 0; i < 2; i++) {
    const window = { windowStart: WINDOW_START + 300 * i, windowSeconds: 300 };
    await one.send([], [sealOf({ ...nothing, ...window })]);
    await collector.flush();
    t.is((await completeness(collector, 'all')).summary.state, i === 0 ? 'PARTIAL' : 'COMPLETE');
  }
  await collector.stop();
  t.like(await storedRows(collector.data, 'all'), [{ 'eni-id': 'eni-a', 'log-status': 'NODATA', 'start': WINDOW_START, 'end': WINDOW_START + 600 }]);
});

test.serial('many windows in one batch, more rows than a row group', async (t) => {
  const collector = await runCollector(t);
  const windows = Array.from({ length: 150 }, (_, i) => WINDOW_START + i * 10);
  const [sample] = rowsOf(6, 1) as [SampleRow];
  const body = encodeColumnar(windows.map((start) => recordsOf([sample], start, 10)), windows.map((start) => sealOf({ eniId: CONTEXT.enis[sample.eni]!.eniId, windowStart: start, windowSeconds: 10 })), CONTEXT);
  t.is((await collector.send({ body, sequence: 1 })).status, 200);
  const many = Array.from({ length: 130_000 }, (_, i): SampleRow => ({ ...sample, source: [0, 0, 0xffff, i] }));
  t.is((await collector.send({ body: gzipSync(encodeColumnar([recordsOf(many, WINDOW_START + 6000)], [], CONTEXT)), sequence: 2, headers: { 'content-encoding': 'gzip' } })).status, 200);
  await collector.flush();
  t.is((await completeness(collector)).summary.windows, 151);
  await collector.stop();
  const rows = await storedRows(collector.data);
  t.is(rows.length, 150 + 130_000 + 1, 'and one SKIPDATA row');
  t.is(new Set(rows.map((row) => `${row['start']} ${row['srcaddr']}`)).size, rows.length);
});

test.serial('the journal and replaced files go once nothing needs them', async (t) => {
  const collector = await runCollector(t, { journalSegmentBytes: 1 });
  const one = sender(collector);
  for (let i = 0; i < 5; i++) {
    await one.send(rowsOf(20 + i, 10), seals('agent-1'));
    await collector.flush();
  }
  await until(async () => readdirSync(join(collector.data, 'journal')).length <= 1);
  await collector.stop();
  t.is(parquetFiles(collector.data, 'default').length, 1);
  t.is(readdirSync(join(collector.data, 'windows'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json')).length, 1);
});
