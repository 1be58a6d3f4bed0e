import { gzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { COLUMNAR_TYPE, NDJSON_TYPE } from '../../../aggregator/receive/receiver.ts';
import { encodeColumnar } from '../../../shared/wire/encode-columnar.ts';
import { CONTEXT, recordsOf, sampleRow, sealOf } from '../../shared/wire/wire-samples.ts';
import { client, runCollector } from '../collector-fixture.ts';

const BATCH = encodeColumnar([recordsOf(fc.sample(sampleRow, { numRuns: 10, seed: 2 }))], [sealOf()], CONTEXT);
const EMPTY = encodeColumnar([], [], CONTEXT);

test.serial('sequence numbers: next is stored, seen before is a duplicate, a gap is told what is expected', async (t) => {
  const collector = await runCollector(t);
  const answers = [];
  for (const sequence of [1, 1, 3, 2, 1, 2, 3]) answers.push(await collector.send({ body: BATCH, sequence }));
  t.deepEqual(answers.map(({ status, document }) => [status, document['status'], document['expected-sequence']]), [
    [200, 'stored', undefined], [200, 'duplicate', undefined], [409, 409, 2], [200, 'stored', undefined],
    [200, 'duplicate', undefined], [200, 'duplicate', undefined], [200, 'stored', undefined],
  ]);
});

test.serial('an epoch begins at 1, and closes those before it for good', async (t) => {
  let collector = await runCollector(t, { journalSegmentBytes: 1 });
  const send = async (epoch: number, sequence: number, body = EMPTY) => {
    const { status, document } = await collector.send({ body, epoch, sequence });
    return [status, document['status'], document['expected-sequence'] ?? document['newest-epoch']];
  };
  t.deepEqual(await send(10, 1, BATCH), [200, 'stored', undefined]);
  t.deepEqual(await send(20, 2), [409, 409, 1]);
  t.deepEqual(await send(10, 2), [200, 'stored', undefined], 'one that was refused has closed nothing');
  t.deepEqual(await send(20, 1), [200, 'stored', undefined]);
  for (const when of ['', 'after a start', 'when the journal has given its segments up']) {
    t.deepEqual(await send(10, 2), [200, 'duplicate', undefined], when);
    t.deepEqual(await send(10, 3), [409, 409, 20], when);
    t.deepEqual(await send(10, 4), [409, 409, 20], when);
    t.deepEqual(await send(15, 1), [409, 409, 20], when);
    if (when !== '') await collector.flush();
    await collector.stop();
    collector = await runCollector(t, { data: collector.data, journalSegmentBytes: 1 });
  }
  t.deepEqual(await send(20, 2), [200, 'stored', undefined]);
});

test.serial('a batch sent by many at once is stored once', async (t) => {
  const collector = await runCollector(t);
  const answers = await Promise.all(Array.from({ length: 10 }, () => collector.send({ body: BATCH, sequence: 1 })));
  t.deepEqual(answers.map(({ document }) => document['status']).sort(), [...Array.from({ length: 9 }, () => 'duplicate'), 'stored']);
});

test.serial('positions and rows outlive a restart', async (t) => {
  const first = await runCollector(t);
  await first.send({ body: BATCH, sequence: 1 });
  await first.stop();
  const second = await runCollector(t, { data: first.data });
  t.is((await second.send({ body: BATCH, sequence: 1 })).document['status'], 'duplicate');
  await second.flush();
  await second.stop();
  const third = await runCollector(t, { data: first.data, journalSegmentBytes: 1 });
  t.is((await third.send({ body: BATCH, sequence: 1 })).document['status'], 'duplicate');
  const { logstores } = await third.json<{ logstores: { rows: number }[] }>('/v1/logstores');
  t.true(logstores[0]!.rows >= 10);
});

test.serial('who has no token, a wrong one, or one of another scope or agent is refused before the body counts', async (t) => {
  const collector = await runCollector(t);
  const make = async (body: unknown) => (await collector.json<{ token: string }>('/v1/tokens', {
    method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' },
  })).token;
  const tokens = { query: await make({ scope: 'query' }), own: await make({ 'scope': 'ingest', 'agent-id': 'agent-1' }), other: await make({ 'scope': 'ingest', 'agent-id': 'agent-2' }), any: await make({ 'scope': 'ingest', 'agent-id': '*' }) };
  // A body that would be refused if it were looked at.
  const bomb = gzipSync(Buffer.alloc(300 * 1024 * 1024));
  const status = async (token: string, body: Uint8Array = bomb) =>
    (await client(collector.url, token).send({ body, sequence: 1, headers: { 'content-encoding': 'gzip' } })).status;
  t.is(await status('weir_ingest_wrong'), 401);
  t.is(await status(tokens.own.replace(/.$/, (last) => (last === '0' ? '1' : '0'))), 401);
  t.is(await status(tokens.query), 403);
  t.is(await status(tokens.other), 403);
  t.is(await status(tokens.own), 413);
  t.is(await status(tokens.own, gzipSync(BATCH)), 200);
  t.is((await client(collector.url, tokens.any).send({ body: BATCH, sequence: 2 })).status, 200);
  t.is((await client(collector.url, tokens.own).request('/v1/logstores')).status, 403);
  const bare = await fetch(`${collector.url}/v1/batches`, { method: 'POST', body: bomb });
  t.is(bare.status, 401);
  t.is(bare.headers.get('www-authenticate'), 'Bearer');
  t.is(bare.headers.get('content-type'), 'application/problem+json');
});

test.serial('nobody reports in the name of another', async (t) => {
  const collector = await runCollector(t);
  const { status, document } = await collector.send({ body: BATCH, sequence: 1, agent: 'agent-2' });
  t.is(status, 422);
  t.regex(String(document['detail']), /agent_id is "agent-1", but "agent-2" sends it/);
});

test.serial('compressed bodies: gzip is taken, bombs and unknown encodings are not', async (t) => {
  const collector = await runCollector(t, { limits: { compressedBytes: 100_000, inflatedBytes: 4_000_000, ndjsonBytes: 4_000_000, ratio: 200 } });
  const send = (body: Uint8Array, encoding: string) => collector.send({ body, sequence: 1, headers: { 'content-encoding': encoding } });
  t.is((await send(gzipSync(Buffer.alloc(3_000_000)), 'gzip')).status, 413, 'ratio');
  t.is((await send(gzipSync(Buffer.from(fc.sample(fc.base64String({ minLength: 1000, maxLength: 1000 }), { numRuns: 100, seed: 1 }).join('').repeat(80))), 'gzip')).status, 413, 'inflated size');
  t.is((await send(Buffer.alloc(200_000, 1), 'gzip')).status, 413, 'compressed size');
  t.is((await send(Buffer.from('no gzip'), 'gzip')).status, 400);
  t.is((await send(BATCH, 'br')).status, 415);
  t.is((await send(gzipSync(BATCH), 'gzip')).document['status'], 'stored');
});

test.serial('NDJSON is stored as the columnar batch it stands for', async (t) => {
  const collector = await runCollector(t);
  const lines = [
    '{"eni-id":"eni-x","srcaddr":"10.0.0.1","dstaddr":"10.0.0.2","dstport":53,"protocol":17,"direction":"out","packets":2,"bytes":120,"start":1700000400,"end":1700001000,"action":"ACCEPT"}',
    '{"seal":{"eni-id":"eni-x","window-start":1700000400,"window-seconds":600,"records":1,"packets":2,"bytes":120,"packets-seen":2,"ring-drops":0,"gap-packets":0}}',
  ];
  const answer = await collector.send({ body: Buffer.from(lines.join('\n')), sequence: 1, agent: 'curl', headers: { 'content-type': `${NDJSON_TYPE}; charset=utf-8`, 'weir-logstore': 'by-hand' } });
  t.is(answer.document['status'], 'stored');
  await collector.flush();
  const { records, completeness } = await collector.json<{ records: unknown[]; completeness: { state: string } }>('/v1/logstores/by-hand/query?from=1700000000&to=1700002000');
  t.like(records, [{ 'eni-id': 'eni-x', 'srcaddr': '10.0.0.1', 'dstport': 53, 'packets': 2, 'log-status': 'OK' }]);
  t.is(completeness.state, 'COMPLETE');
});

const REFUSED: readonly [string, Record<string, string>, Uint8Array, number, RegExp][] = [
  ['no agent', { 'weir-agent-id': ' ' }, BATCH, 400, /weir-agent-id/],
  ['an epoch that is no number', { 'weir-epoch': '1e3' }, BATCH, 400, /weir-epoch is "1e3"/],
  ['sequence 0', { 'weir-sequence': '0' }, BATCH, 400, /weir-sequence is "0"/],
  ['a LogStore that climbs out of its folder', { 'weir-logstore': '../x' }, BATCH, 400, /weir-logstore/],
  ['another media type', { 'content-type': 'text/csv' }, BATCH, 415, /Content-Type is "text\/csv"/],
  ['a body that is no Arrow stream', {}, Buffer.from('hello, hello'), 400, /no Arrow IPC message at byte 0/],
  ['an empty columnar body', {}, new Uint8Array(0), 400, /no Arrow schema/],
  ['a line that no record can hold', { 'content-type': NDJSON_TYPE }, Buffer.from('{"eni-id":"e","srcport":70000}'), 422, /line 1: /],
];

test.serial('every refusal says what is wrong, and takes no sequence number', async (t) => {
  const collector = await runCollector(t);
  for (const [title, headers, body, status, detail] of REFUSED) {
    const answer = await collector.send({ body, sequence: 1, headers: { 'content-type': COLUMNAR_TYPE, ...headers } });
    t.is(answer.status, status, title);
    t.regex(String(answer.document['detail']), detail, title);
    t.is(answer.document['status'], status);
  }
  t.is((await collector.send({ body: BATCH, sequence: 1 })).document['status'], 'stored');
});
