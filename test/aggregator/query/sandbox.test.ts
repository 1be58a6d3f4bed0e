import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { ALLOWED_FUNCTIONS, WEIR_FUNCTIONS } from '../../../aggregator/query/sql/allowed-functions.ts';
import { RefusedStatement } from '../../../aggregator/query/sql/statement-check.ts';
import { LockedDatabase } from '../../../aggregator/query/worker/locked-database.ts';
import { selectStatement } from '../../../aggregator/query/worker/select-statement.ts';
import { QueryServer } from './query-server.ts';
import { sampleRecords } from './sample-store.ts';

/** What a SELECT must not be able to do. Each of these got through, or hurt, in DuckDB with its own lock alone. */

const server = new QueryServer({ deadlineMs: 120_000, workers: 2 });
/** For what would never end. */
const impatient = new QueryServer({ deadlineMs: 3000, workers: 2 });
const secret = () => join(server.store.directory, 'secret.csv');
test.before(async () => {
  await server.store.add(sampleRecords(50, 5));
  writeFileSync(secret(), 'password\nhunter2\n');
});
test.after.always(() => Promise.all([server.stop(), impatient.stop()]));

const refused: [sql: string, message: RegExp][] = [
  [`SELECT * FROM read_csv('SECRET')`, /table function read_csv\(\) is not allowed/],
  [`SELECT * FROM 'SECRET'`, /there is no table/],
  [`FROM "SECRET"`, /there is no table/],
  [`SELECT (SELECT count(*) FROM read_text('SECRET'))`, /read_text\(\) is not allowed/],
  [`SELECT count(*) FROM log WHERE eni_id IN (SELECT content FROM read_text('SECRET'))`, /read_text\(\) is not allowed/],
  [`SELECT count(*) FROM log GROUP BY (SELECT 1 FROM glob('*'))`, /glob\(\) is not allowed/],
  [`SELECT * FROM log JOIN read_parquet('x') USING (eni_id)`, /read_parquet\(\) is not allowed/],
  [`WITH x AS (SELECT * FROM read_json('SECRET')) SELECT * FROM x`, /read_json\(\) is not allowed/],
  [`SELECT * FROM query('SELECT 1')`, /query\(\) is not allowed/],
  [`SELECT * FROM query_table('log')`, /query_table\(\) is not allowed/],
  [`SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))`, /json_execute_serialized_sql\(\) is not allowed/],
  [`SELECT json_serialize_plan('SELECT 1')`, /json_serialize_plan\(\) is not allowed/],
  [`SELECT getvariable('x')`, /getvariable\(\) is not allowed/],
  [`SELECT getenv('HOME')`, /getenv\(\) is not allowed/],
  [`SELECT current_setting('temp_directory')`, /current_setting\(\) is not allowed/],
  [`SELECT * FROM duckdb_settings()`, /duckdb_settings\(\) is not allowed/],
  [`SELECT * FROM duckdb_views`, /there is no table "duckdb_views"/],
  [`SELECT sql FROM duckdb_views()`, /duckdb_views\(\) is not allowed/],
  [`SELECT * FROM information_schema.tables`, /there is no table "tables"/],
  [`SELECT * FROM sqlite_master`, /there is no table/],
  [`SELECT * FROM memory.main.log`, /there is no table/],
  [`SELECT * FROM main.log`, /there is no table/],
  [`SELECT * FROM weir_stored`, /there is no table/],
  [`WITH "duckdb_views" AS (SELECT 1) SELECT * FROM duckdb_views`, /must be a plain identifier/],
  [`SELECT (WITH x AS (SELECT 1) SELECT * FROM x), (SELECT * FROM x)`, /there is no table "x"/],
  [`WITH "weir_\u212Aeyed" AS (SELECT 1) SELECT * FROM weir_keyed`, /must be a plain identifier/],
  [`WITH weir_stored AS (SELECT 1) SELECT (SELECT count(*) FROM weir_stored)`, /must be a plain identifier/],
  [`SELECT ('SECRET').read_text()`, /read_text\(\) is not allowed/],
  [`SELECT * REPLACE ((SELECT content FROM read_text('SECRET')) AS eni_id) FROM log`, /read_text\(\) is not allowed/],
  [`SELECT COLUMNS(c -> c = getenv('HOME')) FROM log`, /getenv\(\) is not allowed/],
  [`SELECT list_transform([1], lambda x: read_text('SECRET'))`, /read_text\(\) is not allowed/],
  [`SELECT count(*) FILTER (WHERE EXISTS (FROM read_blob('SECRET'))) FROM log`, /read_blob\(\) is not allowed/],
  [`SELECT sum(bytes) OVER (ORDER BY (SELECT 1 FROM glob('SECRET'))) FROM log`, /glob\(\) is not allowed/],
  [`SELECT 1 LIMIT (SELECT count(*) FROM read_csv('SECRET'))`, /read_csv\(\) is not allowed/],
  [`SELECT * FROM log, LATERAL (SELECT * FROM read_text(eni_id))`, /read_text\(\) is not allowed/],
  [`VALUES ((SELECT content FROM read_text('SECRET')))`, /read_text\(\) is not allowed/],
  [`SELECT * FROM (VALUES ((SELECT content FROM read_text('SECRET')))) v`, /read_text\(\) is not allowed/],
  [`SELECT current_setting('secret_directory'), current_schemas(true)`, /is not allowed/],
  [`SELECT filename, file_row_number FROM log`, /not found/],
  [`PIVOT log ON action`, /not allowed|only SELECT/],
  [`SELECT * FROM (PIVOT log ON action USING sum(bytes))`, /not allowed|only SELECT/],
  [`SELECT * FROM (WITH y AS (SELECT 1) SELECT * FROM y) JOIN y ON true`, /there is no table "y"/],
  [`SELECT system.main.read_text('x')`, /is not allowed/],
  [`SELECT write_log('x')`, /write_log\(\) is not allowed/],
  [`SELECT sleep_ms(100000)`, /sleep_ms\(\) is not allowed/],
  [`SELECT nextval('s')`, /nextval\(\) is not allowed/],
  [`SELECT repeat('x', 1000000000)`, /repeat\(\) is not allowed/],
  [`SELECT lpad('x', 1000000000, 'y')`, /lpad\(\) is not allowed/],
  [`SELECT * FROM range(1000000000000)`, /range\(\) is not allowed/],
  [`SELECT unnest(generate_series(1, 1000000000))`, /generate_series\(\) is not allowed/],
  [`SELECT format('{:>1000000000}', 1)`, /format\(\) is not allowed/],
  [`WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t`, /WITH RECURSIVE is not allowed/],
  [`SELECT 1; SELECT 2`, /one SELECT/],
  [`SELECT 1; DROP VIEW log`, /only SELECT|one SELECT/],
  [`EXPLAIN SELECT 1`, /only SELECT/],
  [`EXPLAIN ANALYZE DELETE FROM log`, /only SELECT/],
  [`ATTACH ':memory:' AS x`, /only SELECT/],
  [`ATTACH 'SECRET' AS x`, /only SELECT/],
  [`COPY log TO 'OUT'`, /only SELECT/],
  [`EXPORT DATABASE 'OUT'`, /only SELECT/],
  [`INSTALL httpfs`, /only SELECT/],
  [`LOAD httpfs`, /only SELECT/],
  [`SET memory_limit = '100GB'`, /only SELECT/],
  [`RESET lock_configuration`, /only SELECT/],
  [`PRAGMA database_list`, /only SELECT/],
  [`CALL enable_logging(storage = 'file', storage_path = 'OUT')`, /only SELECT/],
  [`SELECT * FROM enable_logging(storage = 'file')`, /enable_logging\(\) is not allowed/],
  [`CALL force_checkpoint()`, /only SELECT/],
  [`CREATE TABLE x AS SELECT 1`, /only SELECT/],
  [`CREATE MACRO count() AS 1`, /only SELECT/],
  [`DELETE FROM log`, /only SELECT/],
  [`PREPARE x AS SELECT 1`, /only SELECT/],
  [`EXECUTE x`, /only SELECT/],
  [`BEGIN`, /only SELECT/],
  [`DESCRIBE log`, /not allowed/],
  [`SHOW TABLES`, /not allowed/],
  [`SUMMARIZE log`, /not allowed/],
  [`SELECT * FROM (DESCRIBE log)`, /not allowed/],
  [`SELECT $1`, /not allowed/],
  [`SELECT ?`, /not allowed/],
  [`SELECT * FROM log AT (VERSION => 1)`, /AT is not allowed/],
  [`SELECT ${'abs('.repeat(3000)}1${')'.repeat(3000)}`, /nested too deeply|depth/],
];
for (const [sql, message] of refused) {
  test.serial(`refuses ${sql.slice(0, 90)}`, async (t) => {
    const out = join(server.store.directory, 'out');
    const answer = await server.ask({ query: `* | ${sql.replaceAll('SECRET', secret()).replaceAll('OUT', out)}` });
    t.is(answer.status, 400, answer.text.slice(0, 300));
    t.regex(answer.json.detail, message);
    t.false(answer.text.includes('hunter2'));
    t.false(existsSync(out));
  });
}

