import { formatAddress, parseAddress, parseCidr } from '../../../shared/address.ts';
import { columnName, FIELDS } from '../../../shared/fields.ts';
import { addressInRange, cidrRange } from './address-range.ts';
import { sqlIdentifier } from './literal.ts';
import { KEYED_VIEW, LOG_COLUMN_TYPES } from './log-view.ts';
import { isNode, nodesOf, textOf, type TreeNode, type TreeValue } from './parse-tree.ts';
import { LOG_TABLE } from './statement-check.ts';

/**
 * Statements about addresses, made to work on whole numbers: `log` gives addresses as text, and to make the text of ten
 * million rows takes longer than everything else. What is stored are two halves, which tell addresses apart as the
 * text does. So comparisons with a constant become comparisons of halves, groups are formed over halves, and only the
 * rows of the answer get text.
 *
 * I1. It applies to the outermost SELECT over `log` alone, and only where each use of an address is one of the shapes
 *     below; everything else stays as it is.
 * I2. The answer is the same, in the same order, with the same names.
 */
const ADDRESS_COLUMNS: ReadonlySet<string> = new Set(FIELDS.filter((field) => field.type === 'address').map(columnName));
const LOG_COLUMNS: ReadonlySet<string> = new Set(LOG_COLUMN_TYPES.map((column) => column.name));

/** Makes a parse tree of one SQL expression. */
export type ParseExpression = (sql: string) => Promise<TreeNode>;

/** The SELECT that the shapes below may apply to; null if the statement has none. */
function plainSelect(statement: TreeNode): TreeNode | null {
  const node = statement['node'] as TreeNode;
  const from = node['from_table'];
  const withNames = isNode(node['cte_map']) ? nodesOf(node['cte_map']['map']) : [];
  if (textOf(node['type']) !== 'SELECT_NODE' || withNames.length > 0 || !isNode(from)) return null;
  const table = textOf(from['table_name']).toLowerCase();
  if (textOf(from['type']) !== 'BASE_TABLE' || (table !== LOG_TABLE && table !== KEYED_VIEW)) return null;
  if (node['sample'] != null || from['sample'] != null || nodesOf(from['column_name_alias']).length > 0) return null;
  const items = nodesOf(node['select_list']);
  const confusing = items.some((item) => contains(item, (inner) => textOf(inner['class']) === 'STAR')
    || (ADDRESS_COLUMNS.has(textOf(item['alias']).toLowerCase()) && addressOf(item) === null));
  return confusing ? null : node;
}

function readFromKeyed(node: TreeNode): void {
  const from = node['from_table'] as TreeNode;
  if (textOf(from['alias']) === '') from['alias'] = LOG_TABLE;
  from['table_name'] = KEYED_VIEW;
}

/** In WHERE: `cidr_contains(srcaddr, '…')`, `srcaddr = '…'` and `srcaddr IN ('…', …)` compare halves. Changes the statement. */
export async function compareHalves(statement: TreeNode, parse: ParseExpression): Promise<void> {
  const node = plainSelect(statement);
  const where = node?.['where_clause'];
  if (!node || !isNode(where)) return;
  const found = { comparisons: 0 };
  node['where_clause'] = await replaceComparisons(where, parse, found);
  if (found.comparisons > 0) readFromKeyed(node);
}

async function replaceComparisons(expression: TreeNode, parse: ParseExpression, found: { comparisons: number }): Promise<TreeNode> {
  const sql = comparisonOfHalves(expression);
  if (sql !== null) {
    found.comparisons++;
    return parse(sql);
  }
  // Conditions are looked for where AND, OR and NOT put them; elsewhere the text is used.
  if (textOf(expression['class']) !== 'CONJUNCTION' && textOf(expression['type']) !== 'OPERATOR_NOT') return expression;
  const children: TreeNode[] = [];
  for (const child of nodesOf(expression['children'])) children.push(await replaceComparisons(child, parse, found));
  return { ...expression, children };
}

