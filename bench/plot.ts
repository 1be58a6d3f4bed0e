/**
 * Draws what `npm run bench` has printed: `npx tsx bench/plot.ts RESULTS OUT.svg`. A bar a program, its wall time; the
 * programs of a trace from the quickest to the slowest, Weir's in another colour.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const WIDTH = 760;
const NAMES_WIDTH = 232;
const FIGURE_WIDTH = 60;
const BAR = 16;
const STEP = 22;
const TITLE = 40;

interface Bar {
  readonly program: string;
  readonly seconds: number;
}

interface Panel {
  readonly trace: string;
  readonly bars: Bar[];
}

/** A trace's name stands in a line of its own, its programs in the rows of the table behind it: name, wall seconds, and more. */
function readResults(text: string): Panel[] {
  const panels: Panel[] = [];
  for (const line of text.split('\n')) {
    const trace = /^(.+), [\d.]+ million packets$/.exec(line)?.[1];
    if (trace !== undefined) panels.push({ trace, bars: [] });
    const [, program, seconds] = /^\| ([^|]+) \| ([\d.]+) \|/.exec(line) ?? [];
    if (program !== undefined) panels.at(-1)?.bars.push({ program, seconds: Number(seconds) });
  }
  return panels.map(({ trace, bars }) => ({ trace, bars: bars.sort((a, b) => a.seconds - b.seconds) }));
}

function escaped(text: string): string {
  return text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** Panels of one scale each, one below the other. */
function draw(panels: readonly Panel[]): string {
  const parts: string[] = [];
  let y = 0;
  for (const { trace, bars } of panels) {
    const longest = Math.max(...bars.map(({ seconds }) => seconds));
    parts.push(`<text x="0" y="${y + TITLE - 14}" class="title">${escaped(trace)}, 10 million packets: wall seconds</text>`);
    y += TITLE;
    for (const { program, seconds } of bars) {
      const width = (seconds / longest) * (WIDTH - NAMES_WIDTH - FIGURE_WIDTH);
      const kind = program.startsWith('weir') ? 'weir' : 'other';
      parts.push(`<text x="${NAMES_WIDTH - 8}" y="${y + BAR - 4}" class="name">${escaped(program)}</text>`);
      parts.push(`<rect x="${NAMES_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" class="${kind}"/>`);
      parts.push(`<text x="${(NAMES_WIDTH + width + 6).toFixed(1)}" y="${y + BAR - 4}">${seconds.toFixed(2)}</text>`);
      y += STEP;
    }
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img" aria-label="Wall seconds of each program by trace">`,
    '<style>',
    'text { font: 12px sans-serif; fill: #222 } .title { font-weight: bold } .name { text-anchor: end }',
    '.weir { fill: #0b7285 } .other { fill: #adb5bd }',
    '@media (prefers-color-scheme: dark) { text { fill: #ddd } .weir { fill: #3bc9db } .other { fill: #5c6370 } }',
    '</style>', ...parts, '</svg>', '',
  ].join('\n');
}

const [results, out] = process.argv.slice(2);
if (results === undefined || out === undefined) {
  process.stderr.write('usage: npx tsx bench/plot.ts RESULTS OUT.svg; RESULTS is what npm run bench has printed\n');
  process.exit(1);
}
const panels = readResults(readFileSync(results, 'utf8')).filter(({ bars }) => bars.length > 0);
if (panels.length === 0) {
  process.stderr.write(`${results} holds no table of npm run bench\n`);
  process.exit(1);
}
writeFileSync(out, draw(panels));
