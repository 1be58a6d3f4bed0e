import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parquetReadObjects } from 'hyparquet';
import { encodeCursor, queryHash } from '../../../aggregator/query/cursor.ts';
import { KEY_COLUMNS } from '../../../aggregator/query/record-order.ts';
import { DEFAULT_FIELD_NAMES, FIELDS } from '../../../shared/fields.ts';
import { untilBusy } from './busy-process.ts';
import { QueryServer } from './query-server.ts';
import { FIRST_WINDOW, sampleRecords, WINDOW_SECONDS, type SampleRecord } from './sample-store.ts';

const server = new QueryServer({ maximumRows: 1000 });
const allNames = FIELDS.map((field) => field.name);
test.before(async () => server.store.add(sampleRecords(500, 21)));
test.after.always(() => server.stop());

const line = (record: SampleRecord, names: readonly string[]) => JSON.stringify(names.map((name) => record[name] ?? null));
const lines = (records: readonly SampleRecord[], names: readonly string[] = allNames) => records.map((record) => line(record, names)).sort();

async function allPages(query: string, limit: number, between?: () => Promise<void>): Promise<SampleRecord[]> {
  const records: SampleRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await server.ask({ query, limit, fields: 'all', ...(cursor ? { cursor } : {}) });
    if (page.status !== 200) throw new Error(page.text);
    records.push(...page.json.records);
    cursor = page.json.cursor ?? undefined;
    await between?.();
    between = undefined;
  } while (cursor);
  return records;
}

test.serial('a search gives back the records that were stored, in order', async (t) => {
  const answer = await server.ask({ query: '', limit: 1000 });
  t.is(answer.status, 200);
  t.deepEqual(Object.keys(answer.json.records[0]), [...DEFAULT_FIELD_NAMES]);
  t.deepEqual(lines(answer.json.records, DEFAULT_FIELD_NAMES), lines(server.store.records, DEFAULT_FIELD_NAMES));
  const starts = answer.json.records.map((record: SampleRecord) => record['start']);
  t.deepEqual(starts, [...starts].sort((a: number, b: number) => a - b));
  t.is(answer.json.rowCount, 500);
  t.is(answer.json.cursor, null);
  t.false(answer.json.truncated);
  t.is(answer.json.scanned.rows, 500);
  t.is(answer.json.completeness.state, 'COMPLETE');
  t.is((await server.ask({ query: '' })).json.records.length, 100);
});

test.serial('pages of any size make up the whole, without repeating or skipping', async (t) => {
  const whole = (await server.ask({ query: 'not dstport:22', limit: 1000, fields: 'all' })).json.records as SampleRecord[];
  for (const limit of [1, 7, 100]) {
    const pages = await allPages(limit === 1 ? 'dstport:443 srcport:443' : 'not dstport:22', limit);
    const expected = limit === 1 ? whole.filter((record) => record['dstport'] === 443 && record['srcport'] === 443) : whole;
    t.deepEqual(pages.map((record) => line(record, allNames)), expected.map((record) => line(record, allNames)));
    t.true(pages.length > limit);
  }
});

test.serial('with order=newest the windows come the other way around, and pages make up the whole', async (t) => {
  const whole = (await server.ask({ query: 'tcp', limit: 1000, fields: 'all' })).json.records as SampleRecord[];
  const starts = [...new Set(whole.map((record) => record['start'] as number))].reverse();
  t.true(starts.length > 2);
  const pages: SampleRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await server.ask({ query: 'tcp', limit: 17, fields: 'all', order: 'newest', ...(cursor ? { cursor } : {}) });
    pages.push(...page.json.records);
    cursor = page.json.cursor ?? undefined;
    if (cursor) t.is((await server.ask({ query: 'tcp', limit: 17, cursor })).status, 400, 'a cursor belongs to its order');
  } while (cursor);
  t.deepEqual(pages.map((record) => line(record, allNames)), starts.flatMap((start) => whole.filter((record) => record['start'] === start)).map((record) => line(record, allNames)));
  t.is((await server.ask({ query: 'tcp', order: 'up' })).status, 400);
});

test.serial('records that are equal in every key stand on different pages all the same', async (t) => {
  const other = new QueryServer();
  try {
    const [record] = sampleRecords(20, 3).filter((candidate) => candidate['log-status'] === 'OK');
    await other.store.add(Array.from({ length: 5 }, () => record!));
    const seen: number[] = [];
    let cursor: string | null | undefined;
    while (cursor !== null) {
      const page = await other.ask({ query: '', limit: 2, ...(cursor ? { cursor } : {}) });
      seen.push(page.json.rowCount);
      cursor = page.json.cursor;
    }
    t.deepEqual(seen, [2, 2, 1]);
  } finally {
    await other.stop();
  }
});

