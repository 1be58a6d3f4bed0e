import fc from 'fast-check';
import { FIELDS } from '../../shared/fields.ts';

/** What stands for the files that a statement must not read or write. */
export interface Canaries {
  /** Readable to the worker's user, with a text in it that no record holds. */
  readonly secretFile: string;
  /** A path that no file has. */
  readonly newFile: string;
}

const COLUMNS = FIELDS.map(({ name }) => name.replaceAll('-', '_')).map((name) => (name === 'end' ? '"end"' : name)).concat('window_start', 'nothing', 'rowid', 'filename');

/**
 * Statements by a grammar of what DuckDB takes, in which the parts that must not get through stand wherever an
 * expression, a table or a statement can stand. `functions`: every function that there is.
 */
export function arbitraryStatement(functions: readonly string[], { secretFile, newFile }: Canaries): fc.Arbitrary<string> {
  const file = fc.constantFrom(secretFile, newFile, `${secretFile}*`, 'file://' + secretFile, 'http://127.0.0.1:9/x', '/proc/self/environ');
  const quotedFile = file.map((name) => `'${name}'`);
  const functionName = fc.oneof(fc.constantFrom(...functions), fc.constantFrom('"READ_TEXT"', 'read_te\u212At', 'main.read_text', 'system.main.glob', '"count"', 'cOuNt', '\u0441ount'))
    .map((name) => (/^["\w.\u0080-\uffff]+$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`));
  const constant = fc.oneof(fc.constantFrom('1', '0', '-1', 'NULL', 'true', "'x'", "''", '9223372036854775807', '1e308', '1000000000000', "DATE '2026-01-01'", '[1,2]', '{a: 1}', 'MAP {1: 2}', '$1', '?', "E'\\\\x'", '$$a$$'), quotedFile);
  const { expression, query } = fc.letrec<{ expression: string; query: string; table: string }>((tie) => {
    const list = (most: number) => fc.array(tie('expression'), { maxLength: most }).map((items) => items.join(', '));
    const operator = fc.constantFrom('+', '-', '*', '/', '%', '||', '=', '<', 'AND', 'OR', 'LIKE', 'IN', 'IS DISTINCT FROM', '->', '->>', '**', '^@', '~~~', '&', '<<', 'COLLATE');
    const type = fc.constantFrom('VARCHAR', 'INTEGER[]', 'STRUCT(a INTEGER)', 'BLOB', 'JSON', 'TIMESTAMPTZ', 'DECIMAL(38,10)', 'read_text', 'UNION(a INT)', 'BIT', 'UUID', 'INTERVAL', 'ENUM(\'a\')', 'VARIANT');
    return {
      expression: fc.oneof({ maxDepth: 5, withCrossShrink: true }, constant, fc.constantFrom(...COLUMNS), fc.constant('*'),
        fc.tuple(functionName, list(3)).map(([name, args]) => `${name}(${args})`),
        fc.tuple(tie('expression'), functionName, list(2)).map(([first, name, args]) => `(${first}).${name}(${args})`),
        fc.tuple(functionName, list(2), tie('expression')).map(([name, args, by]) => `${name}(${args}) OVER (PARTITION BY ${by})`),
        fc.tuple(functionName, tie('expression'), tie('expression')).map(([name, arg, order]) => `${name}(DISTINCT ${arg} ORDER BY ${order}) FILTER (WHERE ${order})`),
        fc.tuple(tie('expression'), operator, tie('expression')).map(([left, sign, right]) => `(${left} ${sign} ${right})`),
        fc.tuple(tie('expression'), type).map(([value, name]) => `TRY_CAST(${value} AS ${name})`),
        fc.tuple(tie('expression'), tie('expression')).map(([when, then]) => `CASE WHEN ${when} THEN ${then} END`),
        fc.tuple(list(3), tie('expression')).map(([items, body]) => `list_transform([${items}], lambda x: ${body})`),
        fc.tuple(list(3), fc.constantFrom(...functions)).map(([items, name]) => `list_aggregate([${items}], '${name.replaceAll("'", "''")}')`),
        fc.tuple(tie('expression')).map(([part]) => `COLUMNS(${part})`),
        tie('query').map((inner) => `(${inner})`), tie('query').map((inner) => `EXISTS (${inner})`), tie('query').map((inner) => `ARRAY(${inner})`)),
      table: fc.oneof({ maxDepth: 4 }, fc.constant('log'), fc.constantFrom('x', 'weir_stored', 'weir_keyed', 'duckdb_settings', 'information_schema.tables', 'pg_catalog.pg_class', 'main.log', 'memory.main.log'),
        quotedFile, file.map((name) => `"${name}"`),
        fc.tuple(functionName, list(2)).map(([name, args]) => `${name}(${args})`),
        fc.tuple(tie('table'), fc.constantFrom('JOIN', 'CROSS JOIN', 'ASOF JOIN', 'POSITIONAL JOIN', 'NATURAL JOIN', ', LATERAL'), tie('table')).map(([left, join, right]) => `${left} ${join} ${right}`),
        tie('query').map((inner) => `(${inner}) AS x`), fc.constantFrom('(DESCRIBE log)', '(SHOW TABLES)', '(SUMMARIZE log)', 'log TABLESAMPLE 10%', 'log AT (VERSION => 1)', '(PIVOT log ON action)', '(VALUES (1)) v')),
      query: fc.oneof({ maxDepth: 4 }, fc.tuple(list(3), tie('table')).map(([items, table]) => `SELECT ${items || '1'} FROM ${table}`),
        fc.tuple(list(2), tie('table'), tie('expression'), tie('expression')).map(([items, table, where, group]) => `SELECT ${items || '*'} FROM ${table} WHERE ${where} GROUP BY ${group}`),
        fc.tuple(list(2), tie('expression'), tie('expression')).map(([items, order, limit]) => `SELECT ${items || '*'} ORDER BY ${order} LIMIT ${limit}`),
        fc.tuple(tie('query'), fc.constantFrom('UNION ALL', 'EXCEPT', 'INTERSECT', 'UNION BY NAME'), tie('query')).map(([left, set, right]) => `${left} ${set} ${right}`),
        fc.tuple(fc.constantFrom('x', 'log', '"duckdb_views"', '"\u212Aeyed"', 'RECURSIVE x', 'x AS MATERIALIZED'), tie('query'), tie('query')).map(([name, inner, outer]) => `WITH ${name} AS (${inner}) ${outer}`)),
    };
  });
  const whole = fc.oneof({ weight: 12, arbitrary: query }, { weight: 3, arbitrary: expression.map((text) => `SELECT ${text}`) },
    { weight: 2, arbitrary: fc.tuple(query, quotedFile, fc.constantFrom(
      (inner: string, name: string) => `COPY (${inner}) TO ${name}`, (_: string, name: string) => `ATTACH ${name} AS a`, (inner: string) => `EXPLAIN ANALYZE ${inner}`,
      (inner: string, name: string) => `SELECT 1; COPY (${inner}) TO ${name}`, (inner: string) => `CREATE TABLE t AS ${inner}`, (inner: string) => `/* ${inner} */ ${inner} -- ${inner}`,
      (_: string, name: string) => `EXPORT DATABASE ${name}`, (_: string, name: string) => `SET temp_directory = ${name}`, (_: string, name: string) => `CALL enable_logging(storage='file', storage_path=${name})`,
      (inner: string) => `PREPARE p AS ${inner}`, (inner: string) => `${inner}; ${inner}`, (_: string, name: string) => `LOAD ${name}`, (inner: string) => `(${inner})`, (inner: string) => `FROM (${inner})`,
      (_: string, name: string) => `INSERT INTO log SELECT * FROM read_csv(${name})`, (_: string, name: string) => `IMPORT DATABASE ${name}`)).map(([inner, name, wrap]) => wrap(inner, name)) });
  // a statement longer than a query may be says nothing
  return whole.filter((text) => text.length < 20_000);
}
