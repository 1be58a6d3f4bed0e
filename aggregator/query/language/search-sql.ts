import { parseAddress, parseCidr, type Cidr } from '../../../shared/address.ts';
import { columnName, FIELDS, type Field } from '../../../shared/fields.ts';
import { queryErrorAt } from '../query-error.ts';
import { addressInRange, cidrRange, halvesOf, type AddressRange } from '../sql/address-range.ts';
import { sqlIdentifier, sqlInstant, sqlString } from '../sql/literal.ts';
import { parseInstantUs } from './time-text.ts';
import { PROTOCOL_NUMBERS } from './protocol-names.ts';
import type { Comparison, Search, Word } from './search.ts';

/**
 * The search as a predicate over the stored columns.
 *
 * I1. Every value of the query reaches SQL through a literal maker (`sqlString`, `sqlHalf`, `sqlInstant`) or as a
 *     checked number, never as it stands.
 * I2. A predicate is NULL or false where a comparison meets an absent value; `not` turns both into true.
 */
export function searchPredicate(search: Search, queryText: string): string {
  switch (search.kind) {
    case 'everything': return 'TRUE';
    case 'and': return `(${search.parts.map((part) => searchPredicate(part, queryText)).join(' AND ')})`;
    case 'or': return `(${search.parts.map((part) => searchPredicate(part, queryText)).join(' OR ')})`;
    case 'not': return `((${searchPredicate(search.part, queryText)}) IS NOT TRUE)`;
    case 'present': return `${presenceColumn(search.field)} IS NOT NULL`;
    case 'compare': return comparePredicate(search.field, search.comparison, search.value, queryText);
    case 'range': return rangePredicate(search, queryText);
    case 'word': return wordPredicate(search.value);
  }
}

function presenceColumn(field: Field): string {
  return sqlIdentifier(field.type === 'address' ? `${columnName(field)}_hi` : columnName(field));
}

function comparePredicate(field: Field, comparison: Comparison, value: Word, queryText: string): string {
  if (comparison === '!=') return `((${comparePredicate(field, '=', value, queryText)}) IS NOT TRUE)`;
  const column = sqlIdentifier(columnName(field));
  if (field.type === 'symbol') {
    if (comparison !== '=') {
      throw queryErrorAt(queryText, value.offset, `${field.name} is text: it can be compared with : or = only`);
    }
    return symbolEquals(field, value, queryText);
  }
  if (field.type === 'address') return addressCompare(field, comparison, value, queryText);
  return `${column} ${comparison} ${numberLiteral(field, value, queryText)}`;
}

function symbolEquals(field: Field, value: Word, queryText: string): string {
  const column = sqlIdentifier(columnName(field));
  if (!value.quoted && /[*?]/.test(value.text)) return matches(column, value.text);
  if (!field.values) return `${column} = ${sqlString(value.text)}`;
  const known = field.values.find((candidate) => candidate.toLowerCase() === value.text.toLowerCase());
  if (known === undefined) {
    throw queryErrorAt(queryText, value.offset, `${field.name} is never "${value.text.slice(0, 40)}": it takes ${field.values.join(', ')}`);
  }
  return `${column} = ${sqlString(known)}`;
}

/** `*` is any text, `?` any one character. */
function matches(column: string, pattern: string): string {
  const prefix = /^([^*?]+)\*$/.exec(pattern)?.[1];
  if (prefix !== undefined) return `starts_with(${column}, ${sqlString(prefix)})`;
  const like = pattern.replace(/[\\%_]/g, (char) => `\\${char}`).replaceAll('*', '%').replaceAll('?', '_');
  return `${column} LIKE ${sqlString(like)} ESCAPE '\\'`;
}

function addressCompare(field: Field, comparison: Comparison, value: Word, queryText: string): string {
  const network = networkOf(value);
  if (!network) {
    throw queryErrorAt(queryText, value.offset,
      `${field.name} takes an address, a CIDR such as 10.0.0.0/8, or 10.0.*; "${value.text.slice(0, 60)}" is none of them`);
  }
  if (comparison !== '=') {
    throw queryErrorAt(queryText, value.offset, `${field.name} is an address: use ${field.name}:CIDR or ${field.name} in [first last]`);
  }
  return addressInRange(columnName(field), cidrRange(network));
}

