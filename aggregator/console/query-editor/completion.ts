import { columnName, FIELDS, findField } from '../../../shared/fields.ts';
import { splitQuery } from '../pages/explorer/query-terms.ts';

export interface Suggestion {
  readonly label: string;
  readonly kind: 'field' | 'operator' | 'value' | 'word' | 'function';
  readonly detail?: string;
  /** What is written in the place of the word; the label unless given. */
  readonly text?: string;
}

export interface Suggestions {
  /** Where the word begins that they replace. */
  readonly from: number;
  readonly options: readonly Suggestion[];
  /** A field whose values are to be suggested too, once they are known. */
  readonly valuesOf: string | null;
}

const OPERATORS: readonly (readonly [string, string])[] = [
  [':', 'has the value'], ['!=', 'is not'], ['>', 'is more'], ['>=', 'at least'], ['<', 'is less'], ['<=', 'at most'], ['in [', 'in a range'],
];
const PROTOCOLS = ['tcp', 'udp', 'icmp', 'icmpv6', 'gre', 'esp', 'sctp', 'igmp'];
const SQL_WORDS = ['SELECT', 'FROM log', 'WHERE', 'GROUP BY', 'GROUP BY ALL', 'ORDER BY', 'DESC', 'LIMIT', 'HAVING', 'AS', 'AND', 'OR', 'NOT', 'IN', 'IS NULL', 'IS NOT NULL', 'CASE', 'WHEN', 'THEN', 'ELSE', 'END', 'DISTINCT', 'FILTER (WHERE ', 'WITH', 'INTERVAL'];
const SQL_FUNCTIONS = ['count(*)', 'count(DISTINCT ', 'sum(', 'avg(', 'min(', 'max(', 'median(', 'arg_max(', 'round(', 'coalesce(', 'date_trunc(', 'time_bucket(', 'protocol_name(', 'cidr_contains(', 'is_ipv6('];
const EXTRA_COLUMNS = ['window_start', 'window_end'];

const VALUE = /(?:^|[\s(])([A-Za-z][\w-]*)\s*(?::|!=|>=|<=|=|>|<)\s*("?[^\s()"[\]|<>=]*)$/;

/** What may stand where the cursor is. */
export function suggest(text: string, cursor: number): Suggestions | null {
  const before = text.slice(0, cursor);
  return splitQuery(before).select === null ? inSearch(before) : inSelect(before);
}

function inSearch(before: string): Suggestions | null {
  const value = VALUE.exec(before);
  const field = value && findField(value[1]!);
  if (value && field) {
    const known = field.name === 'protocol' ? PROTOCOLS : field.values ?? [];
    return { from: before.length - value[2]!.length, options: [...known, '*'].map((label) => ({ label, kind: 'value', ...(label === '*' ? { detail: 'is there' } : {}) })), valuesOf: field.values ? null : field.name };
  }
  const word = /[A-Za-z][\w-]*$/.exec(before)?.[0] ?? '';
  const from = before.length - word.length;
  const complete = findField(/([A-Za-z][\w-]*)\s+$/.exec(before)?.[1] ?? '');
  if (complete) {
    return { from, options: [...OPERATORS.map(([label, detail]): Suggestion => ({ label, detail, kind: 'operator' })), ...words()], valuesOf: null };
  }
  if (!/(?:^|[\s(])$/.test(before.slice(0, from))) return null;
  return { from, options: [...fieldOptions(), ...words(), ...plainValues()], valuesOf: null };
}

function fieldOptions(): Suggestion[] {
  return FIELDS.map(({ name, about }) => ({ label: name, kind: 'field', detail: about.replaceAll('`', ''), text: `${name}:` }));
}

function words(): Suggestion[] {
  return ['and', 'or', 'not'].map((label) => ({ label, kind: 'word', text: `${label} ` }));
}

function plainValues(): Suggestion[] {
  return ['ACCEPT', 'REJECT', 'NODATA', 'SKIPDATA', ...PROTOCOLS].map((label) => ({ label, kind: 'value' }));
}

function inSelect(before: string): Suggestions | null {
  // within a string nothing is known
  if ((splitQuery(before).select!.match(/'/g)?.length ?? 0) % 2 === 1) return null;
  const word = /[A-Za-z_]\w*$/.exec(before)?.[0] ?? '';
  return {
    from: before.length - word.length,
    options: [
      ...FIELDS.map((field): Suggestion => ({ label: columnName(field), kind: 'field', detail: field.about.replaceAll('`', ''), ...(field.name === 'end' ? { text: '"end"' } : {}) })),
      ...EXTRA_COLUMNS.map((label): Suggestion => ({ label, kind: 'field', detail: 'as a timestamp' })),
      ...SQL_WORDS.map((label): Suggestion => ({ label, kind: 'word' })),
      ...SQL_FUNCTIONS.map((label): Suggestion => ({ label, kind: 'function' })),
    ],
    valuesOf: null,
  };
}
