import { MAX_DOCUMENT_BYTES } from './document.ts';
import type { DocumentNode, ListNode, MapEntry, MapNode, ScalarNode } from './document-node.ts';

/** Thrown, and caught below. */
const NOT_PLAIN = new Error('to be read by the library');
const OTHER_CHARACTER = /[^\n\x20-\x7e\u00a1-\u1fff\u2030-\ud7ff]/;
const MAX_DEPTH = 16;
/** Larger documents are the library's: it knows when they are too large. */
const MAX_NODES = 400_000;

const BLOCK_KEY = /(?:([A-Za-z_][A-Za-z0-9_-]{0,127})|"([^"\\]{0,128})"):(?: +|$)/y;
const FLOW_KEY = /(?:([A-Za-z_][A-Za-z0-9_-]{0,127}): |"([^"\\]{0,128})":) */y;
const FLOW_WORDS = /[^,[\]{}]*/y;
const FIRST_OF_WORDS = /^-?[A-Za-z0-9_./\u00a1-\ud7ff]/;
const WHOLE_NUMBER = /^-?[0-9]{1,20}$/;
/** Numbers in other spellings, nothing, and truth values: the library's. */
const MORE_THAN_WORDS = /^(?:-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+|-?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|[Nn]ull|NULL|[Tt]rue|TRUE|[Ff]alse|FALSE)$/;

/**
 * Reads YAML as it is mostly written: mappings and lists in lines, or in brackets that close on their line; words, whole
 * numbers, quotes without escapes, comments. The answer is what the library's would be, or null: whatever is else
 * (other characters, tags, blocks of text, lines that go on, mistakes) is not understood here. The library loads
 * its 200 KB and warms up for longer than a capture of half a million packets is read.
 */
export function readPlainYaml(text: string): DocumentNode | null {
  if (Buffer.byteLength(text) > MAX_DOCUMENT_BYTES || OTHER_CHARACTER.test(text)) return null;
  try {
    return new PlainYaml(text).read();
  } catch (error) {
    if (error === NOT_PLAIN) return null;
    throw error;
  }
}

class PlainYaml {
  private readonly text: string;
  /** Where in it the line behind the cursor's begins. */
  private next = 0;
  /** The cursor: the number of a line with content, how far that is indented, and a place in it. */
  private lineNumber = 0;
  private line = '';
  private indent = -1;
  private at = 0;
  private hasEnded = false;
  private depth = 0;
  private nodes = 0;

  constructor(text: string) {
    this.text = text;
  }

  read(): DocumentNode {
    this.nextLine();
    if (this.line === '---') this.nextLine();
    if (this.indent !== 0) throw NOT_PLAIN;
    const root = this.line[0] === '{' ? this.restOfLine() : this.block();
    if (!this.hasEnded) throw NOT_PLAIN;
    return root;
  }

  /** Past blank lines and those with nothing but a comment. Behind the last one, the indent is -1. */
  private nextLine(): void {
    while (this.next < this.text.length) {
      const end = this.text.indexOf('\n', this.next);
      this.line = this.text.slice(this.next, end < 0 ? undefined : end);
      this.next = end < 0 ? this.text.length : end + 1;
      this.lineNumber++;
      this.indent = this.at = this.line.search(/[^ ]/);
      if (this.indent >= 0 && this.line[this.indent] !== '#') return;
    }
    this.line = '';
    this.indent = -1;
    this.hasEnded = true;
  }

  /** A list or mapping that begins at the cursor; each of its lines begins in that column. */
  private block(): DocumentNode {
    this.descend();
    const node = this.line.startsWith('- ', this.at) ? this.list(this.at) : this.map(this.at);
    this.depth--;
    return node;
  }

  private list(column: number): ListNode {
    const items: DocumentNode[] = [];
    const node: ListNode = { kind: 'list', line: this.lineNumber, items };
    do {
      this.at = column + 1;
      this.skipSpaces();
      BLOCK_KEY.lastIndex = this.at;
      items.push(BLOCK_KEY.test(this.line) ? this.block() : this.restOfLine());
    } while (this.indent === column && this.line.startsWith('- ', column));
    return node;
  }