test.serial('a later window does not disturb pages, and is seen by the next search', async (t) => {
  const [late] = sampleRecords(30, 9).filter((record) => record['log-status'] === 'OK');
  const early = { ...late!, 'start': FIRST_WINDOW - WINDOW_SECONDS, 'end': FIRST_WINDOW, 'eni-id': 'eni-late', 'first-seen': FIRST_WINDOW - 1, 'last-seen': FIRST_WINDOW - 1 };
  const before = server.store.records.length;
  const pages = await allPages('', 200, () => server.store.add([early]));
  t.is(pages.length, before);
  t.is((await server.ask({ query: 'eni-late' })).json.rowCount, 1);
});

test.serial('a cursor keeps the time range, and belongs to its query', async (t) => {
  const first = await server.ask({ query: 'tcp', limit: 1, from: '-330s', to: 'now' });
  t.deepEqual(first.json.range, { from: 1_700_000_070, to: 1_700_000_400 });
  const second = await server.ask({ query: 'tcp', limit: 1, cursor: first.json.cursor });
  t.deepEqual(second.json.range, first.json.range);
  const wrong = await server.ask({ query: 'udp', cursor: first.json.cursor });
  t.is(wrong.status, 400);
  t.regex(wrong.json.detail, /belongs to another query/);
  for (const cursor of ['x', 'W10', Buffer.from('[1,"a",0,1,0,["\' OR 1=1 --"]]').toString('base64url'), 'A'.repeat(8000)]) {
    const bad = await server.ask({ query: 'tcp', cursor });
    t.is(bad.status, 400);
    t.regex(bad.json.detail, /cursor cannot be read/);
  }
});

test.serial('a cursor that somebody has made up is read or refused, and breaks nothing', async (t) => {
  for (const newestFirst of [false, true]) {
    for (const number of [-Number.MAX_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER]) {
      for (const text of ['', '\ud800', "'; --"]) {
        const key = KEY_COLUMNS.map((column) => (column.half !== null ? '18446744073709551615' : column.sqlType === 'VARCHAR' ? text : number));
        for (const [from, to, given] of [[0, Number.MAX_SAFE_INTEGER, 0], [Number.MAX_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER]] as const) {
          const cursor = encodeCursor({ queryHash: queryHash('tcp', newestFirst), from, to, given, key });
          const { status, json } = await server.ask({ query: 'tcp', limit: 1, order: newestFirst ? 'newest' : 'oldest', cursor });
          t.true(status === 200 || status === 400, `${status} ${json.detail}`);
        }
      }
    }
  }
});

test.serial('only windows that start in [from, to) are searched, and only their files opened', async (t) => {
  const from = FIRST_WINDOW + WINDOW_SECONDS;
  const answer = await server.ask({ query: '', from, to: new Date((from + WINDOW_SECONDS) * 1000).toISOString(), limit: 1000 });
  t.deepEqual(new Set(answer.json.records.map((record: SampleRecord) => record['start'])), new Set([from]));
  t.is(answer.json.scanned.files, 1);
  t.is((await server.ask({ query: '', from: from + 1, to: from + WINDOW_SECONDS })).json.rowCount, 0);
});

test.serial('the formats agree', async (t) => {
  const body = { query: 'protocol:6', fields: 'all', limit: 1000 };
  const json = (await server.ask(body)).json.records as SampleRecord[];
  const ndjson = await server.ask({ ...body, format: 'ndjson' });
  t.deepEqual(ndjson.text.trimEnd().split('\n').map((text) => JSON.parse(text) as unknown), json);
  t.is(ndjson.headers['weir-rows'], String(json.length));
  t.is(JSON.parse(String(ndjson.headers['weir-completeness'])).state, 'COMPLETE');
  const csv = (await server.ask({ ...body, format: 'csv' })).text.trimEnd().split(/\r?\n/);
  t.is(csv[0], allNames.join(','));
  t.deepEqual(csv.slice(1), json.map((record) => allNames.map((name) => {
    const text = record[name] === null ? '' : String(record[name]);
    return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }).join(',')));
  const text = (await server.ask({ query: 'protocol:6', limit: 1000, format: 'text' })).text.trimEnd().split('\n');
  t.deepEqual(text, json.map((record) => DEFAULT_FIELD_NAMES.map((name) => record[name] ?? '-').join(' ')));
});

