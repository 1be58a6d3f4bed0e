import { LOG_TABLE } from './statement-check.ts';
import { isNode, nodesOf, textOf, type TreeNode } from './parse-tree.ts';

/** Makes `SELECT count(*)` a question about the log. Changes the statement. */
export function addFrom(statement: TreeNode): void {
  const node = statement['node'] as TreeNode;
  const from = node['from_table'];
  if (textOf(node['type']) !== 'SELECT_NODE' || !isNode(from) || textOf(from['type']) !== 'EMPTY') return;
  node['from_table'] = tableReference(LOG_TABLE, '');
}

/** Whether the statement limits its rows itself. */
export function hasLimit(statement: TreeNode): boolean {
  const node = statement['node'] as TreeNode;
  return nodesOf(node['modifiers']).some((modifier) =>
    textOf(modifier['type']).startsWith('LIMIT') && modifier['limit'] != null);
}

/** Limits the rows of a statement that has no limit; an OFFSET stays. Changes the statement. */
export function addLimit(statement: TreeNode, rows: number): void {
  const node = statement['node'] as TreeNode;
  const modifiers = nodesOf(node['modifiers']);
  const limit = integerConstant(rows);
  const existing = modifiers.find((modifier) => textOf(modifier['type']) === 'LIMIT_MODIFIER');
  if (existing) existing['limit'] = limit;
  else node['modifiers'] = [...modifiers, { type: 'LIMIT_MODIFIER', limit, offset: null }];
}

export function tableReference(table: string, alias: string): TreeNode {
  return {
    type: 'BASE_TABLE', alias, sample: null, query_location: 0, schema_name: '', table_name: table, column_name_alias: [],
    catalog_name: '', at_clause: null,
  };
}

function integerConstant(value: number): TreeNode {
  return {
    class: 'CONSTANT', type: 'VALUE_CONSTANT', alias: '', query_location: 0,
    value: { type: { id: 'BIGINT', type_info: null }, is_null: false, value },
  };
}