  private map(column: number): MapNode {
    const entries: MapEntry[] = [];
    const node: MapNode = { kind: 'map', line: this.lineNumber, entries };
    do {
      const line = this.lineNumber;
      const key = this.key(BLOCK_KEY);
      entries.push({ key, line, value: this.valueIn(column) });
    } while (this.indent === column);
    return node;
  }

  private key(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.line);
    if (match === null) throw NOT_PLAIN;
    this.at = pattern.lastIndex;
    const [, words, quoted] = match;
    if (words !== undefined && MORE_THAN_WORDS.test(words)) throw NOT_PLAIN;
    return words ?? quoted!;
  }

  /** Behind a key of a mapping in this column: on the same line, or the block below, if any. */
  private valueIn(column: number): DocumentNode {
    const line = this.lineNumber;
    if (this.at < this.line.length && this.line[this.at] !== '#') return this.restOfLine();
    this.nextLine();
    if (this.indent > column || (this.indent === column && this.line.startsWith('- ', column))) return this.block();
    return this.scalar(null, '', line);
  }

  private restOfLine(): DocumentNode {
    const value = this.value(false);
    this.skipSpaces();
    if (this.at < this.line.length && (this.line[this.at] !== '#' || this.line[this.at - 1] !== ' ')) throw NOT_PLAIN;
    this.nextLine();
    return value;
  }

  private value(isInBrackets: boolean): DocumentNode {
    const sign = this.line[this.at];
    if (sign === '[') return this.flowList();
    if (sign === '{') return this.flowMap();
    if (sign === '"' || sign === "'") return this.quoted(sign);
    return this.words(isInBrackets ? this.endInBrackets() : this.endOnLine());
  }

  private flowList(): ListNode {
    const items: DocumentNode[] = [];
    this.eachInBrackets(']', () => items.push(this.value(true)));
    return { kind: 'list', line: this.lineNumber, items };
  }

  private flowMap(): MapNode {
    const entries: MapEntry[] = [];
    this.eachInBrackets('}', () => entries.push({ key: this.key(FLOW_KEY), line: this.lineNumber, value: this.value(true) }));
    return { kind: 'map', line: this.lineNumber, entries };
  }

  private eachInBrackets(end: string, readOne: () => void): void {
    this.descend();
    this.at++;
    this.skipSpaces();
    if (this.line[this.at] !== end) {
      for (;;) {
        readOne();
        this.skipSpaces();
        if (this.line[this.at] !== ',') break;
        this.at++;
        this.skipSpaces();
      }
      if (this.line[this.at] !== end) throw NOT_PLAIN;
    }
    this.at++;
    this.depth--;
  }

  private quoted(quote: string): ScalarNode {
    const end = this.line.indexOf(quote, this.at + 1);
    const text = this.line.slice(this.at + 1, end);
    // the escape between ' is another ', behind which nothing is plain
    if (end < 0 || (quote === '"' && text.includes('\\'))) throw NOT_PLAIN;
    this.at = end + 1;
    return this.scalar(text, text);
  }

  private endOnLine(): number {
    const comment = this.line.indexOf(' #', this.at);
    return comment < 0 ? this.line.length : comment;
  }

  private endInBrackets(): number {
    FLOW_WORDS.lastIndex = this.at;
    FLOW_WORDS.test(this.line);
    return FLOW_WORDS.lastIndex;
  }

  /** Up to `end`: a text, unless it looks like something else. */
  private words(end: number): ScalarNode {
    let last = end;
    while (last > this.at && this.line[last - 1] === ' ') last--;
    const words = this.line.slice(this.at, last);
    if (!FIRST_OF_WORDS.test(words) || words.includes(': ') || words.endsWith(':') || words.includes(' #')) throw NOT_PLAIN;
    this.at = end;
    if (words === 'true' || words === 'false') return this.scalar(words === 'true', words);
    if (WHOLE_NUMBER.test(words)) return this.scalar(Number(words), words);
    if (MORE_THAN_WORDS.test(words)) throw NOT_PLAIN;
    return this.scalar(words, words);
  }

  private scalar(value: unknown, source: string, line = this.lineNumber): ScalarNode {
    if (++this.nodes > MAX_NODES) throw NOT_PLAIN;
    return { kind: 'scalar', line, value, source };
  }

  private skipSpaces(): void {
    while (this.line[this.at] === ' ') this.at++;
  }

  private descend(): void {
    if (++this.depth > MAX_DEPTH) throw NOT_PLAIN;
  }
}
