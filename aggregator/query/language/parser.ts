import { parseCidr } from '../../../shared/address.ts';
import { FIELDS, findField, type Field } from '../../../shared/fields.ts';
import { nearestName } from '../../../shared/nearest-name.ts';
import { queryErrorAt } from '../query-error.ts';
import { checkQueryText, Lexer, type Token, type TokenKind } from './lexer.ts';
import type { Comparison, Search, Word } from './search.ts';

/** Nested parentheses and `not`s, and terms in one search. */
export const MAXIMUM_DEPTH = 64;
export const MAXIMUM_TERMS = 1000;

/** A query's two halves: what to find, and what to make of it. */
export interface Query {
  readonly text: string;
  readonly search: Search;
  /** The SELECT after `|`, and where it begins in the query's text; null: the records themselves. */
  readonly select: { readonly text: string; readonly offset: number } | null;
}

const COMPARISONS: readonly TokenKind[] = ['=', '!=', '>', '>=', '<', '<='];

/** Reads `search | SELECT …`; either half may be missing. Throws QueryError with the position. */
export function parseQuery(text: string): Query {
  checkQueryText(text);
  if (/^\s*(select|with)[\s(*]/i.test(text)) return { text, search: { kind: 'everything' }, select: { text, offset: 0 } };
  const parser = new Parser(text);
  const search = parser.parse();
  const bar = parser.barOffset;
  if (bar === null) return { text, search, select: null };
  const select = text.slice(bar + 1);
  if (select.trim() === '') throw queryErrorAt(text, text.length, 'expected SELECT after |, found the end of the query');
  return { text, search, select: { text: select, offset: bar + 1 } };
}

/**
 *     any   = all *( "or" all )
 *     all   = one *( [ "and" ] one )
 *     one   = "not" one / "(" any ")" / term / word
 *     term  = key ":" value / key ":" comparison value / key comparison value / key "in" ( "[" / "(" ) value value ( "]" / ")" )
 */
class Parser {
  /** Where the `|` stands that ended the search. */
  barOffset: number | null = null;
  private readonly lexer: Lexer;
  private readonly text: string;
  private depth = 0;
  private terms = 0;

  constructor(text: string) {
    this.text = text;
    this.lexer = new Lexer(text);
  }

  parse(): Search {
    const first = this.lexer.peek();
    const search: Search = first.kind === 'end' || first.kind === '|' ? { kind: 'everything' } : this.any();
    const last = this.lexer.next();
    if (last.kind === '|') this.barOffset = last.offset;
    else if (last.kind !== 'end') throw this.unexpected(last, 'and, or, | or the end of the query');
    return search;
  }

  private any(): Search {
    const parts = [this.all()];
    while (this.isKeyword(this.lexer.peek(), 'or')) {
      this.lexer.next();
      parts.push(this.all());
    }
    return parts.length === 1 ? parts[0]! : { kind: 'or', parts };
  }

  private all(): Search {
    const parts = [this.one()];
    for (;;) {
      const next = this.lexer.peek();
      if (next.kind === 'end' || next.kind === ')' || next.kind === '|' || this.isKeyword(next, 'or')) break;
      if (this.isKeyword(next, 'and')) this.lexer.next();
      parts.push(this.one());
    }
    return parts.length === 1 ? parts[0]! : { kind: 'and', parts };
  }

  private one(): Search {
    const next = this.lexer.peek();
    if (next.kind === '(' || this.isKeyword(next, 'not')) {
      this.lexer.next();
      if (++this.depth > MAXIMUM_DEPTH) throw queryErrorAt(this.text, next.offset, `more than ${MAXIMUM_DEPTH} levels of ( and not`);
      const search: Search = next.kind === '(' ? this.group(next) : { kind: 'not', part: this.one() };
      this.depth--;
      return search;
    }
    if (++this.terms > MAXIMUM_TERMS) throw queryErrorAt(this.text, next.offset, `more than ${MAXIMUM_TERMS} terms`);
    return this.term();
  }

  private group(open: Token): Search {
    const search = this.any();
    const close = this.lexer.next();
    if (close.kind !== ')') {
      throw this.unexpected(close, `and, or, or the ) that closes the ( at column ${open.offset + 1}`);
    }
    return search;
  }

  private term(): Search {
    const offset = this.lexer.offset;
    const range = this.rangeTerm();
    if (range) return range;
    const key = this.lexer.peekKey();
    const field = key === null ? undefined : findField(key);
    if (key !== null && (field || !this.looksLikeAddress())) {
      if (!field) throw queryErrorAt(this.text, offset, unknownField(key));
      this.lexer.moveTo(offset + key.length);
      return this.keyedTerm(field);
    }
    const token = this.lexer.next();
    if (token.kind === 'quoted') return { kind: 'word', value: word(token) };
    if (token.kind !== 'word' || this.isKeyword(token, 'and') || this.isKeyword(token, 'or')) {
      throw this.unexpected(token, 'a term such as dstport:443, a word, not, or (');
    }
    return token.text === '*' ? { kind: 'everything' } : { kind: 'word', value: word(token) };
  }

  private keyedTerm(field: Field): Search {
    const operator = this.lexer.operator();
    let comparison: Comparison = '=';
    if (operator.kind !== ':') {
      comparison = operator.kind as Comparison;
    } else {
      const next = this.lexer.peek();
      if (COMPARISONS.includes(next.kind)) comparison = this.lexer.next().kind as Comparison;
    }
    const value = this.value(`a value for ${field.name}`);
    if (value.text === '*' && !value.quoted && (comparison === '=' || comparison === '!=')) {
      const present: Search = { kind: 'present', field };
      return comparison === '=' ? present : { kind: 'not', part: present };
    }
    return { kind: 'compare', field, comparison, value };
  }

  /** `key in [a b]`, where `key` is a field and a bracket follows `in`; null: something else stands here. */
  private rangeTerm(): Search | null {
    const match = /^([A-Za-z_][A-Za-z0-9_-]*)(\s*:\s*|\s+)in\s*[[(]/i.exec(this.text.slice(this.lexer.offset, this.lexer.offset + 256));
    if (!match) return null;
    const [whole, key] = match as unknown as [string, string];
    if (/^(and|or|not)$/i.test(key)) return null;
    const field = findField(key);
    if (!field) throw queryErrorAt(this.text, this.lexer.offset, unknownField(key));
    this.lexer.moveTo(this.lexer.offset + whole.length - 1);
    const open = this.lexer.next();
    const from = this.value(`the lower end of a range of ${field.name}`);
    const to = this.value(`the upper end of a range of ${field.name}`);
    const close = this.lexer.next();
    if (close.kind !== ']' && close.kind !== ')') throw this.unexpected(close, '] or ) after the two ends of the range');
    return { kind: 'range', field, from, to, fromIncluded: open.kind === '[', toIncluded: close.kind === ']' };
  }

  private value(expected: string): Word {
    const next = this.lexer.peek();
    if (next.kind === 'quoted') return word(this.lexer.next());
    if (next.kind !== 'word') throw this.unexpected(next, expected);
    return word(this.lexer.word());
  }

  private looksLikeAddress(): boolean {
    const offset = this.lexer.offset;
    const address = parseCidr(this.lexer.word().text);
    this.lexer.moveTo(offset);
    return address !== null;
  }

  private isKeyword(token: Token, keyword: string): boolean {
    return token.kind === 'word' && token.text.toLowerCase() === keyword;
  }

  private unexpected(token: Token, expected: string): Error {
    const found = token.kind === 'end' ? 'the end of the query' : `"${token.text.slice(0, 40)}"`;
    return queryErrorAt(this.text, token.offset, `expected ${expected}, found ${found}`);
  }
}

function word(token: Token): Word {
  return { text: token.text, quoted: token.kind === 'quoted', offset: token.offset };
}

function unknownField(key: string): string {
  const nearest = nearestName(key, FIELDS.map((field) => field.name));
  const shown = key.slice(0, 60);
  return nearest === null
    ? `there is no field "${shown}": a colon or comparison needs a field's name before it, or put the text in quotes`
    : `there is no field "${shown}": did you mean ${nearest}?`;
}
