import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { LockedDatabase } from '../../../../aggregator/query/worker/locked-database.ts';
import type { WorkerJob } from '../../../../aggregator/query/worker/worker-job.ts';
import { SampleStore, sampleRecords } from '../sample-store.ts';

const MIB = 1024 * 1024;
const limits = { memoryBytes: 256 * MIB, spillBytes: MIB, answerBytes: MIB, threads: 1 };

test('what is not asked through the check of statements finds no files, no settings and nothing to change either', async (t) => {
  const store = new SampleStore();
  t.teardown(() => store.remove());
  await store.add(sampleRecords(20, 1));
  const directory = join(store.directory, 'job');
  mkdirSync(directory);
  const secret = join(store.directory, 'secret.csv');
  writeFileSync(secret, 'password\nhunter2\n');
  const out = join(directory, 'out.csv');
  const job: WorkerJob = {
    files: store.files('test', 0, Infinity).map(({ path }) => path), predicate: 'true', question: { kind: 'table', sql: '' }, format: 'json', envelope: {}, limits, directory,
  };
  for (const [sql, message] of [
    [`SELECT * FROM read_csv('${secret}')`, /disabled by configuration/],
    [`SELECT * FROM '${secret}'`, /disabled by configuration|does not exist/],
    [`SELECT * FROM glob('${store.directory}/*')`, /disabled by configuration/],
    [`COPY (SELECT 1) TO '${out}'`, /disabled by configuration/],
    [`ATTACH '${out}' AS x`, /disabled by configuration/],
    ['INSTALL httpfs', /disabled by configuration/],
    ["SET memory_limit = '100GB'", /configuration has been locked/],
    ['SET enable_external_access = true', /configuration has been locked|while database is running/],
    ['RESET threads', /configuration has been locked/],
  ] as const) {
    const database = await LockedDatabase.prepare();
    await database.open(job);
    t.is(await database.text('SELECT count(*) FROM log'), '20');
    const error = await t.throwsAsync(database.connection.run(sql), undefined, sql);
    t.regex(error.message, message, sql);
    database.close();
  }
  t.false(existsSync(out));
});