function comparisonOfHalves(expression: TreeNode): string | null {
  const children = nodesOf(expression['children']);
  if (textOf(expression['function_name']).toLowerCase() === 'cidr_contains' && children.length === 2) {
    const cidr = parseCidr(constantText(children[1]!) ?? '');
    const column = addressOf(children[0]!);
    return column !== null && cidr !== null ? addressInRange(column, cidrRange(cidr)) : null;
  }
  if (textOf(expression['type']) === 'COMPARE_EQUAL' && isNode(expression['left']) && isNode(expression['right'])) {
    return equalToAny(expression['left'], [expression['right']]) ?? equalToAny(expression['right'], [expression['left']]);
  }
  if (textOf(expression['type']) === 'COMPARE_IN' && children.length > 1) return equalToAny(children[0]!, children.slice(1));
  return null;
}

function equalToAny(column: TreeNode, constants: readonly TreeNode[]): string | null {
  const name = addressOf(column);
  if (name === null) return null;
  const predicates = constants.map((constant) => {
    const text = constantText(constant);
    const words = text === null ? null : parseAddress(text);
    // Another way to write the address is not the text that `log` shows.
    if (words === null || formatAddress(words, 0) !== text) return null;
    return addressInRange(name, cidrRange(parseCidr(text)!));
  });
  return predicates.includes(null) ? null : `(${predicates.join(' OR ')})`;
}

/** How to give an answer in halves its text: the columns that the statement now has, by their place in the answer. */
export interface HalvesAnswer {
  /** For each column of the answer: where it stands, and where the lower half does if it is an address. */
  readonly columns: readonly { readonly at: number; readonly lowAt: number | null }[];
  readonly width: number;
}

/**
 * Addresses that stand alone in the SELECT list come as halves, groups are over halves, and so is count(DISTINCT).
 * Changes the statement if it can; null if it cannot, and then the statement is as it was.
 */
export async function selectHalves(statement: TreeNode, parse: ParseExpression): Promise<HalvesAnswer | null> {
  const node = plainSelect(statement);
  if (!node || node['qualify'] != null) return null;
  const items = nodesOf(node['select_list']);
  const addresses = items.map(addressOf);
  const distinctCounts = items.map(distinctCountOf);
  if (addresses.every((name) => name === null) && distinctCounts.every((name) => name === null)) return null;
  const hidden = new Set([...ADDRESS_COLUMNS, ...items.flatMap((item, index) => (addresses[index] === null ? [] : [textOf(item['alias']).toLowerCase()]))]);
  hidden.delete('');
  const names = (value: TreeValue | undefined) => contains(value, (inner) => refersTo(inner, hidden));
  if (items.some((item, index) => addresses[index] === null && distinctCounts[index] === null && names(item))) return null;
  if (names(node['having']) || !ordersAllow(node, addresses, names)) return null;
  const groups = groupHalves(node, items, addresses);
  if (groups === null) return null;

  const lows: TreeNode[] = [];
  const columns = items.map((_, at) => {
    if (addresses[at] === null) return { at, lowAt: null };
    lows.push(columnReference(`${addresses[at]}_lo`));
    return { at, lowAt: items.length + lows.length - 1 };
  });
  const list: TreeNode[] = [];
  for (const [index, item] of items.entries()) {
    if (addresses[index] != null) list.push(columnReference(`${addresses[index]}_hi`));
    else if (distinctCounts[index] != null) list.push({ ...await parse(`count(DISTINCT ${bothHalves(distinctCounts[index])})`), alias: item['alias']! });
    else list.push(item);
  }
  node['select_list'] = [...list, ...lows];
  node['group_expressions'] = groups.expressions;
  node['group_sets'] = groups.sets;
  readFromKeyed(node);
  return { columns, width: items.length + lows.length };
}

/** The statement `sql` in halves, with text for its addresses, under the names that it had. */
export function textOfHalves(sql: string, answer: HalvesAnswer, names: readonly string[]): string {
  const list = answer.columns.map(({ at, lowAt }, index) =>
    `${lowAt === null ? `c${at}` : `weir_address(c${at}, c${lowAt})`} AS ${sqlIdentifier(names[index]!)}`);
  return `SELECT ${list.join(', ')} FROM (${sql}) AS halves(${Array.from({ length: answer.width }, (_, index) => `c${index}`).join(', ')})`;
}

/** One number that tells addresses apart; NULL of an absent one. */
function bothHalves(column: string): string {
  return `((${column}_hi::UHUGEINT << 64) | ${column}_lo)`;
}