const harmless: string[] = [
  // names that DuckDB turns into calls where no column has them: constants, the same in each worker
  `SELECT current_user, session_user, "user", current_schema, current_catalog, current_role LIMIT 1`,
  `SELECT * FROM log WHERE eni_id = '; DROP VIEW log; --'`,
  `SELECT count(*) FROM log -- FROM read_csv('x')`,
  `SELECT 'read_csv(''x'')' AS "SELECT 1; SELECT 2"`,
  `WITH log AS (SELECT count(*) AS n FROM log) SELECT n FROM log`,
  `WITH x AS (SELECT * FROM log), y AS (SELECT * FROM x) SELECT count(*) FROM y JOIN x USING (eni_id)`,
  `SELECT * FROM log TABLESAMPLE 10%`,
  `SELECT unnest([1, 2, 3])`,
  `VALUES (1), (2)`,
  `SELECT 0.5, 1e3, 2.0::DOUBLE, 123456789012345678901234567890, -9223372036854775808, 'a''b', E'\\n'`,
  `FROM log SELECT eni_id`,
  `SELECT COLUMNS('port') FROM log`,
  `SELECT list_transform([1, 2], lambda x: x + 1), sum(bytes) OVER (PARTITION BY eni_id ORDER BY start) FROM log`,
];
for (const sql of harmless) {
  test.serial(`answers ${sql.slice(0, 90)}`, async (t) => {
    const answer = await server.ask({ query: `* | ${sql}` });
    t.is(answer.status, 200, answer.text.slice(0, 300));
  });
}

