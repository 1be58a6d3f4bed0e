/** What somebody may send who means no good, or does not know better: refused with a reason, in memory that is bounded, and nobody else notices. */
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { gzipSync } from 'node:zlib';
import { DEFAULT_BODY_LIMITS } from '../../../aggregator/receive/inflate.ts';
import { DEFAULT_INTAKE_LIMITS } from '../../../aggregator/receive/intake-limits.ts';
import { COLUMNAR_TYPE, NDJSON_TYPE } from '../../../aggregator/receive/receiver.ts';
import { encodeColumnar } from '../../../shared/wire/encode-columnar.ts';
import { CONTEXT, recordsOf, sampleRow, sealOf } from '../../shared/wire/wire-samples.ts';
import { client, runCollector, temporaryDirectory, type RunningCollector } from '../collector-fixture.ts';
import { batchHead, firstAnswer, HostileClient, peakResidentBytes, untilClosed } from '../hostile-client.ts';
import { startCollectorProcess } from '../faults/started-collector.ts';

const MIB = 1024 * 1024;
const ROWS = fc.sample(sampleRow, { numRuns: 20, seed: 5 });
const BATCH = encodeColumnar([recordsOf(ROWS)], [sealOf()], CONTEXT);
const GZIP = { 'content-encoding': 'gzip' };
const NDJSON = { 'content-type': NDJSON_TYPE };
const LINE = '{"eni-id":"eni-x","srcaddr":"10.0.0.1","dstaddr":"10.0.0.2","protocol":17,"direction":"out","packets":2,"bytes":120,"start":1700000400,"end":1700001000,"action":"ACCEPT"}';

