import { Lexer, LineCounter, isMap, isScalar, isSeq, parseDocument, type Node } from 'yaml';
import { MAX_DOCUMENT_BYTES, documentOf, type DocumentMap, type Problem, type Problems } from './document.ts';
import type { DocumentNode, MapEntry } from './document-node.ts';
import { readPlainYaml } from './plain-yaml.ts';

/** About 35,000 rules. The library takes up to half a kilobyte for each lexeme, so a small text can be a large document. */
const MAX_LEXEMES = 2_000_000;
/** Our documents need four levels. */
const MAX_DEPTH = 16;

/** Opens the document's outermost mapping; null if there is none, with the problem noted. */
export function openDocument(text: string, problems: Problems, keys: readonly string[]): DocumentMap | null {
  const root = readPlainYaml(text) ?? readYaml(text, problems);
  return root && documentOf(root, problems, keys);
}

/** By the library; null if it is not valid, with the problems noted. */
export function readYaml(text: string, problems: Problems): DocumentNode | null {
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
  return nodeOf(document.contents, lines) ?? { kind: 'scalar', line: 1, value: null, source: '' };
}

/** The library's node in our terms; null if it is none of them. */
function nodeOf(node: Node | null, lines: LineCounter): DocumentNode | null {
  const line = lineAt(lines, node?.range?.[0] ?? 0);
  if (isScalar(node)) return { kind: 'scalar', line, value: node.value, source: node.source ?? String(node.value) };
  if (isSeq(node)) return { kind: 'list', line, items: node.items.map((item) => nodeOf(item as Node | null, lines)) };
  if (!isMap(node)) return null;
  const entries = node.items.map(({ key, value }): MapEntry => ({
    key: isScalar(key) ? String(key.value) : '(a key that is no text)',
    line: lineAt(lines, (key as Node | null)?.range?.[0] ?? 0),
    value: nodeOf(value as Node | null, lines),
  }));
  return { kind: 'map', line, entries };
}

function lineAt(lines: LineCounter, offset: number): number {
  return Math.max(1, lines.linePos(offset).line);
}

/** The library's marks between lexemes: byte order mark, document start, end of flow, "a scalar follows". */
const MARKS = new Set(['\u{feff}', '\u0002', '\u0018', '\u001f']);

/** Where and why the library should not be given this text. Reads the lexemes only, which takes no memory. */
function findExcess(text: string): Problem | null {
  if (Buffer.byteLength(text) > MAX_DOCUMENT_BYTES) return { path: '', line: 1, text: `is larger than ${MAX_DOCUMENT_BYTES} bytes; split it` };
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