test.serial('every function of DuckDB that is not listed is refused, by name', async (t) => {
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  const names = (await connection.runAndReadAll('SELECT DISTINCT function_name FROM duckdb_functions()')).getRows().map((row) => String(row[0]));
  const known = new Set([...names.map((name) => name.toLowerCase()), 'coalesce', 'ifnull', 'if']);
  t.deepEqual([...ALLOWED_FUNCTIONS].filter((name) => /^\w+$/.test(name) && !known.has(name)), []);
  const others = names.filter((name) => /^\w+$/.test(name) && !ALLOWED_FUNCTIONS.has(name.toLowerCase()) && !WEIR_FUNCTIONS.has(name));
  t.true(others.length > 200);
  const database = await LockedDatabase.prepare();
  for (const name of others) {
    await t.throwsAsync(selectStatement(database, `SELECT "${name}"()`, 100), { instanceOf: RefusedStatement, message: /is not allowed/ }, name);
    await t.throwsAsync(selectStatement(database, `SELECT * FROM "${name}"(1)`, 100), { instanceOf: RefusedStatement, message: /is not allowed/ }, name);
  }
  database.close();
});

test.serial('statements made at random neither read, write, nor bring the pool down', async (t) => {
  const part = fc.constantFrom('SELECT', 'FROM', 'log', '*', ',', '(', ')', 'WITH x AS', 'x', 'read_text(', "'/etc/passwd'", 'count(', 'UNION ALL', 'JOIN', 'ON true',
    'WHERE', 'GROUP BY', '1', 'sum(bytes)', 'srcaddr', ';', 'ATTACH', 'COPY', 'TO', 'EXPLAIN', 'ORDER BY', 'LIMIT', 'unnest([1,2])', '--', '/*', '"', "'", 'lambda x:', 'CASE WHEN', 'END', 'OVER (', 'VALUES (1)');
  await fc.assert(fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 12 }), async (parts) => {
    const answer = await server.ask({ query: `* | SELECT ${parts.join(' ')}` });
    if (![200, 400, 422].includes(answer.status)) throw new Error(`${parts.join(' ')}: ${answer.status} ${answer.text}`);
    if (answer.text.includes('root:')) throw new Error(`${parts.join(' ')} read a file`);
  }), { numRuns: 150 });
  t.is((await server.ask({ query: '* | SELECT count(*)' })).json.rows[0][0], 50);
});

const doubling = (expression: string, first: string, steps: number) =>
  `WITH a0 AS (SELECT ${first} AS x)${Array.from({ length: steps }, (_, step) => `, a${step + 1} AS (SELECT ${expression} AS x FROM a${step})`).join('')} SELECT length(x) FROM a${steps}`;
const tens = (count: number) => [...'abcdefghijkl'].slice(0, count).map((name) => `(SELECT unnest([1,2,3,4,5,6,7,8,9,10]) AS v${name}) ${name}`).join(', ');
const hungry: [what: string, sql: string][] = [
  ['text that doubles', doubling('x || x', "'aaaaaaaaaaaaaaaa'", 40)],
  ['text that squares', doubling("replace(x, 'a', x)", "'aaaaaaaaaaaaaaaa'", 12)],
  ['lists that double', doubling('list_concat(x, x)', '[1, 2, 3, 4]', 32)],
  ['a text of a billion rows', `SELECT length(string_agg(md5(va::VARCHAR), '')) FROM ${tens(9)}`],
  ['a sort of a billion rows', `SELECT va + random() AS r FROM ${tens(9)} ORDER BY r OFFSET 900000000`],
];
for (const [what, sql] of hungry) {
  test.serial(`bounds ${what}`, async (t) => {
    const startedMs = performance.now();
    const answer = await impatient.ask({ query: `* | ${sql}` });
    t.true([422, 504].includes(answer.status), answer.text);
    // within the deadline, and what a busy machine takes to start a worker
    t.true(performance.now() - startedMs < 33_000);
    t.false(/memory_limit|SET /.test(answer.text));
  });
}
