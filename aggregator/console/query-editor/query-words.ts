import { findField } from '../../../shared/fields.ts';

export interface QueryWord {
  readonly from: number;
  readonly to: number;
  readonly kind: 'field' | 'keyword' | 'string' | 'number' | 'bar';
}

const WORD = /"(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?|\||[A-Za-z_][\w-]*(?=\s*(?::|!=|>=|<=|=|>|<))|[A-Za-z_]\w*|\d[\w.:/*]*/g;
const SEARCH_WORDS = new Set(['and', 'or', 'not', 'in']);
const SQL_WORDS = new Set(['select', 'from', 'where', 'group', 'by', 'order', 'limit', 'having', 'as', 'and', 'or', 'not', 'in', 'is', 'null', 'case', 'when', 'then', 'else', 'end', 'distinct', 'filter', 'with', 'interval', 'asc', 'desc', 'all', 'over', 'partition', 'union', 'join', 'left', 'on', 'between', 'like', 'offset']);

/** What is to be coloured, in order. The grammar is the collector's matter; this only tells kinds of words apart. */
export function wordsOf(text: string): QueryWord[] {
  const found: QueryWord[] = [];
  let isSelect = /^\s*(?:select|with)[\s(*]/i.test(text);
  for (const match of text.matchAll(WORD)) {
    const word = match[0];
    const kind = kindOf(word, isSelect);
    if (kind) found.push({ from: match.index, to: match.index + word.length, kind });
    if (word === '|') isSelect = true;
  }
  return found;
}

function kindOf(word: string, isSelect: boolean): QueryWord['kind'] | null {
  if (word === '|') return isSelect ? null : 'bar';
  if (word.startsWith('"') || word.startsWith('\'')) return 'string';
  if (/^\d/.test(word)) return 'number';
  if ((isSelect ? SQL_WORDS : SEARCH_WORDS).has(word.toLowerCase())) return 'keyword';
  return findField(word) ? 'field' : null;
}