/** An address, a CIDR, or whole octets before a `*`. */
function networkOf(value: Word): Cidr | null {
  const octets = value.quoted ? null : /^(\d{1,3}(?:\.\d{1,3}){0,2})\.\*$/.exec(value.text)?.[1];
  if (!octets) return parseCidr(value.text);
  const given = octets.split('.').length;
  return parseCidr(`${octets}${'.0'.repeat(4 - given)}/${given * 8}`);
}

function rangePredicate(search: Extract<Search, { kind: 'range' }>, queryText: string): string {
  const { field, from, to } = search;
  if (field.type === 'symbol') {
    throw queryErrorAt(queryText, from.offset, `${field.name} is text: write (${field.name}:a or ${field.name}:b) instead of a range`);
  }
  if (field.type === 'address') return addressInRange(columnName(field), addressRange(search, queryText));
  const column = sqlIdentifier(columnName(field));
  return `(${column} ${search.fromIncluded ? '>=' : '>'} ${numberLiteral(field, from, queryText)}`
    + ` AND ${column} ${search.toIncluded ? '<=' : '<'} ${numberLiteral(field, to, queryText)})`;
}

function addressRange(search: Extract<Search, { kind: 'range' }>, queryText: string): AddressRange {
  const [from, to] = [search.from, search.to].map((end) => {
    const words = parseAddress(end.text);
    if (!words) throw queryErrorAt(queryText, end.offset, `"${end.text.slice(0, 60)}" is no address`);
    return words;
  }) as [Int32Array, Int32Array];
  const family = search.from.text.includes(':') ? 6 : 4;
  if ((search.to.text.includes(':') ? 6 : 4) !== family) {
    throw queryErrorAt(queryText, search.to.offset, 'both ends of a range of addresses must be IPv4, or both IPv6');
  }
  if (!search.fromIncluded || !search.toIncluded) {
    throw queryErrorAt(queryText, search.from.offset, 'a range of addresses includes both ends: write it with [ and ]');
  }
  return { first: halvesOf(from), last: halvesOf(to), family };
}

function numberLiteral(field: Field, value: Word, queryText: string): string {
  const fail = (expected: string) =>
    queryErrorAt(queryText, value.offset, `${field.name} takes ${expected}, found "${value.text.slice(0, 40)}"`);
  if (field.type === 'instant') {
    const us = parseInstantUs(value.text);
    if (us === null) throw fail('Unix seconds or an RFC 3339 time');
    return sqlInstant(us);
  }
  if (field.type === 'seconds') {
    const us = parseInstantUs(value.text);
    if (us === null || us % 1e6 !== 0) throw fail('whole Unix seconds or an RFC 3339 time');
    return String(us / 1e6);
  }
  const named = field.name === 'protocol' ? PROTOCOL_NUMBERS.get(value.text.toLowerCase()) : undefined;
  if (named !== undefined) return String(named);
  const number = /^\d{1,16}$/.test(value.text) ? Number(value.text) : NaN;
  if (!Number.isSafeInteger(number)) {
    throw fail(field.name === 'protocol' ? 'a protocol number or name (tcp, udp, icmp …)' : 'a whole number below 2^53');
  }
  return String(number);
}

const SYMBOLS = FIELDS.filter((field) => field.type === 'symbol');

/** A word without a key: an address of either side, a port of either side, a protocol's name, or any text field. */
function wordPredicate(value: Word): string {
  const network = value.quoted || !/[.:/]/.test(value.text) ? null : networkOf(value);
  if (network) return `(${addressInRange('srcaddr', cidrRange(network))} OR ${addressInRange('dstaddr', cidrRange(network))})`;
  if (!value.quoted && /^\d{1,5}$/.test(value.text)) return `(srcport = ${Number(value.text)} OR dstport = ${Number(value.text)})`;
  const wildcard = !value.quoted && /[*?]/.test(value.text);
  const terms = SYMBOLS.flatMap((field) => {
    const column = sqlIdentifier(columnName(field));
    if (wildcard) return [matches(column, value.text)];
    if (!field.values) return [`${column} = ${sqlString(value.text)}`];
    const known = field.values.find((candidate) => candidate.toLowerCase() === value.text.toLowerCase());
    return known === undefined ? [] : [`${column} = ${sqlString(known)}`];
  });
  const protocol = value.quoted ? undefined : PROTOCOL_NUMBERS.get(value.text.toLowerCase());
  if (protocol !== undefined) terms.push(`protocol = ${protocol}`);
  return `(${terms.join(' OR ')})`;
}
