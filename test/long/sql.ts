/**
 * 100,000 generated statements and every function with arguments of every kind, against query workers under a deadline:
 * no file read or written, no path told, the pool answers to the end. Limit: 240 min
 *
 *     npx tsx test/long/sql.ts [statements] [seed]
 */
import { getPriority } from 'node:os';
import fc from 'fast-check';
import { argumentsFor, CanaryServer, duckdbFunctions, RECORDS } from '../aggregator/query/canary-server.ts';
import { arbitraryStatement } from '../fuzz/sql-statements.ts';

const STATEMENTS = Number(process.argv[2] ?? 100_000);
const SEED = Number(process.argv[3] ?? 1);
/** As many as there are workers: none waits for a turn so long that it is told to come back. */
const AT_ONCE = 2;
const DEADLINE_MS = 3000;
const ROUND = 1000;

const started = Date.now();
const server = await CanaryServer.start({ deadlineMs: DEADLINE_MS, workers: 2, workersPerToken: 2, jobsPerWorker: 1000, niceness: getPriority() });
const statuses = new Map<number, number>();

async function ask(statement: string): Promise<void> {
  const { status } = await server.check(statement);
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
}

async function askAll(statements: string[]): Promise<void> {
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let statement = statements.pop(); statement !== undefined; statement = statements.pop()) await ask(statement);
  }));
  server.checkFiles();
}

function tell(what: string): void {
  const answers = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} × ${status}`).join(', ');
  console.log(`${what}: ${answers}; ${server.pool.counts.killed} workers ended, ${server.times}, ${Math.round((Date.now() - started) / 1000)} s`);
}

try {
  const functions = await duckdbFunctions();
  await askAll(functions.flatMap((name) => argumentsFor(server.secretFile).flatMap((args) => {
    const call = `"${name.replaceAll('"', '""')}"(${args})`;
    return [`SELECT TRY(${call})::VARCHAR FROM log LIMIT 5`, `SELECT count(*) FROM ${call}`];
  })));
  tell(`${functions.length} functions`);
  const statement = arbitraryStatement(functions, server);
  for (let done = 0; done < STATEMENTS; done += ROUND) {
    await askAll(fc.sample(statement, { numRuns: Math.min(ROUND, STATEMENTS - done), seed: SEED + done }));
    if ((done / ROUND) % 10 === 9) tell(`${done + ROUND} statements, seed ${SEED}`);
  }
  const { text } = await server.check('SELECT count(*) AS n', [200]);
  if ((JSON.parse(text) as { n: number }).n !== RECORDS) throw new Error(`the records are not what they were: ${text}`);
  tell('at the end');
} finally {
  await server.stop();
}