/** Fails where the collector does not take a good batch afterwards. */
async function stillServes(collector: RunningCollector, agent: string): Promise<void> {
  const body = encodeColumnar([recordsOf(ROWS)], [sealOf({ agentId: agent })], { ...CONTEXT, agentId: agent });
  const { status, document } = await collector.send({ body, sequence: 1, agent });
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(document)}`);
}

async function ingestToken(collector: RunningCollector, agent: string): Promise<string> {
  const answer = await collector.json<{ token: string }>('/v1/tokens', {
    method: 'POST', body: JSON.stringify({ 'scope': 'ingest', 'agent-id': agent }), headers: { 'content-type': 'application/json' },
  });
  return answer.token;
}

test.serial('compression bombs of every kind are refused, and cost no more than what was granted', async (t) => {
  const { pid, target, stop } = await startCollectorProcess(join(temporaryDirectory(t), 'data'));
  t.teardown(stop);
  const collector = client(target.url, target.token);
  await collector.send({ body: BATCH, sequence: 1 });
  const bomb = gzipSync(Buffer.alloc(260 * MIB), { level: 1 });
  const lying = Buffer.from(bomb);
  lying.writeUInt32LE(100, lying.length - 4);
  const part = gzipSync(Buffer.alloc(40 * MIB));
  const empty = gzipSync(Buffer.alloc(0));
  const bombs: [string, Uint8Array, Record<string, string>, number[]][] = [
    ['260 MiB of zeros', bomb, {}, [413]],
    ['a trailer that says 100 bytes', lying, {}, [413]],
    ['many members', Buffer.concat(Array.from({ length: 8 }, () => part)), {}, [413]],
    ['a bomb within a gzip', gzipSync(bomb), {}, [400, 413]],
    ['100,000 empty members', Buffer.concat(Array.from({ length: 100_000 }, () => empty)), {}, [400]],
    ['one bit wrong', gzipSync(BATCH).map((byte, i) => (i === 200 ? byte ^ 4 : byte)), {}, [400]],
    ['cut off', gzipSync(BATCH).subarray(0, 500), {}, [400]],
    ['lines that inflate beyond what lines may', gzipSync(Buffer.from(`${LINE}\n`.repeat(Math.ceil(DEFAULT_BODY_LIMITS.ndjsonBytes / LINE.length))), { level: 1 }), NDJSON, [413]],
    ['empty lines without end', gzipSync(Buffer.alloc(40 * MIB, '\n')), NDJSON, [413]],
  ];
  const before = peakResidentBytes(pid);
  for (const [what, body, headers, expected] of bombs) {
    // four at once, of four agents: without the budget each would take its 260 MiB
    const answers = await Promise.all(['agent-1', 'agent-2', 'agent-3', 'agent-4'].map((agent) => collector.send({ body, sequence: 2, agent, epoch: 1, headers: { ...GZIP, ...headers } })));
    const { status, document } = answers[0]!;
    t.true(expected.includes(status), `${what}: ${status} ${String(document['detail'])}`);
    t.true(String(document['detail']).length > 10, what);
  }
  const grown = peakResidentBytes(pid) - before;
  t.log(`resident at the peak: ${Math.round(before / MIB)} MiB before, ${Math.round(grown / MIB)} MiB more`);
  // what zlib holds and what the collector of garbage has not seen yet comes on top of what is granted
  t.true(grown < DEFAULT_INTAKE_LIMITS.bodies.bytes + DEFAULT_INTAKE_LIMITS.contents.bytes + 160 * MIB, `${grown}`);
  t.is((await collector.send({ body: BATCH, sequence: 2 })).status, 200);
});

test.serial('what lines and seals may say: names that objects have, keys by the million, numbers that are none', async (t) => {
  const collector = await runCollector(t);
  const seal = (more: string) => `{"seal":{"eni-id":"eni-x","window-start":1700000400,"window-seconds":600${more}}}`;
  const keys = (count: number, step: number) => Array.from({ length: count }, (_, i) => `"${i * step}":1`).join(',');
  const refused: [string, string][] = [
    ['__proto__ of a record', LINE.replace('{', '{"__proto__":{"packets":1},')],
    ['constructor of a record', LINE.replace('{', '{"constructor":1,')],
    ['__proto__ of a seal', seal(',"__proto__":{"records":1}')],
    ['toString of a seal', seal(',"toString":1')],
    ['a __proto__ that is no count', seal(',"undecodable":{"__proto__":{}}')],
    ['integer keys in a line', `{${keys(1_000_000, 1)}}`],
    ['scattered integer keys in a line', `{${keys(1_000_000, 4099)}}`],
    ['integer keys in a seal', seal(`,"undecodable":{${keys(1000, 7)}}`)],
    ['a NUL in a name', LINE.replace('eni-x', 'eni\\u0000x')],
    ['half a character in a name', LINE.replace('eni-x', 'eni\\ud800x')],
    ['a control character in a reason', seal(',"undecodable":{"\\u0007":1}')],
    ['NaN', LINE.replace('"packets":2', '"packets":NaN')],
    ['1e999', LINE.replace('"packets":2', '"packets":1e999')],
    ['a negative count', LINE.replace('"packets":2', '"packets":-1')],
    ['a depth of 8,000', '['.repeat(8000)],
    ['an address that is none', LINE.replace('10.0.0.1', '10.0.0.256')],
    ['a window of 2^53 seconds', LINE.replace('1700001000', '9007199254740992')],
  ];
  for (const [what, line] of refused) {
    const { status, document } = await collector.send({ body: Buffer.from(line), sequence: 1, agent: 'agent-1', headers: NDJSON });
    t.true(status === 400 || status === 422, `${what}: ${status}`);
    t.regex(String(document['detail']), /line 1/, what);
  }
  t.is(({} as Record<string, unknown>)['packets'], undefined);
  await stillServes(collector, 'agent-1');
});

test.serial('columns with any bytes changed, over HTTP: stored, or refused with a reason', async (t) => {
  const collector = await runCollector(t);
  let sequence = 1;
  let refused = 0;
  const change = fc.array(fc.tuple(fc.nat(BATCH.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 });
  for (const changes of fc.sample(change, { numRuns: 250, seed: 11 })) {
    const body = Uint8Array.from(BATCH);
    for (const [at, value] of changes) body[at] = value;
    const { status, document } = await collector.send({ body, sequence });
    if (status === 200) sequence++;
    else refused++;
    t.true([200, 400, 422].includes(status), `${status} ${JSON.stringify(document)} ${JSON.stringify(changes)}`);
  }
  t.true(refused > 50 && sequence > 20, `${refused} refused, ${sequence} stored`);
  // Whatever of it was taken, it can be published: nothing that one agent sends blocks the others.
  await stillServes(collector, 'agent-2');
  await collector.flush();
  const { summary } = await collector.json<{ summary: { pendingWindows: number } }>('/v1/completeness?logstore=default');
  t.is(summary.pendingWindows, 0);
});

test.serial('what may be said and makes no sense is published all the same', async (t) => {
  const collector = await runCollector(t);
  const most = 2 ** 53 - 1;
  const odd = [
    ROWS.map((row) => ({ ...row, packets: most, bytes: most, fragments: 0x7fff_ffff })),
    ROWS.map((row) => ({ ...row, firstSeenUs: 0, lengthUs: 0 })),
    ROWS.map((row) => ({ ...row, firstSeenUs: most - 1, lengthUs: 1 })),
    ROWS.map((row) => ({ ...row, firstSeenUs: 0, lengthUs: most })),
  ];
  const reasons = { 'constructor': most, '__proto__x': most, 'toString': 1, 'a\'b"c;--': 5 };
  const seals = Array.from({ length: 3 }, () => sealOf({ undecodable: reasons, records: most, packets: most, bytes: most, packetsSeen: most, droppedPackets: most, droppedRecords: most, latePackets: most, overflowPackets: most, ringDrops: most, gapPackets: most, revision: most }));
  let sequence = 1;
  for (const rows of odd) t.is((await collector.send({ body: encodeColumnar([recordsOf(rows)], seals, CONTEXT), sequence: sequence++ })).status, 200);
  const proto = `{"seal":{"eni-id":"eni-x","window-start":1700000400,"window-seconds":600,"ring-drops":0,"gap-packets":0,"undecodable":{"__proto__":3,"constructor":4}}}`;
  for (let i = 0; i < 2; i++) t.is((await collector.send({ body: Buffer.from(proto), sequence: sequence++, headers: NDJSON })).status, 200);
  const names = ["'; DROP TABLE x; --", '"', '\\', '${x}', '../..', '%s', 'constructor', '__proto__'];
  const lines = names.map((name) => LINE.replace('eni-x', JSON.stringify(name).slice(1, -1)));
  t.is((await collector.send({ body: Buffer.from(lines.join('\n')), sequence: sequence++, headers: NDJSON })).status, 200);
  await collector.flush();
  const { rows } = await collector.json<{ rows: [string, number | null][] }>('/v1/logstores/default/query?query=' + encodeURIComponent(
    "* | SELECT eni_id, max(skipped_packets) GROUP BY 1 ORDER BY 1 LIMIT 100"));
  const byEni = new Map(rows);
  for (const name of names) t.true(byEni.has(name), name);
  t.is(byEni.get('eni-x'), 14, 'of both seals, by reason');
});

test.serial('replayed, reordered and foreign batches are answered by their numbers, and stored once', async (t) => {
  const collector = await runCollector(t);
  const token = await ingestToken(collector, 'agent-1');
  const own = client(collector.url, token);
  const order = fc.sample(fc.shuffledSubarray([1, 1, 2, 2, 3, 3, 4, 5], { minLength: 8 }), { numRuns: 20, seed: 4 }).flat();
  let next = 1;
  for (const sequence of order) {
    const { status, document } = await own.send({ body: BATCH, sequence });
    if (sequence === next) t.is(document['status'], 'stored');
    else if (sequence < next) t.is(document['status'], 'duplicate');
    else t.deepEqual([status, document['expected-sequence']], [409, next]);
    if (sequence === next) next++;
  }
  t.is(next, 6);
  for (const agent of ['agent-2', 'AGENT-1', 'agent-1 ', '!roll-call', '']) {
    const { status } = await own.send({ body: BATCH, sequence: 1, agent });
    t.true([400, 403].includes(status) || agent === 'agent-1 ', `${JSON.stringify(agent)}: ${status}`);
  }
  t.is((await own.send({ body: BATCH, sequence: 6, epoch: 2 ** 53 })).status, 400);
});

test.serial('headers without end, half a request, and a body that does not come are cut off, and served are the others', async (t) => {
  const collector = await runCollector(t, { requestTimeoutMs: 1500 });
  const hostile = new HostileClient(collector.url);
  t.teardown(() => hostile.close());
  const drip = async (text: string, more: string) => {
    const socket = await hostile.open();
    const closed = untilClosed(socket);
    socket.write(text);
    const timer = setInterval(() => socket.write(more), 100);
    return closed.finally(() => clearInterval(timer));
  };
  const slow = [
    drip('GET /healthz HTTP/1.1\r\nHost: x\r\n', 'X: y\r\n'),
    drip('GET /heal', 't'),
    drip(batchHead(collector.adminToken, { 'Content-Length': 1_000_000 }), '{'),
    drip(batchHead(collector.adminToken, { 'Transfer-Encoding': 'chunked' }), '1\r\n{\r\n'),
    drip('', ''),
  ];
  await stillServes(collector, 'agent-1');
  for (const answer of await Promise.all(slow)) t.regex(answer, /^(HTTP\/1\.1 408 |$)/);
  for (const [head, status] of [
    [`GET /healthz HTTP/1.1\r\nHost: x\r\n${'X: a long value\r\n'.repeat(5000)}\r\n`, 431],
    [batchHead(collector.adminToken, { 'Content-Length': 17 * MIB }), 413],
    [batchHead(collector.adminToken, { 'Content-Length': -5 }), 400],
    [batchHead(collector.adminToken, { 'Content-Length': 5, 'Transfer-Encoding': 'chunked' }), 400],
    [batchHead('weir_ingest_wrong', { 'Content-Length': 1_000_000 }), 401],
  ] as const) {
    const socket = await hostile.open();
    const answer = firstAnswer(socket);
    socket.write(head);
    const text = await answer;
    t.true(text.startsWith(`HTTP/1.1 ${status} `), `${head.slice(0, 80)}: ${text.slice(0, 100)}`);
    socket.destroy();
  }
});

test.serial('a thousand connections that say nothing do not stop the service', async (t) => {
  const collector = await runCollector(t);
  const hostile = new HostileClient(collector.url);
  t.teardown(() => hostile.close());
  const before = process.memoryUsage.rss();
  for (let i = 0; i < 1000; i++) await hostile.open();
  await stillServes(collector, 'agent-1');
  t.is((await fetch(`${collector.url}/readyz`)).status, 200);
  t.true(process.memoryUsage.rss() - before < 200 * MIB);
});

test.serial('a body waits outside until there is room for it; and one agent does not take what is for others', async (t) => {
  const one = { bytes: MIB, bytesPerHolder: MIB / 2, waiting: 3, waitingPerHolder: 2, waitMs: 5000 };
  const collector = await runCollector(t, { intake: { ...DEFAULT_INTAKE_LIMITS, bodies: one } });
  const hostile = new HostileClient(collector.url);
  t.teardown(() => hostile.close());
  const announce = async (agent: string) => {
    const socket = await hostile.open();
    const answer = firstAnswer(socket);
    answer.catch(() => {});
    socket.write(batchHead(collector.adminToken, { 'weir-agent-id': agent, 'Content-Length': MIB / 2 }));
    return { socket, answer };
  };
  const told = async (metric: string, value: number) => {
    while (!(await (await collector.request('/metrics')).text()).split('\n').includes(`${metric} ${value}`)) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const first = await announce('flood');
  await told('weir_batch_memory_bytes', MIB / 2);
  const waiting = [await announce('flood'), await announce('flood')];
  await told('weir_batches_waiting', 2);
  const { status, document } = await collector.send({ body: BATCH, sequence: 1, agent: 'flood' });
  t.is(status, 429);
  t.regex(String(document['detail']), /2 batches of flood are waiting already/);
  await stillServes(collector, 'agent-1');
  for (const { socket, answer } of waiting) {
    t.regex(await answer, /^HTTP\/1\.1 503 [^]*retry-after: [123]\r\n/i);
    socket.destroy();
  }
  first.socket.destroy();
  await told('weir_batch_memory_bytes', 0);
  await stillServes(collector, 'agent-3');
});

test.serial('where publication lags, the agent that it is about is told to wait, then all', async (t) => {
  const collector = await runCollector(t, { intake: { ...DEFAULT_INTAKE_LIMITS, backlogBytes: 15_000, backlogBytesPerAgent: 10_000 } });
  const send = async (agent: string, sequence: number) => collector.send({ body: encodeColumnar([], [sealOf({ agentId: agent, eniId: 'eni-a' }), sealOf({ agentId: agent, eniId: 'eni-b', windowStart: 9_000_000_000 })], { ...CONTEXT, agentId: agent }), sequence, agent });
  const upTo = async (agent: string) => {
    for (let sequence = 1; ; sequence++) {
      const answer = await send(agent, sequence);
      if (answer.status !== 200) return { ...answer, sequence };
    }
  };
  const flood = await upTo('flood');
  t.is(flood.status, 429);
  t.is(flood.sequence, 5);
  t.regex(String(flood.document['detail']), /what agent flood has sent and is not published yet takes \d+ bytes/);
  const all = await upTo('agent-1');
  t.is(all.status, 503);
  t.true(all.sequence > 1, 'the other still had room');
  await collector.flush();
  t.is((await send('flood', 5)).document['status'], 'stored');
});

test.serial('one agent\'s flood does not delay the acknowledgements of others', async (t) => {
  const collector = await runCollector(t);
  // each is read to its last row, and refused for that
  const rows = recordsOf(Array.from({ length: 20_000 }, (_, i) => ({ ...ROWS[i % ROWS.length]!, sourcePort: i, lengthUs: i === 19_999 ? -1 : 0 })));
  const flood = encodeColumnar([rows], [], { ...CONTEXT, agentId: 'flood' });
  let stopped = false;
  let answered = 0;
  const flooding = Array.from({ length: 30 }, async () => {
    while (!stopped) {
      const { status } = await collector.send({ body: flood, sequence: 1, agent: 'flood' });
      t.true(status === 422 || status === 429);
      answered++;
    }
  });
  const small = encodeColumnar([recordsOf(ROWS)], [], CONTEXT);
  const passed: number[] = [];
  while (answered < 30) await new Promise((resolve) => setImmediate(resolve));
  for (let sequence = 1; sequence <= 15; sequence++) {
    const before = answered;
    t.is((await collector.send({ body: small, sequence })).status, 200);
    passed.push(answered - before);
  }
  stopped = true;
  await Promise.all(flooding);
  passed.sort((a, b) => a - b);
  t.log(`batches of the flood answered while one of another waited: median ${passed[7]}, most ${passed[14]}`);
  t.true(passed[7]! <= 15, passed.join(' '));
});

test.serial('other types and encodings are refused before anything is read', async (t) => {
  const collector = await runCollector(t);
  for (const [headers, status] of [
    [{ 'content-type': 'application/json' }, 415], [{ 'content-type': COLUMNAR_TYPE, 'content-encoding': 'gzip, gzip' }, 415], [{ 'content-type': '' }, 415],
  ] as const) {
    t.is((await collector.send({ body: BATCH, sequence: 1, headers })).status, status);
  }
});
