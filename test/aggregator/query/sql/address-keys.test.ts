import test from 'ava';
import { DEFAULT_QUERY_SETTINGS } from '../../../../aggregator/query/query-settings.ts';
import { LockedDatabase } from '../../../../aggregator/query/worker/locked-database.ts';
import { selectStatement } from '../../../../aggregator/query/worker/select-statement.ts';
import { resultValue } from '../../../../aggregator/query/result/result-values.ts';
import { SampleStore, sampleRecords } from '../sample-store.ts';

const store = new SampleStore();
let database: LockedDatabase;
test.before(async () => {
  await store.add(sampleRecords(600, 77));
  database = await LockedDatabase.prepare();
  const { memoryBytes, spillBytes, threads } = DEFAULT_QUERY_SETTINGS;
  await database.open({
    files: store.files('test', 0, 1e12).map((file) => file.path), predicate: 'TRUE', question: { kind: 'select', text: '', defaultRows: 100, maximumRows: 100 },
    format: 'json', envelope: {}, limits: { memoryBytes, spillBytes, answerBytes: 1e9, threads }, directory: store.directory,
  });
});
test.after.always(() => {
  database.close();
  store.remove();
});

/** Rows and names; `plain` defeats the rewriting with a WITH that nobody uses. */
async function answerTo(sql: string, plain: boolean): Promise<{ sql: string; names: string[]; rows: unknown[][] }> {
  const statement = await selectStatement(database, plain ? `WITH unused AS (SELECT 1) ${sql}` : sql, 1000);
  const reader = await statement.prepared.runAndReadAll();
  return { sql: statement.sql, names: reader.columnNames(), rows: reader.getRows().map((row) => row.map(resultValue)) };
}

/** Rows of a statement that asks for no order come in any. */
const ordered = (rows: unknown[][], sql: string) => (/ORDER BY/.test(sql.replace(/OVER \(.*?\)\)?/g, '')) ? rows : rows.map((row) => JSON.stringify(row)).sort());

/** [statement, whether it comes to work on halves] */
const statements: [sql: string, halves: boolean][] = [
  ['SELECT srcaddr, sum(bytes) FROM log GROUP BY srcaddr ORDER BY 2 DESC, count(*), max(start)', true],
  ['SELECT srcaddr, sum(bytes) AS total FROM log GROUP BY 1 ORDER BY total DESC, 3 - 1, min(packets) LIMIT 3', true],
  ['SELECT srcaddr, dstaddr, dstport, count(*) FROM log GROUP BY ALL', true],
  ['SELECT dstport, srcaddr AS s, count(*) AS "end" FROM log l GROUP BY s, 1', true],
  ['SELECT l.srcaddr, l.eni_id, count(*) FROM log AS l GROUP BY l.srcaddr, l.eni_id', true],
  ['SELECT DISTINCT srcaddr, dstaddr FROM log', true],
  ['SELECT srcaddr, bytes, start FROM log ORDER BY bytes, start, eni_id, packets, dstport, srcport, first_seen LIMIT 5', true],
  ['SELECT count(DISTINCT srcaddr), count(DISTINCT dstaddr) AS d FROM log', true],
  ['SELECT dstport, count(DISTINCT srcaddr) FROM log GROUP BY dstport HAVING count(*) > 1', true],
  ['SELECT count(*) FROM log GROUP BY srcaddr', false],
  ["SELECT count(*) FROM log WHERE cidr_contains(srcaddr, '10.0.0.0/8')", true],
  ["SELECT count(*) FROM log WHERE NOT cidr_contains(srcaddr, '::/0') AND (dstport = 443 OR cidr_contains(dstaddr, '0.0.0.0/0'))", true],
  ["SELECT eni_id, count(*) FROM log WHERE srcaddr = '10.0.0.1' OR '::1' = dstaddr GROUP BY 1", true],
  ["SELECT count(*) FROM log WHERE srcaddr IN ('10.0.0.1', 'fe80::1')", true],
  ["SELECT srcaddr, count(*) FROM log WHERE srcaddr <> '10.0.0.1' AND dstaddr LIKE '10.%' GROUP BY srcaddr", true],
  ["SELECT count(*) FROM log WHERE srcaddr = 'FE80::1'", false],
  ["SELECT count(*) FROM log WHERE cidr_contains(srcaddr, 'nonsense')", false],
  ["SELECT count(*) FROM log WHERE cidr_contains(srcaddr, eni_id)", false],
  ["SELECT count(*) FROM log WHERE cidr_contains(srcaddr, '10.0.0.0/8') IS NULL", false],
  ['SELECT srcaddr, count(*) FROM log GROUP BY srcaddr ORDER BY srcaddr', false],
  ['SELECT srcaddr AS s, count(*) FROM log GROUP BY srcaddr ORDER BY s', false],
  ['SELECT srcaddr, count(*) FROM log GROUP BY srcaddr ORDER BY 1', false],
  ['SELECT srcaddr, count(*) FROM log GROUP BY ALL ORDER BY ALL', false],
  ["SELECT srcaddr, count(*) FROM log GROUP BY srcaddr HAVING srcaddr > '2'", false],
  ['SELECT srcaddr, upper(srcaddr), count(*) FROM log GROUP BY srcaddr', false],
  ['SELECT srcaddr || dstaddr, count(*) FROM log GROUP BY 1', false],
  ['SELECT srcaddr, count(*) FROM log GROUP BY GROUPING SETS ((srcaddr), ())', false],
  ['SELECT srcaddr, count(*) FROM log GROUP BY ROLLUP (srcaddr)', false],
  ['SELECT DISTINCT ON (srcaddr) srcaddr, dstport FROM log ORDER BY srcaddr, dstport', false],
  ['SELECT upper(eni_id) AS srcaddr, count(*) FROM log GROUP BY 1', false],
  ['SELECT srcaddr AS region, count(*) FROM log GROUP BY srcaddr, region', true],
  ['SELECT *, srcaddr FROM log', false],
  ['SELECT a.srcaddr, count(*) FROM log a JOIN log b USING (eni_id) GROUP BY 1', false],
  ['SELECT srcaddr, n FROM (SELECT srcaddr, count(*) AS n FROM log GROUP BY 1)', false],
  ['SELECT srcaddr, rank() OVER (ORDER BY sum(bytes), count(*)) FROM log GROUP BY srcaddr', true],
  ['SELECT srcaddr, row_number() OVER (PARTITION BY srcaddr ORDER BY count(*)) FROM log GROUP BY srcaddr', false],
  ['SELECT srcaddr, min(dstaddr) FROM log GROUP BY srcaddr', false],
];
for (const [sql, halves] of statements) {
  test.serial(`${halves ? 'works on halves' : 'stays as it is'}: ${sql}`, async (t) => {
    const [rewritten, plain] = [await answerTo(sql, false), await answerTo(sql, true)];
    t.is(/weir_keyed/.test(rewritten.sql), halves, rewritten.sql);
    t.false(/weir_keyed/.test(plain.sql));
    t.deepEqual(rewritten.names, plain.names);
    t.deepEqual(ordered(rewritten.rows, sql), ordered(plain.rows, sql));
    t.true(plain.rows.length > 0);
  });
}
