import { readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DuckDBInstance } from '@duckdb/node-api';
import type { QuerySettings } from '../../../aggregator/query/query-settings.ts';
import type { LockedDatabase } from '../../../aggregator/query/worker/locked-database.ts';
import { selectStatement } from '../../../aggregator/query/worker/select-statement.ts';
import { WorkerProcess } from '../../../aggregator/query/worker/worker-process.ts';
import { QueryServer } from './query-server.ts';
import { sampleRecords } from './sample-store.ts';

export const RECORDS = 50;
const SECRET = 'hunter2';
const ATTEMPTS = 20;
const LONG_AGO = new Date(1_000_000_000_000);

/** How late this process itself was at the most: on a busy machine a deadline is seen so much later. */
const lateness = monitorEventLoopDelay({ resolution: 20 });

/** The longest time that a worker had one job until it answered or was killed, and until it was gone after that. */
let longestJobMs = 0;
let longestEndMs = 0;
const { run } = WorkerProcess.prototype;
WorkerProcess.prototype.run = async function (this: WorkerProcess, ...job) {
  const startedMs = performance.now();
  try {
    return await run.apply(this, job);
  } finally {
    const endedMs = performance.now();
    longestJobMs = Math.max(longestJobMs, endedMs - startedMs);
    if (!this.isAlive) void this.stop().then(() => { longestEndMs = Math.max(longestEndMs, performance.now() - endedMs); });
  }
};

/** A query server with files beside its LogStore that no statement may read, change, or add to. */
export class CanaryServer extends QueryServer {
  readonly secretFile = join(this.store.directory, 'secret.csv');
  readonly newFile = join(this.store.directory, 'new.csv');
  private names: string[] = [];
  /** Parts of paths, in small letters, that an answer has only where the statement itself names them. */
  private hidden: string[] = [];

  static async start(settings: Partial<QuerySettings>): Promise<CanaryServer> {
    const server = new CanaryServer(settings);
    lateness.enable();
    await server.store.add(sampleRecords(RECORDS, 5));
    writeFileSync(server.secretFile, `password\n${SECRET}\n`);
    // relatime moves a time of access that lies before the last change
    utimesSync(server.secretFile, LONG_AGO, LONG_AGO);
    server.names = readdirSync(server.store.directory).sort();
    const files = server.names.filter((name) => name.endsWith('.parquet'));
    server.hidden = [basename(server.temporary), basename(server.store.directory), ...files, process.cwd()].map((name) => name.toLowerCase());
    return server;
  }

  /** For a person: how long workers took, and how late this process was at the most. */
  get times(): string {
    return `longest job ${Math.round(longestJobMs)} ms, longest end of a killed worker ${Math.round(longestEndMs)} ms, machine late by ${Math.round(lateness.max / 1e6)} ms`;
  }

  /** Asks the SELECT; throws where the answer is not one that it may give, or a worker was not killed within a second of its deadline. */
  async check(sql: string, statuses: readonly number[] = [200, 400, 422, 504]): Promise<{ status: number; text: string }> {
    const { status, text } = await this.askPatiently({ query: `* | ${sql}`, format: 'ndjson' });
    const fail = (why: string): never => { throw new Error(`${why}: ${status} ${text.slice(0, 300)}\nfor ${sql}`); };
    if (!statuses.includes(status)) fail('not an answer to be given');
    if (text.includes(SECRET) || text.includes('root:') || text.includes('PATH=')) fail('a file was read');
    const told = this.hidden.find((name) => text.toLowerCase().includes(name) && !sql.toLowerCase().includes(name));
    if (told !== undefined) fail(`the answer names ${told}`);
    if (longestJobMs > this.pool.settings.deadlineMs + 1000 + lateness.max / 1e6) fail(`a worker was not killed in time: ${this.times}`);
    return { status, text };
  }

  /** Asks again where the machine is too busy to start a worker in time. */
  private async askPatiently(body: Record<string, unknown>): Promise<{ status: number; text: string }> {
    for (let attempt = 0; ; attempt++) {
      const answer = await this.ask(body);
      const isBusy = answer.status === 503 || (answer.status === 500 && answer.text.includes('a query worker did not start'));
      if (!isBusy || attempt === ATTEMPTS) return answer;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  /** Throws where a file was read, changed or added since the start. */
  checkFiles(): void {
    const { atimeMs, mtimeMs } = statSync(this.secretFile);
    if (atimeMs !== LONG_AGO.getTime()) throw new Error('the secret was read');
    if (mtimeMs !== LONG_AGO.getTime()) throw new Error('the secret was changed');
    const names = readdirSync(this.store.directory).sort();
    if (names.join() !== this.names.join()) throw new Error(`files were added or removed: ${names.join(' ')}`);
  }
}

/** Every function of DuckDB, by name. */
export async function duckdbFunctions(): Promise<string[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const names = (await connection.runAndReadAll('SELECT DISTINCT function_name FROM duckdb_functions() ORDER BY 1')).getRows().map((row) => String(row[0]));
  connection.closeSync();
  instance.closeSync();
  return names;
}

/** Large numbers, a file and a column, by position: for what makes much out of little, opens files, or looks at all rows. */
export function argumentsFor(file: string): string[] {
  return [`'${file}'`, 'eni_id', 'bytes, 1000000000000', "eni_id, 1000000000000, 'x'", '[1, 2, 3], 1000000000000', 'bytes, bytes', `'${file}', '${file}'`,
    '1000000000000', '[eni_id], 1, 1000000000000', "'a', 'b', 'c', 'd'", 'NULL', ''];
}

/** Calls and tables that no statement may have left when it is let pass, beside texts and quoted names. */
const FORBIDDEN = /read_|glob\(|weir_stored|duckdb_(?!views)|pg_|information_schema|getenv|query\(/i;

/** Whether a worker's check lets the statement pass. Throws where what it would run names what it must not. */
export async function isAllowed(database: LockedDatabase, statement: string): Promise<boolean> {
  let sql: string;
  try {
    ({ sql } = await selectStatement(database, statement, 100));
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw error;
    return false;
  }
  if (FORBIDDEN.test(sql.replaceAll(/'(?:[^']|'')*'|"[^"]*"/g, ''))) throw new Error(`${statement} became ${sql}`);
  return true;
}
