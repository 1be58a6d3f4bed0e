import { queryErrorAt } from '../query-error.ts';

export const MAXIMUM_QUERY_BYTES = 64 * 1024;

export type TokenKind = 'word' | 'quoted' | '(' | ')' | '[' | ']' | ':' | '=' | '!=' | '>' | '>=' | '<' | '<=' | '|' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** Of quoted text: without the quotes, escapes undone. */
  readonly text: string;
  readonly offset: number;
}

const SPACE = /\s/;
const DELIMITER = /[\s()[\]"|<>=]/;
const KEY = /[A-Za-z_][A-Za-z0-9_-]*(?=\s*(?::|=|!=|<|>))/y;
const OPERATORS: readonly TokenKind[] = ['!=', '>=', '<=', '(', ')', '[', ']', ':', '=', '>', '<', '|'];

/** Refuses text that is too long or holds what no query needs; called before anything else looks at it. */
export function checkQueryText(text: string): void {
  if (Buffer.byteLength(text) > MAXIMUM_QUERY_BYTES) {
    throw queryErrorAt(text.slice(0, 1), 0, `the query is longer than ${MAXIMUM_QUERY_BYTES / 1024} KiB`);
  }
  const bad = text.search(/(?![\t\n\r])\p{Cc}/u);
  if (bad >= 0) throw queryErrorAt(text, bad, `the query holds the control character U+${hex(text.charCodeAt(bad))}`);
  if (/\p{Surrogate}/u.test(text)) throw queryErrorAt(text, 0, 'the query is not well-formed Unicode');
}

function hex(code: number): string {
  return code.toString(16).toUpperCase().padStart(4, '0');
}

/**
 * Reads the search part token by token. Whether `name:` begins a term is for the parser to say: an IPv6 address looks
 * the same, so `next` takes what the parser expects.
 */
export class Lexer {
  readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Where the next token begins. */
  get offset(): number {
    while (this.at < this.text.length && SPACE.test(this.text[this.at]!)) this.at++;
    return this.at;
  }

  moveTo(offset: number): void {
    this.at = offset;
  }

  /** The key of a term (`name` before `:` or a comparison) that stands here, without taking it. */
  peekKey(): string | null {
    KEY.lastIndex = this.offset;
    return KEY.exec(this.text)?.[0] ?? null;
  }

  peek(): Token {
    const before = this.offset;
    const token = this.next();
    this.at = before;
    return token;
  }

  next(): Token {
    const offset = this.offset;
    if (offset === this.text.length) return { kind: 'end', text: '', offset };
    if (this.text[offset] === '"') return this.quoted(offset);
    // Two colons begin an address, such as ::1.
    if (this.text.startsWith('::', offset)) return this.word();
    const operator = OPERATORS.find((candidate) => this.text.startsWith(candidate, offset));
    return operator ? this.operator() : this.word();
  }

  /** The operator that stands here, known to be one. */
  operator(): Token {
    const offset = this.offset;
    const kind = OPERATORS.find((candidate) => this.text.startsWith(candidate, offset))!;
    this.at = offset + kind.length;
    return { kind, text: kind, offset };
  }

  /** A word up to the next delimiter, colons included. */
  word(): Token {
    const offset = this.offset;
    let end = offset;
    while (end < this.text.length && !DELIMITER.test(this.text[end]!)) end++;
    this.at = end;
    return { kind: 'word', text: this.text.slice(offset, end), offset };
  }

  private quoted(offset: number): Token {
    let text = '';
    for (let at = offset + 1; at < this.text.length; at++) {
      const char = this.text[at]!;
      if (char === '"') {
        this.at = at + 1;
        return { kind: 'quoted', text, offset };
      }
      if (char === '\\') {
        const escaped = this.text[++at];
        if (escaped !== '"' && escaped !== '\\') {
          throw queryErrorAt(this.text, at, 'expected " or \\ after \\ in quoted text');
        }
        text += escaped;
      } else {
        text += char;
      }
    }
    throw queryErrorAt(this.text, offset, 'quoted text does not end: expected another "');
  }
}
