import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { DEFAULT_FIELD_NAMES, FIELDS } from '../../../shared/fields.ts';
import { QueryServer } from '../query/query-server.ts';
import { sampleRecords, type SampleRecord } from '../query/sample-store.ts';

const PROGRAM = fileURLToPath(new URL('./query-program.ts', import.meta.url));
const server = new QueryServer();
let collector = '';
let authorization: string | undefined;

test.before(async () => {
  await server.store.add(sampleRecords(12_000, 31));
  server.app.addHook('onRequest', async (request) => { authorization = request.headers.authorization; });
  collector = await server.app.listen({ port: 0, host: '127.0.0.1' });
});
test.after.always(() => server.stop());

interface Ended { code: number; stdout: string; stderr: string }

function weir(args: string[], environment: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import=tsx', PROGRAM, 'query', ...args], {
      env: { PATH: process.env['PATH'], WEIR_COLLECTOR: collector, ...environment }, maxBuffer: 64 * 1024 * 1024,
    }, (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }));
  });
}

const sortedLines = (records: readonly SampleRecord[], names: readonly string[]) => records.map((record) => JSON.stringify(names.map((name) => record[name] ?? null))).sort();

test.serial('json gives every record, page after page, one object a line', async (t) => {
  const { code, stdout, stderr } = await weir(['test', '', '--format', 'json', '--fields', 'all']);
  t.is(code, 0);
  const records = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as SampleRecord);
  t.is(records.length, 12_000);
  const names = FIELDS.map((field) => field.name);
  t.deepEqual(sortedLines(records, names), sortedLines(server.store.records, names));
  t.is(stderr, '12000 rows; COMPLETE: all 5 ENI windows\n');
});

test.serial('csv has one header and every record; --limit ends it', async (t) => {
  const all = (await weir(['test', '*', '--format', 'csv'])).stdout.trimEnd().split('\n');
  t.is(all.length, 12_001);
  t.is(all.filter((line) => line === DEFAULT_FIELD_NAMES.join(',')).length, 1);
  const some = await weir(['test', '*', '--format', 'csv', '--limit', '10500']);
  t.deepEqual(some.stdout.trimEnd().split('\n'), all.slice(0, 10_501));
  t.regex(some.stderr, /10500 rows, and there are more \(--limit/);
});

test.serial('a table shows 100 records, or what a SELECT finds', async (t) => {
  const records = await weir(['test']);
  t.is(records.code, 0);
  t.is(records.stdout.trimEnd().split('\n').length, 101);
  t.regex(records.stdout, /^version +vswitch-id/);
  const select = await weir(['test', 'not action:* | SELECT log_status, count(*) AS records GROUP BY 1 ORDER BY 1']);
  const of = (status: string) => server.store.records.filter((record) => record['log-status'] === status).length;
  t.is(select.stdout, `log_status  records\nNODATA${' '.repeat(13 - String(of('NODATA')).length)}${of('NODATA')}\nSKIPDATA${' '.repeat(11 - String(of('SKIPDATA')).length)}${of('SKIPDATA')}\n`);
});

test.serial('parquet and other formats go to a file', async (t) => {
  const path = join(server.store.directory, 'out');
  t.is((await weir(['test', 'tcp', '--format', 'parquet', '--output', path])).code, 0);
  t.is(readFileSync(path).subarray(0, 4).toString(), 'PAR1');
  t.is((await weir(['test', '| SELECT 1 AS one FROM (VALUES (1))', '--json', '--output', path])).code, 0);
  t.is(readFileSync(path, 'utf8'), '{"one":1}\n');
  const refused = await weir(['test', '--format', 'parquet']);
  t.is(refused.code, 2);
  t.regex(refused.stderr, /name a file with --output/);
});

test.serial('errors point into the query and exit with their code', async (t) => {
  const search = await weir(['test', 'srcprt:443']);
  t.is(search.code, 1);
  t.is(search.stderr, 'weir: there is no field "srcprt": did you mean srcport? (line 1, column 1)\n  srcprt:443\n  ^\n');
  const select = await weir(['test', '* | SELECT foo FROM log']);
  t.is(select.code, 1);
  t.regex(select.stderr, /"foo" not found[^]*\n {2}\* \| SELECT foo FROM log\n {13}\^\n$/);
  t.regex((await weir(['tset', ''])).stderr, /no LogStore "tset": did you mean test\?/);
  t.is((await weir(['test', '', '--limit', 'abc'])).code, 2);
  const silent = await weir(['test', ''], { WEIR_COLLECTOR: 'http://127.0.0.1:1' });
  t.is(silent.code, 1);
  t.regex(silent.stderr, /no answer from the collector at http:\/\/127.0.0.1:1 \(ECONNREFUSED\)/);
  t.is((await weir(['test', ''], { WEIR_COLLECTOR: 'ftp://x' })).code, 2);
});

test.serial('the token comes from the environment or a file, and not into texts', async (t) => {
  await weir(['test', '', '--limit', '1'], { WEIR_TOKEN: 'weir_abc' });
  t.is(authorization, 'Bearer weir_abc');
  const path = join(server.store.directory, 'token');
  writeFileSync(path, 'weir_def\n');
  await weir(['test', '', '--limit', '1', '--token-file', path], { WEIR_TOKEN: 'weir_abc' });
  t.is(authorization, 'Bearer weir_def');
  writeFileSync(path, 'se cret\nmore');
  const bad = await weir(['test', '', '--token-file', path]);
  t.is(bad.code, 78);
  t.false(bad.stderr.includes('cret'));
});

test.serial('a reader that leaves early is no failure', async (t) => {
  const { code, stdout } = await new Promise<Ended>((resolve) => {
    execFile('/bin/bash', ['-o', 'pipefail', '-c', `"${process.execPath}" --import=tsx "${PROGRAM}" query test --json -q | head -n 2`], {
      env: { PATH: process.env['PATH'], WEIR_COLLECTOR: collector },
    }, (error, stdout, stderr) => resolve({ code: error ? 1 : 0, stdout, stderr }));
  });
  t.is(code, 0);
  t.is(stdout.trimEnd().split('\n').length, 2);
});