test.serial('a Parquet answer opens with another reader', async (t) => {
  const { raw, headers } = await server.ask({ query: 'protocol:6', format: 'parquet', fields: 'eni-id,srcaddr,bytes,first-seen' });
  t.is(headers['content-type'], 'application/vnd.apache.parquet');
  const expected = (await server.ask({ query: 'protocol:6', fields: 'eni-id,srcaddr,bytes', limit: 1000 })).json.records as SampleRecord[];
  const file = raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length) as ArrayBuffer;
  const { compressors } = await import('hyparquet-compressors').catch(() => ({ compressors: undefined }));
  if (!compressors) {
    t.is(raw.subarray(0, 4).toString(), 'PAR1');
    t.is(raw.subarray(-4).toString(), 'PAR1');
    t.is(headers['weir-rows'], String(expected.length));
    return;
  }
  const rows = await parquetReadObjects({ file, compressors });
  t.is(rows.length, expected.length);
});

test.serial('a SELECT is limited to 100 rows, or to what LIMIT or limit say', async (t) => {
  const rows = async (query: string, limit?: number) => (await server.ask({ query, ...(limit ? { limit } : {}) })).json;
  t.is((await rows('* | SELECT eni_id')).rowCount, 100);
  t.true((await rows('* | SELECT eni_id')).truncated);
  t.is((await rows('* | SELECT eni_id', 7)).rowCount, 7);
  t.is((await rows('* | SELECT eni_id LIMIT 150')).rowCount, 150);
  t.false((await rows('* | SELECT eni_id LIMIT 150')).truncated);
  t.is((await rows('* | SELECT a.eni_id FROM log a, log b LIMIT 5000')).rowCount, 1000);
  t.true((await rows('* | SELECT a.eni_id FROM log a, log b LIMIT 5000')).truncated);
  t.is((await rows('* | SELECT eni_id ORDER BY eni_id OFFSET 450')).rowCount, 51);
});

test.serial('a SELECT sees what the search left, with the columns of the reference', async (t) => {
  const expected = server.store.records.filter((record) => record['action'] === 'REJECT');
  const { json } = await server.ask({
    query: `action:REJECT | SELECT count(*) AS n, sum(packets) AS p, min(window_start) AS w, min("end") AS e, bool_and(cidr_contains(srcaddr, '0.0.0.0/0') OR is_ipv6(srcaddr)) AS c`,
  });
  t.deepEqual(json.columns.map((column: { name: string }) => column.name), ['n', 'p', 'w', 'e', 'c']);
  const packets = expected.reduce((sum, record) => sum + BigInt(record['packets'] as number), 0n);
  t.deepEqual(json.rows[0], [expected.length, packets >= 2n ** 53n ? String(packets) : Number(packets), '2023-11-14T22:13:00Z', FIRST_WINDOW, true]);
  t.deepEqual(Object.keys(JSON.parse((await server.ask({ query: '| SELECT * LIMIT 1', format: 'ndjson' })).text)),
    [...allNames.map((name) => name.replaceAll('-', '_')), 'window_start', 'window_end']);
});

test.serial('errors of a SELECT point into the whole query', async (t) => {
  for (const [query, found, message] of [
    ['action:REJECT | SELECT sum(byts)', 'byts', /"byts" not found.*Candidate bindings: "bytes"/s],
    ["eni-id:\"é\" | SELECT 'é', foo FROM log", 'foo', /"foo" not found/],
    ['* | SELECT count(* FROM log', 'FROM', /syntax error at or near "FROM"/],
    ['* | SELECT start, end FROM log', 'end', /window_end/],
    ['* | SELECT 1, read_text(\'x\')', 'read_text', /read_text\(\) is not allowed/],
    ['* | SELECT bytes::INTEGER + eni_id::INTEGER', '', /Could not convert/],
  ] as const) {
    const answer = await server.ask({ query });
    t.is(answer.status, 400, query);
    t.regex(answer.json.detail, message);
    t.is(answer.headers['content-type'], 'application/problem+json');
    if (found !== '') t.is(answer.json.position?.offset, query.indexOf(found), query);
  }
});

test.serial('large answers go by way of a file, which is gone afterwards', async (t) => {
  const query = `* | SELECT a.*, b.* FROM log a JOIN log b ON a.eni_id = b.eni_id LIMIT 1000`;
  const answer = await server.ask({ query, format: 'ndjson' });
  t.is(answer.status, 200);
  t.true(answer.text.length > 300_000);
  t.is(answer.text.trimEnd().split('\n').length, 1000);
  t.true(readdirSync(server.temporary).every((pool) => readdirSync(join(server.temporary, pool)).length <= 1), 'but for the folder of the next job');
});

