import { Lexer, LineCounter, isMap, isScalar, isSeq, parseDocument, type Node, type YAMLMap } from 'yaml';
import { WeirError } from '../errors.ts';
import { nearestName } from '../nearest-name.ts';

/**
 * Reads a YAML (or JSON) document of ours key by key, and notes everything that is wrong with it instead of stopping
 * at the first problem. After a problem a reader returns a stand-in value, so the caller goes on; `Problems.throwIfAny`
 * must be called before the result is used.
 */
export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
/** About 35,000 rules. The library takes up to half a kilobyte for each lexeme, so a small text can be a large document. */
const MAX_LEXEMES = 2_000_000;
/** Our documents need four levels. */
const MAX_DEPTH = 16;
const MAX_PROBLEMS_SHOWN = 20;
/** With that many the text is no document of ours, and reading stops. */
const MAX_PROBLEMS_FOUND = 1000;
const MAX_TEXT_LENGTH = 256;
const MAX_ID_LENGTH = 128;

export interface Place {
  /** Such as `enis[2].mac`; empty for the document as a whole. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
}

export interface Problem extends Place {
  /** The bad value and what is allowed. */
  readonly text: string;
}

export class ConfigurationError extends WeirError {
  readonly source: string;
  readonly problems: readonly Problem[];

  constructor(source: string, problems: readonly Problem[]) {
    const shown = problems.slice(0, MAX_PROBLEMS_SHOWN).map((p) => `${source}:${p.line}: ${p.path && `${p.path}: `}${p.text}`);
    if (problems.length > shown.length) shown.push(`and ${problems.length - shown.length} more`);
    super('CONFIGURATION', shown.join('\n'));
    this.source = source;
    this.problems = problems;
  }
}

export class Problems {
  readonly source: string;
  readonly found: Problem[] = [];

  constructor(source: string) {
    this.source = source;
  }

  add(place: Place, text: string): void {
    this.found.push({ ...place, text });
    if (this.found.length >= MAX_PROBLEMS_FOUND) this.throwIfAny();
  }

  throwIfAny(): void {
    if (this.found.length === 0) return;
    throw new ConfigurationError(this.source, this.found.toSorted((a, b) => a.line - b.line));
  }
}

/** The value as an error message shows it. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** What a text must be to become a T: `parse` returns null if it is not, and `expected` then says what is. */
export interface TextKind<T> {
  readonly parse: (text: string) => T | null;
  readonly expected: string;
}

const ID: TextKind<string> = {
  parse: (text) => (/^[A-Za-z0-9_][A-Za-z0-9._:/-]*$/.test(text) && text.length <= MAX_ID_LENGTH ? text : null),
  expected: `an id: up to ${MAX_ID_LENGTH} of letters, digits and _ . : / -, beginning with one of the first three kinds`,
};
const TEXT: TextKind<string> = {
  parse: (text) => (/^\P{Cc}*$/u.test(text) && text.length <= MAX_TEXT_LENGTH ? text : null),
  expected: `a text of up to ${MAX_TEXT_LENGTH} printable characters`,
};

/** Opens the document's outermost mapping; null if there is none, with the problem noted. */
export function openDocument(text: string, problems: Problems, keys: readonly string[]): DocumentMap | null {
  const start: Place = { path: '', line: 1 };
  if (Buffer.byteLength(text) > MAX_DOCUMENT_BYTES) {
    problems.add(start, `is larger than ${MAX_DOCUMENT_BYTES} bytes; split it`);
    return null;
  }
  const excess = findExcess(text);
  if (excess) {
    problems.add(excess, excess.text);
    return null;
  }
  const lines = new LineCounter();
  // Repeated keys are found by DocumentMap: the library compares each key with all others.
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false, version: '1.2' });
  const faults = [...document.errors, ...document.warnings];
  for (const fault of faults) problems.add({ path: '', line: lineAt(lines, fault.pos[0]) }, `is not valid YAML: ${fault.message}`);
  if (faults.length > 0) return null;
  if (!isMap(document.contents)) {
    problems.add(start, `must be a mapping with keys such as ${keys.slice(0, 3).join(', ')}`);
    return null;
  }
  return new DocumentMap(document.contents, '', lines, problems, keys);
}

