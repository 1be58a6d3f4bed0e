import { WeirError } from '../errors.ts';
import { nearestName } from '../nearest-name.ts';
import type { DocumentNode, MapNode } from './document-node.ts';

/**
 * Reads a YAML (or JSON) document of ours key by key, and notes everything that is wrong with it instead of stopping
 * at the first problem. After a problem a reader returns a stand-in value, so the caller goes on; `Problems.throwIfAny`
 * must be called before the result is used.
 */
export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
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

/** The outermost mapping; null if the document is none, with the problem noted. */
export function documentOf(root: DocumentNode, problems: Problems, keys: readonly string[]): DocumentMap | null {
  if (root.kind === 'map') return new DocumentMap(root, '', problems, keys);
  problems.add({ path: '', line: 1 }, `must be a mapping with keys such as ${keys.slice(0, 3).join(', ')}`);
  return null;
}

export class DocumentMap {
  private readonly values = new Map<string, DocumentNode | null>();
  private readonly path: string;
  private readonly line: number;
  private readonly problems: Problems;

  constructor(map: MapNode, path: string, problems: Problems, keys: readonly string[]) {
    this.path = path;
    this.problems = problems;
    this.line = map.line;
    for (const { key, line, value } of map.entries) {
      if (keys.includes(key) && !this.values.has(key)) {
        this.values.set(key, value);
        continue;
      }
      const near = nearestName(key, keys);
      const unknown = near ? `unknown key; did you mean ${near}?` : `unknown key; known are ${keys.join(', ')}`;
      problems.add({ path: this.pathOf(key), line }, keys.includes(key) ? 'is written twice; keep one' : unknown);
    }
  }

  private pathOf(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`;
  }

  /** Where the key's value stands, or the mapping if it has none. */
  place(key?: string): Place {
    if (key === undefined) return { path: this.path, line: this.line };
    return { path: this.pathOf(key), line: this.values.get(key)?.line ?? this.line };
  }

  /** Notes a problem with the key's value. */
  reject(key: string, text: string): void {
    this.problems.add(this.place(key), text);
  }

  /** An empty value counts as absent. */
  has(key: string): boolean {
    const node = this.values.get(key);
    return node !== undefined && node !== null && !(node.kind === 'scalar' && node.value === null);
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
    const value = node?.kind === 'scalar' ? node.value : undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    this.reject(key, `${this.shownNode(node!)} is not a whole number from ${least} to ${most}`);
    return null;
  }

  flag(key: string, absent: boolean): boolean {
    if (!this.has(key)) return absent;
    const node = this.values.get(key);
    if (node?.kind === 'scalar' && typeof node.value === 'boolean') return node.value;
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
    if (node.kind === 'map') return new DocumentMap(node, this.pathOf(key), this.problems, keys);
    this.reject(key, `${this.shownNode(node)} is not a mapping; give ${keys.slice(0, 3).join(', ')} ...`);
    return null;
  }

  maps(key: string, keys: readonly string[]): DocumentMap[] {
    const maps: DocumentMap[] = [];
    this.eachItem(key, (node, place) => {
      if (node?.kind === 'map') maps.push(new DocumentMap(node, place.path, this.problems, keys));
      else this.problems.add(place, `${this.shownNode(node)} is not a mapping; give ${keys.slice(0, 3).join(', ')} ...`);
    });
    return maps;
  }

  private eachItem(key: string, visitItem: (node: DocumentNode | null, place: Place) => void): void {
    if (!this.has(key)) return;
    const node = this.values.get(key)!;
    if (node.kind !== 'list') {
      this.reject(key, `${this.shownNode(node)} is not a list; begin each item with "- "`);
      return;
    }
    node.items.forEach((item, index) => visitItem(item, { path: `${this.pathOf(key)}[${index}]`, line: item?.line ?? node.line }));
  }

  private textOf<T>(node: DocumentNode | null, place: Place, kind: TextKind<T>): T | null {
    const value = node?.kind === 'scalar' ? (typeof node.value === 'number' ? node.source : node.value) : undefined;
    const parsed = typeof value === 'string' ? kind.parse(value) : null;
    if (parsed === null) this.problems.add(place, `${this.shownNode(node)} is not ${kind.expected}`);
    return parsed;
  }

  private shownNode(node: DocumentNode | null): string {
    if (node === null) return 'nothing';
    if (node.kind === 'scalar') return shown(typeof node.value === 'number' ? node.source : node.value);
    return node.kind === 'map' ? 'a mapping' : 'a list';
  }
}