/** Whether the order can be had without the text of an address. */
function ordersAllow(node: TreeNode, addresses: readonly (string | null)[], names: (value: TreeValue | undefined) => boolean): boolean {
  return nodesOf(node['modifiers']).every((modifier) => {
    const type = textOf(modifier['type']);
    if (type === 'DISTINCT_MODIFIER') return nodesOf(modifier['distinct_on_targets']).length === 0;
    if (type !== 'ORDER_MODIFIER') return true;
    return nodesOf(modifier['orders']).every(({ expression }) => {
      if (!isNode(expression) || contains(expression, (inner) => textOf(inner['class']) === 'STAR') || names(expression)) return false;
      const place = constantNumber(expression);
      return place === null || addresses[place - 1] == null;
    });
  });
}

/** GROUP BY over halves: each address's group becomes that of the upper half, and one for the lower joins it. */
function groupHalves(
  node: TreeNode, items: readonly TreeNode[], addresses: readonly (string | null)[],
): { expressions: TreeNode[]; sets: TreeValue } | null {
  const expressions = nodesOf(node['group_expressions']);
  const sets = Array.isArray(node['group_sets']) ? node['group_sets'] : [];
  if (expressions.length === 0) return { expressions, sets };
  const only = sets[0];
  if (sets.length !== 1 || !Array.isArray(only) || only.length !== expressions.length) return null;
  const lows: TreeNode[] = [];
  const replaced = expressions.map((expression) => {
    const place = constantNumber(expression);
    const name = place === null ? addressOf(expression) ?? aliasedAddress(expression, items, addresses) : addresses[place - 1] ?? null;
    if (name === null) return expression;
    lows.push(columnReference(`${name}_lo`));
    return place === null ? columnReference(`${name}_hi`) : expression;
  });
  if (replaced.some((expression) => contains(expression, (inner) => refersTo(inner, ADDRESS_COLUMNS)))) return null;
  return { expressions: [...replaced, ...lows], sets: [[...only, ...lows.map((_, index) => expressions.length + index)]] };
}

/** `GROUP BY s` after `srcaddr AS s`, unless `s` is a column. */
function aliasedAddress(expression: TreeNode, items: readonly TreeNode[], addresses: readonly (string | null)[]): string | null {
  const name = lastName(expression);
  if (name === null || LOG_COLUMNS.has(name)) return null;
  const index = items.findIndex((item) => textOf(item['alias']).toLowerCase() === name);
  return index < 0 ? null : addresses[index] ?? null;
}

/** The address column that the expression is, and nothing else. */
function addressOf(expression: TreeNode): string | null {
  const name = lastName(expression);
  return name !== null && ADDRESS_COLUMNS.has(name) ? name : null;
}

function lastName(expression: TreeNode): string | null {
  const names = expression['column_names'];
  return textOf(expression['class']) === 'COLUMN_REF' && Array.isArray(names) ? textOf(names.at(-1)).toLowerCase() : null;
}

function distinctCountOf(item: TreeNode): string | null {
  const children = nodesOf(item['children']);
  const plain = textOf(item['class']) === 'FUNCTION' && textOf(item['function_name']).toLowerCase() === 'count'
    && item['distinct'] === true && item['filter'] == null && children.length === 1;
  return plain ? addressOf(children[0]!) : null;
}

function refersTo(node: TreeNode, names: ReadonlySet<string>): boolean {
  const name = lastName(node);
  return name !== null && names.has(name);
}

function constantText(node: TreeNode): string | null {
  const value = node['value'];
  return textOf(node['class']) === 'CONSTANT' && isNode(value) && typeof value['value'] === 'string' ? value['value'] : null;
}

function constantNumber(node: TreeNode): number | null {
  const value = node['value'];
  return textOf(node['class']) === 'CONSTANT' && isNode(value) && typeof value['value'] === 'number' ? value['value'] : null;
}

function columnReference(name: string): TreeNode {
  return { class: 'COLUMN_REF', type: 'COLUMN_REF', alias: '', query_location: 0, column_names: [name] };
}

function contains(value: TreeValue | undefined, matches: (node: TreeNode) => boolean): boolean {
  if (isNode(value)) return matches(value) || Object.values(value).some((child) => contains(child, matches));
  return Array.isArray(value) && value.some((child) => contains(child, matches));
}
