/**
 * DuckDB's parse tree as `json_serialize_sql` gives it and `json_deserialize_sql` takes it. Numbers that
 * JavaScript would change pass through as they stand: those of more than 15 digits, and doubles, whose `.0` tells their type.
 */
export type TreeValue = string | number | boolean | null | TreeNode | TreeValue[];
export interface TreeNode { [key: string]: TreeValue }

const STRING_OR_KEPT_NUMBER = /"(?:[^"\\]|\\.)*"|-?(?:\d{16,}|\d+\.\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?/g;
const KEPT_NUMBER_KEY = '\u0000number';

export function parseTree(json: string): TreeNode {
  const kept = json.replace(STRING_OR_KEPT_NUMBER, (token) =>
    (token.startsWith('"') ? token : `{"\\u0000number":"${token}"}`));
  return JSON.parse(kept) as TreeNode;
}

export function printTree(tree: TreeNode): string {
  // A string value cannot look like this: its quotes would be escaped.
  return JSON.stringify(tree).replace(/\{"\\u0000number":"([^"]+)"\}/g, '$1');
}

export function isNode(value: TreeValue | undefined): value is TreeNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(KEPT_NUMBER_KEY in value);
}

export function nodesOf(value: TreeValue | undefined): TreeNode[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

export function textOf(value: TreeValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** Byte offset in the text that was parsed, where the node has one. */
export function locationOf(node: TreeNode): number | null {
  return typeof node['query_location'] === 'number' ? node['query_location'] : null;
}