/** The library's marks between lexemes: byte order mark, document start, end of flow, "a scalar follows". */
const MARKS = new Set(['\u{feff}', '\u0002', '\u0018', '\u001f']);

/** Where and why the library should not be given this text. Reads the lexemes only, which takes no memory. */
function findExcess(text: string): Problem | null {
  let offset = 0;
  let lexemes = 0;
  let depth = 0;
  let lineIndicators = 0;
  let previous = '';
  const problem = (reason: string): Problem => ({ path: '', line: text.slice(0, offset).split('\n').length, text: reason });
  for (const lexeme of new Lexer().lex(text)) {
    const isScalar = previous === '\u001f';
    if (++lexemes > MAX_LEXEMES) return problem(`has more than ${MAX_LEXEMES} words and signs; split it`);
    if (lexeme === '\n' || lexeme === '\r\n') lineIndicators = 0;
    else if (!isScalar) {
      if (lexeme === '[' || lexeme === '{') depth++;
      else if (lexeme === ']' || lexeme === '}') depth--;
      else if (depth === 0 && (lexeme === '-' || lexeme === '?' || lexeme === ':')) lineIndicators++;
      if (lexeme === ',' && (previous === ',' || previous === '[' || previous === '{')) return problem('is not valid YAML: nothing stands before the comma');
      if (lexeme[0] === '&' || lexeme[0] === '*') return problem('anchors and aliases are not read; write the value out');
    }
    if (depth > MAX_DEPTH || lineIndicators > MAX_DEPTH) return problem(`is nested deeper than ${MAX_DEPTH} levels`);
    if (!MARKS.has(lexeme)) offset += lexeme.length;
    if (isScalar || lexeme.trim() !== '') previous = lexeme;
  }
  return null;
}

function lineAt(lines: LineCounter, offset: number): number {
  return Math.max(1, lines.linePos(offset).line);
}

export class DocumentMap {
  private readonly values = new Map<string, Node | null>();
  private readonly path: string;
  private readonly line: number;
  private readonly lines: LineCounter;
  private readonly problems: Problems;

  constructor(map: YAMLMap, path: string, lines: LineCounter, problems: Problems, keys: readonly string[]) {
    this.path = path;
    this.lines = lines;
    this.problems = problems;
    this.line = lineAt(lines, map.range?.[0] ?? 0);
    for (const pair of map.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : '(a key that is no text)';
      const line = lineAt(lines, (pair.key as Node | null)?.range?.[0] ?? 0);
      const place = { path: this.pathOf(key), line };
      if (!keys.includes(key)) {
        const near = nearestName(key, keys);
        problems.add(place, near ? `unknown key; did you mean ${near}?` : `unknown key; known are ${keys.join(', ')}`);
      } else if (this.values.has(key)) {
        problems.add(place, 'is written twice; keep one');
      } else {
        this.values.set(key, pair.value as Node | null);
      }
    }
  }

