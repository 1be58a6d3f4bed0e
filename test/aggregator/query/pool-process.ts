/** A pool in a process of its own, to be killed: prints the ids of its workers while a query runs that does not end. */
import { QueryPool } from '../../../aggregator/query/query-pool.ts';
import { DEFAULT_QUERY_SETTINGS } from '../../../aggregator/query/query-settings.ts';

const [, , temporary, statement] = process.argv as [string, string, string, string];
const pool = new QueryPool(DEFAULT_QUERY_SETTINGS, temporary);
pool.start();
const job = (text: string) => ({
  files: [], predicate: 'TRUE', question: { kind: 'select', text, defaultRows: 100, maximumRows: 1000 } as const, format: 'json', envelope: {},
} as const);
await (await pool.run(job('SELECT 1'))).dispose();
void pool.run(job(statement)).catch(() => {});
setTimeout(() => process.stdout.write(`${JSON.stringify(pool.workerPids)}\n`), 300);
