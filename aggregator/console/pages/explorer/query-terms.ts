import type { Value } from '../../api/answers.ts';

export interface QueryParts {
  readonly search: string;
  /** What stands behind the bar, the bar left out; null: there is none. */
  readonly select: string | null;
}

const SELECT_ALONE = /^\s*(?:select|with)[\s(*]/i;

/** The two halves of a query. A bar in quotes is no bar, and a SELECT alone is about everything. */
export function splitQuery(text: string): QueryParts {
  if (SELECT_ALONE.test(text)) return { search: '', select: text };
  const at = barOf(text);
  return at < 0 ? { search: text, select: null } : { search: text.slice(0, at), select: text.slice(at + 1) };
}

function barOf(text: string): number {
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (isQuoted && char === '\\') at++;
    else if (char === '"') isQuoted = !isQuoted;
    else if (char === '|' && !isQuoted) return at;
  }
  return -1;
}

const PLAIN_WORD = /^[A-Za-z0-9][\w.:/-]*$|^::[\w.:/-]*$/;
const KEYWORD = /^(?:and|or|not|in)$/i;

/** The term that finds records with this value; null where no query can hold the value. */
export function termOf(field: string, value: Value): string | null {
  if (value === null || value === '') return `not ${field}:*`;
  const text = String(value);
  if (/\p{Cc}|\p{Surrogate}/u.test(text)) return null;
  if (PLAIN_WORD.test(text) && !KEYWORD.test(text)) return `${field}:${text}`;
  return `${field}:"${text.replace(/["\\]/g, '\\$&')}"`;
}

export function negated(term: string): string {
  return term.startsWith('not ') ? term.slice('not '.length) : `not ${term}`;
}

/** One term for what several together say. */
export function together(terms: readonly string[]): string {
  return terms.length === 1 ? terms[0]! : `(${terms.join(' ')})`;
}

/** The query, with the term demanded besides. What contradicts it, where it was added the same way, goes. */
export function withTerm(query: string, term: string): string {
  const { search, select } = splitQuery(query);
  const behind = select === null ? '' : ` | ${select.trimStart()}`;
  const terms = plainTerms(search);
  if (terms) {
    const left = terms.filter((known) => known !== negated(term) && known !== '*');
    return [...left, ...(left.includes(term) ? [] : [term])].join(' ') + behind;
  }
  const before = search.trim();
  return `${/^\(.*\)$/.test(before) && isOneBracket(before) ? before : `(${before})`} ${term}${behind}`;
}

/** Terms that stand side by side, `not` with its own; null where there is anything else. */
function plainTerms(search: string): string[] | null {
  const words = search.match(/(?:[^\s"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  const terms: string[] = [];
  let prefix = '';
  for (const word of words) {
    if (/^(?:or|in)$/i.test(word) || /[()[\]<>=]/.test(word.replace(/"(?:[^"\\]|\\.)*"/g, ''))) return null;
    if (/^and$/i.test(word)) continue;
    if (/^not$/i.test(word)) {
      prefix = 'not ';
      continue;
    }
    terms.push(prefix + word);
    prefix = '';
  }
  return prefix === '' ? terms : null;
}

function isOneBracket(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') return false;
    if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0) return at === text.length - 1;
  }
  return false;
}
