/**
 * Every function with arguments of every kind, and 100,000 generated statements, against query workers under a deadline:
 * no file read or written, no path told, the pool answers to the end. Limit: 120 min
 *
 * Of the generated ones, those that a worker's check lets pass and a part of those that it refuses are asked over HTTP: a
 * database of its own for each takes a worker ten times as long as to refuse a statement.
 *
 *     npx tsx test/long/sql.ts [statements] [seed] [functions: all, none]
 */
import { getPriority } from 'node:os';
import fc from 'fast-check';
import { argumentsFor, CanaryServer, duckdbFunctions, isAllowed, RECORDS } from '../aggregator/query/canary-server.ts';
import { LockedDatabase } from '../../aggregator/query/worker/locked-database.ts';
import { arbitraryStatement } from '../fuzz/sql-statements.ts';

const STATEMENTS = Number(process.argv[2] ?? 100_000);
const SEED = Number(process.argv[3] ?? 1);
/** As many as there are workers: none waits for a turn so long that it is told to come back. */
const AT_ONCE = 2;
const DEADLINE_MS = 3000;
const ROUND = 1000;
/** Of so many refused ones, one is asked. */
const REFUSED_FOR_ONE_ASKED = 50;
/** How often it says how far it is. */
const TOLD_EVERY_MS = 60_000;

const started = Date.now();
const server = await CanaryServer.start({ deadlineMs: DEADLINE_MS, workers: 2, workersPerToken: 2, jobsPerWorker: 1000, niceness: getPriority() });
const counts = { allowed: 0, refused: 0 };
const statuses = new Map<number, number>();
let asked = 'functions';
/** Statements that the check refuses, of those to be asked. */
const isRefused = new Set<string>();

async function ask(statement: string): Promise<void> {
  const { status } = await server.check(statement, isRefused.has(statement) ? [400] : undefined);
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
}

async function askAll(statements: string[]): Promise<void> {
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let statement = statements.pop(); statement !== undefined; statement = statements.pop()) await ask(statement);
  }));
  server.checkFiles();
}

/** Those of the statements to be asked. */
async function checked(database: LockedDatabase, statements: string[]): Promise<string[]> {
  const toAsk: string[] = [];
  isRefused.clear();
  for (const statement of statements) {
    if (await isAllowed(database, statement)) {
      counts.allowed++;
    } else {
      if (++counts.refused % REFUSED_FOR_ONE_ASKED !== 0) continue;
      isRefused.add(statement);
    }
    toAsk.push(statement);
  }
  return toAsk;
}

function tell(what: string): void {
  const answers = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} × ${status}`).join(', ');
  console.log(`${what}: ${answers}; ${server.pool.counts.killed} workers ended, ${server.times}, ${Math.round((Date.now() - started) / 1000)} s`);
}

const telling = setInterval(() => tell(asked), TOLD_EVERY_MS);
try {
  const functions = await duckdbFunctions();
  if (process.argv[4] !== 'none') await askAll(functions.flatMap((name) => argumentsFor(server.secretFile).flatMap((args) => {
    const call = `"${name.replaceAll('"', '""')}"(${args})`;
    return [`SELECT TRY(${call})::VARCHAR FROM log LIMIT 5`, `SELECT count(*) FROM ${call}`];
  })));
  tell(`${functions.length} functions`);
  const statement = arbitraryStatement(functions, server);
  const database = await LockedDatabase.prepare();
  for (let done = 0; done < STATEMENTS; done += ROUND) {
    await askAll(await checked(database, fc.sample(statement, { numRuns: Math.min(ROUND, STATEMENTS - done), seed: SEED + done })));
    asked = `${counts.allowed} allowed, ${counts.refused} refused statements, seed ${SEED}`;
  }
  database.close();
  const { text } = await server.check('SELECT count(*) AS n', [200]);
  if ((JSON.parse(text) as { n: number }).n !== RECORDS) throw new Error(`the records are not what they were: ${text}`);
  tell(`at the end, ${asked}`);
} finally {
  clearInterval(telling);
  await server.stop();
}