  private pathOf(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`;
  }

  /** Where the key's value stands, or the mapping if it has none. */
  place(key?: string): Place {
    if (key === undefined) return { path: this.path, line: this.line };
    const offset = this.values.get(key)?.range?.[0];
    return { path: this.pathOf(key), line: offset === undefined ? this.line : lineAt(this.lines, offset) };
  }

  /** Notes a problem with the key's value. */
  reject(key: string, text: string): void {
    this.problems.add(this.place(key), text);
  }

  /** An empty value counts as absent. */
  has(key: string): boolean {
    const node = this.values.get(key);
    return node !== undefined && node !== null && !(isScalar(node) && node.value === null);
  }

  /** The value of a kind of text, null if absent. A number is taken as it is written: ids may look like one. */
  parsed<T>(key: string, kind: TextKind<T>): T | null {
    if (!this.has(key)) return null;
    return this.textOf(this.values.get(key)!, this.place(key), kind);
  }

  text(key: string): string | null {
    return this.parsed(key, TEXT);
  }

  id(key: string): string | null {
    return this.parsed(key, ID);
  }

  required<T>(key: string, kind: TextKind<T>, standIn: T): T {
    if (!this.has(key)) {
      this.problems.add(this.place(key), `is missing; give ${kind.expected}`);
      return standIn;
    }
    return this.parsed(key, kind) ?? standIn;
  }

  requiredId(key: string): string {
    return this.required(key, ID, '');
  }

  choice<T extends string>(key: string, values: readonly T[], absent?: T): T {
    const kind: TextKind<T> = {
      parse: (text) => values.find((value) => value === text) ?? null,
      expected: `one of ${values.join(', ')}`,
    };
    if (absent === undefined) return this.required(key, kind, values[0]!);
    return this.parsed(key, kind) ?? absent;
  }

  integer(key: string, least: number, most: number): number | null {
    if (!this.has(key)) return null;
    const node = this.values.get(key);
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    this.reject(key, `${this.shownNode(node!)} is not a whole number from ${least} to ${most}`);
    return null;
  }

  flag(key: string, absent: boolean): boolean {
    if (!this.has(key)) return absent;
    const node = this.values.get(key);
    if (isScalar(node) && typeof node.value === 'boolean') return node.value;
    this.reject(key, `${this.shownNode(node!)} is neither true nor false`);
    return absent;
  }

  /** The items of a list of texts; those that are wrong are noted and left out. */
  parsedList<T>(key: string, kind: TextKind<T>): T[] {
    const values: T[] = [];
    this.eachItem(key, (node, place) => {
      const value = this.textOf(node, place, kind);
      if (value !== null) values.push(value);
    });
    return values;
  }

  ids(key: string): string[] {
    return this.parsedList(key, ID);
  }

  /** A mapping inside of this one; null if absent. */
  map(key: string, keys: readonly string[]): DocumentMap | null {
    if (!this.has(key)) return null;
    const node = this.values.get(key)!;
    if (isMap(node)) return new DocumentMap(node, this.pathOf(key), this.lines, this.problems, keys);
    this.reject(key, `${this.shownNode(node)} is not a mapping; give ${keys.slice(0, 3).join(', ')} ...`);
    return null;
  }

  maps(key: string, keys: readonly string[]): DocumentMap[] {
    const maps: DocumentMap[] = [];
    this.eachItem(key, (node, place) => {
      if (isMap(node)) maps.push(new DocumentMap(node, place.path, this.lines, this.problems, keys));
      else this.problems.add(place, `${this.shownNode(node)} is not a mapping; give ${keys.slice(0, 3).join(', ')} ...`);
    });
    return maps;
  }

  private eachItem(key: string, visitItem: (node: Node | null, place: Place) => void): void {
    if (!this.has(key)) return;
    const node = this.values.get(key)!;
    if (!isSeq(node)) {
      this.reject(key, `${this.shownNode(node)} is not a list; begin each item with "- "`);
      return;
    }
    node.items.forEach((item, index) => {
      const offset = (item as Node | null)?.range?.[0] ?? node.range![0];
      visitItem(item as Node | null, { path: `${this.pathOf(key)}[${index}]`, line: lineAt(this.lines, offset) });
    });
  }

  private textOf<T>(node: Node | null, place: Place, kind: TextKind<T>): T | null {
    const value = isScalar(node) ? (typeof node.value === 'number' ? node.source : node.value) : undefined;
    const parsed = typeof value === 'string' ? kind.parse(value) : null;
    if (parsed === null) this.problems.add(place, `${this.shownNode(node)} is not ${kind.expected}`);
    return parsed;
  }

  private shownNode(node: Node | null): string {
    if (isScalar(node)) return shown(typeof node.value === 'number' ? node.source ?? node.value : node.value);
    if (isMap(node)) return 'a mapping';
    if (isSeq(node)) return 'a list';
    return 'nothing';
  }
}
