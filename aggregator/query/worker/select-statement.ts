import type { DuckDBPreparedStatement } from '@duckdb/node-api';
import { compareHalves, selectHalves, textOfHalves } from '../sql/address-keys.ts';
import { sqlString } from '../sql/literal.ts';
import { KEYED_VIEW } from '../sql/log-view.ts';
import { isNode, locationOf, nodesOf, parseTree, printTree, type TreeNode, type TreeValue } from '../sql/parse-tree.ts';
import { checkStatement, RefusedStatement } from '../sql/statement-check.ts';
import { addFrom, addLimit, hasLimit } from '../sql/statement.ts';
import { failureOf, plainMessage, unknownNameOf } from './duckdb-error.ts';
import type { LockedDatabase } from './locked-database.ts';

/** A SELECT that may run, as SQL of DuckDB's own printing. */
export interface SelectStatement {
  readonly sql: string;
  readonly prepared: DuckDBPreparedStatement;
  /** The rows after which Weir cuts the answer where the statement itself does not; it asks for one more. */
  readonly defaultRows: number | null;
}

/**
 * Parses, checks, completes and prints the text, then checks what was printed: what runs is what was checked.
 */
export async function selectStatement(database: LockedDatabase, text: string, defaultRows: number): Promise<SelectStatement> {
  const tree = await serialize(database, text);
  const statement = checkStatement(tree);
  addFrom(statement);
  const limited = hasLimit(statement);
  if (!limited) addLimit(statement, defaultRows + 1);
  const cutAt = limited ? null : defaultRows;
  const sql = await checkedSql(database, tree, []);
  let prepared: DuckDBPreparedStatement;
  try {
    prepared = await database.prepareSelect(sql);
  } catch (error) {
    throw placed(error, statement);
  }
  const faster = await overHalves(database, tree, prepared);
  return { ...(faster ?? { sql, prepared }), defaultRows: cutAt };
}

/** The same statement on the halves of addresses; null where that does not apply. */
async function overHalves(
  database: LockedDatabase, tree: TreeNode, plain: DuckDBPreparedStatement,
): Promise<Pick<SelectStatement, 'sql' | 'prepared'> | null> {
  const before = printTree(tree);
  const changed = parseTree(before);
  const [statement] = nodesOf(changed['statements']);
  const parse = async (expression: string) => {
    const parsed = checkStatement(await serialize(database, `SELECT ${expression}`));
    return nodesOf((parsed['node'] as TreeNode)['select_list'])[0]!;
  };
  await compareHalves(statement!, parse);
  const answer = await selectHalves(statement!, parse);
  if (printTree(changed) === before) return null;
  try {
    const inner = await checkedSql(database, changed, [KEYED_VIEW]);
    const names = Array.from({ length: plain.columnCount }, (_, index) => plain.columnName(index));
    const sql = answer ? textOfHalves(inner, answer, names) : inner;
    return { sql, prepared: await database.prepareSelect(sql) };
  } catch {
    // A shape that the rewriting does not know: the statement as it was written is right in any case.
    return null;
  }
}

async function checkedSql(database: LockedDatabase, tree: TreeNode, tables: readonly string[]): Promise<string> {
  const sql = await database.text(`SELECT json_deserialize_sql(${sqlString(printTree(tree))}::JSON)`);
  checkStatement(await serialize(database, sql), tables);
  return sql;
}

async function serialize(database: LockedDatabase, text: string): Promise<TreeNode> {
  const tree = parseTree(await database.text(`SELECT json_serialize_sql(${sqlString(text)}::VARCHAR)`));
  if (tree['error'] !== true) return tree;
  const message = String(tree['error_message']);
  const position = Number(tree['position']);
  if (/only SELECT/i.test(message)) throw new RefusedStatement('only SELECT is allowed after |', 0);
  throw new RefusedStatement(plainMessage(message), tree['position'] !== undefined && Number.isSafeInteger(position) ? position : null);
}

/** The same error, at the place in the user's text where the name stands that DuckDB does not know. */
function placed(error: unknown, statement: TreeNode): unknown {
  const name = unknownNameOf(error)?.toLowerCase();
  const node = name === undefined ? null : findNode(statement, (candidate) => namesOf(candidate).includes(name));
  const failure = failureOf(error, []);
  return node === null || failure.reason !== 'query' ? error : new RefusedStatement(failure.message, locationOf(node));
}

function namesOf(node: TreeNode): string[] {
  const columns = Array.isArray(node['column_names']) ? node['column_names'] : [];
  return [...columns, node['function_name'] ?? null].flatMap((name) => (typeof name === 'string' ? [name.toLowerCase()] : []));
}

function findNode(value: TreeValue | undefined, matches: (node: TreeNode) => boolean): TreeNode | null {
  if (isNode(value) && matches(value)) return value;
  for (const child of Array.isArray(value) ? value : isNode(value) ? Object.values(value) : []) {
    const found = findNode(child, matches);
    if (found) return found;
  }
  return null;
}
