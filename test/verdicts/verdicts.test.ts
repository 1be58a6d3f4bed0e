import { readFileSync, readdirSync } from 'node:fs';
import test from 'ava';
import { parseCaseFile } from './case-file.ts';
import { runCase } from './run-case.ts';

/** Each case of each Markdown file beside this one is a test; a new file or case needs nothing else. */
const FOLDER = new URL('.', import.meta.url);
const LEAST_CASES = 80;
const titles = new Set<string>();

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.md') && name !== 'README.md').sort()) {
  for (const one of parseCaseFile(readFileSync(new URL(file, FOLDER), 'utf8'), file)) {
    titles.add(`${file}: ${one.title}`);
    test(`${file}: ${one.title}`, (t) => {
      t.deepEqual(asTable(one.columns, runCase(one, file)), asTable(one.columns, one.rows));
    });
  }
}

test('there are as many cases as the semantics ask for', (t) => {
  t.true(titles.size >= LEAST_CASES, `${titles.size} cases`);
});

/** Aligned, so that a difference reads like the file. */
function asTable(columns: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [columns, ...rows];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)));
  return lines.map((line) => `| ${line.map((cell, at) => cell.padEnd(widths[at]!)).join(' | ')} |`);
}
