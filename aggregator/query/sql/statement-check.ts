import { QueryError } from '../query-error.ts';
import { ALLOWED_FUNCTIONS, WEIR_FUNCTIONS } from './allowed-functions.ts';
import { isNode, locationOf, textOf, type TreeNode, type TreeValue } from './parse-tree.ts';

/**
 * Refuses what a question about records has no business doing. Everything is refused unless it is listed.
 *
 * I1. One statement, a SELECT.
 * I2. Tables are `log` and the names that an enclosing WITH gives.
 * I3. Functions are those of `allowed-functions.ts`; the only table function is unnest. (What DuckDB makes of names such
 *     as current_user, where no column has them, are constants.)
 * I4. No parameters, no SHOW or DESCRIBE, no recursion, no catalogs, no schemas.
 */
export const LOG_TABLE = 'log';

/** A refusal, and the byte of the statement that it is about. */
export class RefusedStatement extends QueryError {
  readonly byteOffset: number | null;

  constructor(message: string, byteOffset: number | null) {
    super(message);
    this.byteOffset = byteOffset;
  }
}

const EXPRESSIONS = new Set([
  'CONSTANT', 'COLUMN_REF', 'FUNCTION', 'COMPARISON', 'CONJUNCTION', 'OPERATOR', 'CASE', 'CAST', 'BETWEEN', 'STAR',
  'SUBQUERY', 'WINDOW', 'LAMBDA', 'LAMBDA_REF', 'POSITIONAL_REFERENCE', 'COLLATE', 'TYPE',
]);
const QUERY_NODES = new Set(['SELECT_NODE', 'SET_OPERATION_NODE']);
const TABLE_REFERENCES = new Set(['BASE_TABLE', 'SUBQUERY', 'JOIN', 'EMPTY', 'EXPRESSION_LIST', 'TABLE_FUNCTION']);
const MAXIMUM_TREE_DEPTH = 600;
/** Looked at before it is folded: there are letters beyond ASCII that fold to ASCII in JavaScript and not in DuckDB. */
const WITH_NAME = /^(?!duckdb_|pragma_|sqlite_|pg_|information_schema|weir_)[a-z_][a-z0-9_]*$/i;

/** Checks the tree of `json_serialize_sql` and returns its one statement. `tables` may be read besides `log`. */
export function checkStatement(tree: TreeNode, tables: readonly string[] = []): TreeNode {
  const statements = tree['statements'];
  if (!Array.isArray(statements) || statements.length !== 1) {
    throw new RefusedStatement('one SELECT is allowed, and no ; between two', null);
  }
  const statement = statements[0];
  if (!isNode(statement) || !isNode(statement['node'])) throw new RefusedStatement('expected a SELECT', null);
  checkQueryNode(statement['node'], new Set([LOG_TABLE, ...tables]), 0);
  return statement;
}

type Scope = ReadonlySet<string>;

function checkQueryNode(node: TreeNode, outer: Scope, depth: number): void {
  const type = textOf(node['type']);
  if (type === 'RECURSIVE_CTE_NODE') throw new RefusedStatement('WITH RECURSIVE is not allowed', null);
  if (!QUERY_NODES.has(type)) throw new RefusedStatement(`${type || 'this statement'} is not allowed: expected a SELECT`, null);
  const scope = new Set(outer);
  const { cte_map: commonTables, ...rest } = node;
  const entries = isNode(commonTables) && Array.isArray(commonTables['map']) ? commonTables['map'] : [];
  for (const entry of entries) {
    if (!isNode(entry)) continue;
    const name = textOf(entry['key']);
    if (!WITH_NAME.test(name)) throw new RefusedStatement(`WITH "${name.slice(0, 60)}": the name must be a plain identifier`, null);
    checkValue(entry['value'], scope, depth + 1);
    scope.add(name.toLowerCase());
  }
  for (const key in rest) checkValue(rest[key], scope, depth + 1);
}

function checkValue(value: TreeValue | undefined, scope: Scope, depth: number): void {
  if (depth > MAXIMUM_TREE_DEPTH) throw new RefusedStatement('the statement is nested too deeply', null);
  if (Array.isArray(value)) {
    for (const item of value) checkValue(item, scope, depth + 1);
    return;
  }
  if (!isNode(value)) return;
  // Where a query begins, names of its own WITH come into scope.
  if (textOf(value['type']).endsWith('_NODE')) {
    checkQueryNode(value, scope, depth + 1);
    return;
  }
  if (typeof value['class'] === 'string') checkExpression(value);
  else if ('query_location' in value) checkTableReference(value, scope);
  // A constant's own value has no statements in it, whatever its keys are called.
  if (value['class'] === 'CONSTANT') return;
  for (const key in value) checkValue(value[key], scope, depth + 1);
}

function checkExpression(node: TreeNode): void {
  const expressionClass = textOf(node['class']);
  if (!EXPRESSIONS.has(expressionClass)) {
    throw new RefusedStatement(`${expressionClass.toLowerCase()} expressions are not allowed`, locationOf(node));
  }
  if (!('function_name' in node)) return;
  const name = asciiLowerCase(textOf(node['function_name']));
  const schema = textOf(node['schema']);
  const catalog = textOf(node['catalog']);
  const known = ALLOWED_FUNCTIONS.has(name) || WEIR_FUNCTIONS.has(name);
  if (!known || (schema !== '' && schema !== 'main') || catalog !== '') {
    throw new RefusedStatement(`the function ${[catalog, schema === 'main' ? '' : schema, name].filter(Boolean).join('.')}() is not allowed`, locationOf(node));
  }
}

function checkTableReference(node: TreeNode, scope: Scope): void {
  const type = textOf(node['type']);
  if (type === 'SHOW_REF') throw new RefusedStatement('SHOW, DESCRIBE and SUMMARIZE are not allowed', null);
  if (!TABLE_REFERENCES.has(type)) throw new RefusedStatement(`${type} is not allowed in FROM`, locationOf(node));
  if (type === 'TABLE_FUNCTION') {
    const call = node['function'];
    const name = isNode(call) ? textOf(call['function_name']).toLowerCase() : '';
    if (name !== 'unnest') throw new RefusedStatement(`the table function ${name}() is not allowed: FROM takes log`, locationOf(node));
  }
  if (type !== 'BASE_TABLE') return;
  const name = textOf(node['table_name']);
  const qualified = textOf(node['schema_name']) !== '' || textOf(node['catalog_name']) !== '';
  const lower = asciiLowerCase(name);
  if (qualified || !scope.has(lower)) {
    throw new RefusedStatement(`there is no table "${name.slice(0, 80)}": the records that the search left are in log`, locationOf(node));
  }
  if (node['at_clause'] != null) throw new RefusedStatement('AT is not allowed', locationOf(node));
}

/** As DuckDB folds names. */
function asciiLowerCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