test.serial('a histogram counts every record once, in buckets without gaps', async (t) => {
  const { json } = await server.ask({ query: 'tcp or udp | SELECT 1', interval: WINDOW_SECONDS }, 'histogram');
  const found = server.store.records.filter((record) => record['protocol'] === 6 || record['protocol'] === 17);
  t.is(json.intervalSeconds, WINDOW_SECONDS);
  const sum = (read: (bucket: any) => number) => json.buckets.reduce((total: number, bucket: any) => total + read(bucket), 0);
  t.is(sum((bucket) => bucket.records), found.length);
  t.is(sum((bucket) => bucket.accept.records), found.filter((record) => record['action'] === 'ACCEPT').length);
  for (const [index, bucket] of json.buckets.entries()) {
    t.is(bucket.end - bucket.start, WINDOW_SECONDS);
    if (index > 0) t.is(bucket.start, json.buckets[index - 1].end);
    t.is(bucket.records, found.filter((record) => record['start'] === bucket.start).length);
  }
  const coarse = await server.ask({ query: '', buckets: 2 }, 'histogram');
  t.true(coarse.json.buckets.length <= 3);
  t.is(coarse.json.buckets.reduce((total: number, bucket: any) => total + bucket.records, 0), server.store.records.length);
  t.is((await server.ask({ query: '', from: 0, to: 2_000_000_000, interval: 60 }, 'histogram')).status, 400);
});

test.serial('what is wrong with a request is said', async (t) => {
  for (const [body, message] of [
    [{ query: '', format: 'xml' }, /format "xml" is none of json, ndjson, csv, text, parquet/],
    [{ query: '', fields: 'srcadr' }, /no field "srcadr": did you mean srcaddr\?/],
    [{ query: '', from: 'yesterday' }, /"yesterday" is no time/],
    [{ query: '', from: 20, to: 10 }, /ends \(10\) before it begins \(20\)/],
    [{ query: '', limit: 0 }, /limit 0 is not between 1 and 1000/],
    [{ query: '| SELECT 1', cursor: 'x' }, /cursor/],
  ] as const) {
    const answer = await server.ask(body);
    t.is(answer.status, 400);
    t.regex(answer.json.detail, message);
  }
  const missing = await server.app.inject({ url: '/v1/logstores/tset/query' });
  t.is(missing.statusCode, 404);
  t.regex(missing.json<{ detail: string }>().detail, /no LogStore "tset": did you mean test\?/);
});

test.serial('GET asks the same', async (t) => {
  const answer = await server.app.inject({ url: '/v1/logstores/test/query', query: { query: 'dstport:443', limit: '3', from: '0', fields: 'eni-id,dstport' } });
  t.is(answer.statusCode, 200);
  t.is(answer.json<{ rowCount: number }>().rowCount, 3);
  t.is((await server.app.inject({ url: '/v1/logstores/test/histogram?query=dstport:443&buckets=5' })).statusCode, 200);
});

test.serial('a query ends with its client', async (t) => {
  // its deadline is later than the test's end, and there is one worker, which has answered before and waits
  const other = new QueryServer({ workers: 1, deadlineMs: 600_000 });
  try {
    t.is((await other.ask({ query: '| SELECT 1' })).status, 200);
    while (other.pool.runningJobs > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const [worker] = other.pool.workerPids;
    await other.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = other.app.server.address() as { port: number };
    const leave = new AbortController();
    const tens = [...'abcdefghijkl'].map((name) => `(SELECT unnest([1,2,3,4,5,6,7,8,9,10])) ${name}`).join(', ');
    const asked = t.throwsAsync(fetch(`http://127.0.0.1:${port}/v1/logstores/test/query`, {
      method: 'POST', signal: leave.signal, headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: `| SELECT count(*) FROM ${tens} WHERE sin(random()) > 2` }),
    }), { any: true });
    await untilBusy(worker!);
    t.is(other.pool.runningJobs, 1);
    leave.abort();
    await asked;
    while (other.pool.runningJobs > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    t.is(other.pool.counts.failed, 1);
    t.is(other.pool.counts.killed, 1);
    t.false(other.pool.workerPids.includes(worker!));
  } finally {
    await other.stop();
  }
});

test.serial('a file that is damaged is our failure, not the query\'s', async (t) => {
  const other = new QueryServer();
  try {
    await other.store.add(sampleRecords(10, 2));
    for (const file of other.store.files('test', 0, 1e12)) writeFileSync(file.path, 'not Parquet at all');
    const answer = await other.ask({ query: '' });
    t.is(answer.status, 500);
    t.false(answer.text.includes(other.store.directory));
  } finally {
    await other.stop();
  }
});
