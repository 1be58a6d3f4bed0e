/** Reads the Markdown case files; README.md beside this says what they may hold. */

export interface CaseStep {
  /** Line in the file, for messages. */
  readonly line: number;
  readonly text: string;
}

export interface VerdictCase {
  readonly title: string;
  readonly line: number;
  /** YAML by revision, in layers: a later one replaces whole top-level keys of those before it. */
  readonly topologies: ReadonlyMap<number, readonly string[]>;
  readonly windowSeconds: number;
  readonly packets: readonly CaseStep[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** One case has no other window than this unless its file or the case says so. */
const DEFAULT_WINDOW_SECONDS = 3600;

interface Draft {
  title: string;
  line: number;
  topologies: Map<number, string[]>;
  windowSeconds: number;
  packets: CaseStep[];
  columns: string[];
  rows: string[][];
}

export function parseCaseFile(text: string, source: string): VerdictCase[] {
  const cases: Draft[] = [];
  const file = newDraft('', 0);
  let current = file;
  let fence: { info: string; lines: CaseStep[] } | null = null;
  text.split('\n').forEach((content, index) => {
    const line = index + 1;
    if (fence) {
      if (content.trim() !== '```') {
        fence.lines.push({ line, text: content });
        return;
      }
      addFence(current, fence, `${source}:${line}`);
      fence = null;
    } else if (content.startsWith('```')) {
      fence = { info: content.slice(3).trim(), lines: [] };
    } else if (content.startsWith('## ')) {
      current = { ...newDraft(content.slice(3).trim(), line), topologies: new Map(file.topologies), windowSeconds: file.windowSeconds };
      cases.push(current);
    } else if (content.startsWith('|')) {
      addTableLine(current, content);
    } else {
      const window = /^Window: (\d+) s\b/.exec(content);
      if (window) current.windowSeconds = Number(window[1]);
    }
  });
  if (fence) throw new Error(`${source}: a block is not closed`);
  for (const one of cases) check(one, source);
  return cases;
}

function newDraft(title: string, line: number): Draft {
  return { title, line, topologies: new Map(), windowSeconds: DEFAULT_WINDOW_SECONDS, packets: [], columns: [], rows: [] };
}

function addFence(draft: Draft, fence: { info: string; lines: CaseStep[] }, place: string): void {
  const text = fence.lines.map((step) => step.text).join('\n');
  const revision = /^yaml(?: revision (\d+))?$/.exec(fence.info);
  if (revision) addLayer(draft, Number(revision[1] ?? 1), text);
  else if (fence.info === 'packets') draft.packets.push(...fence.lines.filter((step) => step.text.trim() !== ''));
  else throw new Error(`${place}: a block is "yaml", "yaml revision 2" or "packets", not "${fence.info}"`);
}

function addLayer(draft: Draft, revision: number, text: string): void {
  const under = draft.topologies.get(revision) ?? (revision > 1 ? draft.topologies.get(1) : undefined) ?? [];
  draft.topologies.set(revision, [...under, text]);
}

function addTableLine(draft: Draft, content: string): void {
  const cells = content.trim().replace(/^\||\|$/g, '').split('|').map((cell) => cell.trim());
  if (cells.every((cell) => /^:?-{2,}:?$/.test(cell))) return;
  if (draft.columns.length === 0) draft.columns = cells;
  else draft.rows.push(cells);
}

function check(one: Draft, source: string): void {
  const place = `${source}:${one.line} (${one.title})`;
  if (!one.topologies.has(1)) throw new Error(`${place}: no yaml block, here or at the top`);
  if (one.packets.length === 0) throw new Error(`${place}: no packets`);
  if (one.columns.length === 0) throw new Error(`${place}: no table of expected rows`);
  const wrong = one.rows.find((row) => row.length !== one.columns.length);
  if (wrong) throw new Error(`${place}: the row | ${wrong.join(' | ')} | has ${wrong.length} cells, not ${one.columns.length}`);
}
