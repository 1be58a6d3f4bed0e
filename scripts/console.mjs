/**
 * Builds the web console into dist/console: bundled, compressed beforehand, and held to the sizes that a first view and
 * the parts that come later may have. `npm run build:console`; does nothing where the build is newer than its sources, unless --force.
 */
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCE = join(ROOT, 'aggregator/console');
const BUILT = join(ROOT, 'dist/console');
/** Script of the first view, gzip: what a browser loads before the page can do anything. */
const FIRST_VIEW_BYTES = 100_000;
/** Script of what comes later, gzip: each part with what only it needs. Somewhat more than they have: who makes one larger says so here. */
const LATER_BYTES = { 'query-editor': 110_000, 'line-chart': 28_000, 'sankey-chart': 6000 };
const COMPRESSIBLE = /\.(?:js|css|html|svg)$/;

/** What is bundled: the console, what it takes from shared/, and the packages. */
const INPUTS = ['aggregator/console', 'shared', 'scripts/console.mjs', 'package-lock.json'];

function newest(path) {
  const info = statSync(path);
  return info.isDirectory() ? Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name)))) : info.mtimeMs;
}

function isFresh() {
  const page = join(BUILT, 'index.html');
  return existsSync(page) && Math.max(...INPUTS.map((name) => newest(join(ROOT, name)))) < statSync(page).mtimeMs;
}

/** Throws where the first view, or a part that comes later, is too large. */
export async function buildConsole({ force = false } = {}) {
  if (!force && isFresh()) return;
  const { build } = await import('vite');
  rmSync(BUILT, { recursive: true, force: true });
  const { output } = await build({
    configFile: false, root: SOURCE, base: '/', logLevel: 'warn', publicDir: false,
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: BUILT, emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false }, target: 'es2022', cssTarget: ['chrome123', 'firefox121', 'safari17.5'],
      reportCompressedSize: false,
    },
  });
  const sizes = new Map(output.filter(({ fileName }) => COMPRESSIBLE.test(fileName)).map(({ fileName }) => [fileName, compress(join(BUILT, fileName))]));
  report(output, sizes);
}

function compress(path) {
  const body = readFileSync(path);
  const gzip = gzipSync(body, { level: 9 });
  const brotli = brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: body.length } });
  writeFileSync(`${path}.gz`, gzip);
  writeFileSync(`${path}.br`, brotli);
  return { plain: body.length, gzip: gzip.length, brotli: brotli.length };
}

/** The entry with all that it imports is the first view, together with whichever page is shown; what a page loads by itself comes later. */
function report(output, sizes) {
  const chunks = new Map(output.filter(({ type }) => type === 'chunk').map((chunk) => [chunk.fileName, chunk]));
  const withImports = (name, seen = new Set()) => {
    if (!seen.has(name)) {
      seen.add(name);
      for (const imported of chunks.get(name)?.imports ?? []) withImports(imported, seen);
    }
    return seen;
  };
  const entry = [...chunks.values()].find(({ isEntry }) => isEntry);
  for (const [name, { plain, gzip, brotli }] of [...sizes].sort(([, a], [, b]) => b.gzip - a.gzip)) {
    console.error(`${kilobytes(plain)}  gzip ${kilobytes(gzip)}  br ${kilobytes(brotli)}  ${name}`);
  }
  const bytesOf = (names) => [...names].reduce((sum, name) => sum + sizes.get(name).gzip, 0);
  const views = entry.dynamicImports.map((page) => ({ part: chunks.get(page).name, bytes: bytesOf(withImports(page, withImports(entry.fileName))), limit: FIRST_VIEW_BYTES }));
  // what a page has is there before anything comes later
  const ofPages = withImports(entry.fileName);
  for (const page of entry.dynamicImports) withImports(page, ofPages);
  const later = [...chunks.values()].filter(({ fileName, isDynamicEntry }) => isDynamicEntry && !entry.dynamicImports.includes(fileName))
    .map(({ fileName, name }) => ({ part: name, bytes: bytesOf([...withImports(fileName)].filter((name) => !ofPages.has(name))), limit: LATER_BYTES[name] }));
  console.error(`script of a first view, gzip, at most ${FIRST_VIEW_BYTES / 1000} kB: ${views.map(({ part, bytes }) => `${part} ${(bytes / 1000).toFixed(1)}`).join(', ')}`);
  console.error(`script of what comes later: ${later.map(({ part, bytes, limit }) => `${part} ${(bytes / 1000).toFixed(1)} of ${limit === undefined ? 'no limit' : `at most ${limit / 1000}`}`).join(', ')}`);
  for (const { part, bytes, limit } of [...views, ...later]) {
    if (limit === undefined) throw new Error(`${part} comes later and has no limit: LATER_BYTES of scripts/console.mjs names one`);
    if (bytes > limit) throw new Error(`${part} has ${bytes} bytes of compressed script, more than ${limit}: load what is not needed at once by import(), or raise the limit with a reason`);
  }
}

function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(1).padStart(7)} kB`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  buildConsole({ force: process.argv.includes('--force') }).catch((error) => {
    console.error(`console: ${error.message}`);
    process.exit(1);
  });
}
