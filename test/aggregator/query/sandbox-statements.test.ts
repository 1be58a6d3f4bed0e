/** Statements by a grammar, with files, settings and other tables wherever something can stand. */
import test from 'ava';
import fc from 'fast-check';
import { LockedDatabase } from '../../../aggregator/query/worker/locked-database.ts';
import { arbitraryStatement } from '../../fuzz/sql-statements.ts';
import { CanaryServer, duckdbFunctions, isAllowed, RECORDS } from './canary-server.ts';

/** All of them are checked and planned, the first are asked over HTTP too. */
const STATEMENTS = 2000;
const ASKED = 120;
const SEED = Number(process.env['WEIR_TEST_SEED'] ?? Date.now() % 1_000_000);

const server = await CanaryServer.start({ deadlineMs: 4000, workers: 2, workersPerToken: 2, jobsPerWorker: 1000 });
test.after.always(() => server.stop());

test.serial(`${STATEMENTS} statements neither read, write, name a path, nor bring a worker beyond its deadline (seed ${SEED})`, async (t) => {
  t.timeout(600_000);
  const statements = fc.sample(arbitraryStatement(await duckdbFunctions(), server), { numRuns: STATEMENTS, seed: SEED });
  const database = await LockedDatabase.prepare();
  let allowed = 0;
  for (const statement of statements) if (await isAllowed(database, statement)) allowed++;
  database.close();
  t.true(allowed > STATEMENTS / 50, `${allowed} of ${STATEMENTS} were allowed`);
  const left = statements.slice(0, ASKED);
  const answers = new Map<number, number>();
  await Promise.all([0, 1].map(async () => {
    for (let statement = left.pop(); statement !== undefined; statement = left.pop()) {
      const { status } = await server.check(statement);
      answers.set(status, (answers.get(status) ?? 0) + 1);
    }
  }));
  server.checkFiles();
  t.is(JSON.parse((await server.check('SELECT count(*) AS n', [200])).text).n, RECORDS);
  t.log(`${allowed} allowed; asked: ${[...answers].map(([status, count]) => `${count} × ${status}`).join(', ')}`);
});
