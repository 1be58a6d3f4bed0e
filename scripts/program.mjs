/**
 * Builds the program into dist, with the value of each constant in the place of its name, in few files.
 * `npm run build:program [-- FOLDER [SOURCE...]]`, also of further programs such as benchmarks; nobody checks the types here.
 *
 * The packet path is written in terms of constants that other modules export, offsets of fields and bits of flags. To V8
 * an import is a variable that it loads and checks each time, which the packet path does some hundred times a packet;
 * docs/decisions/060-hot-path.md has the figures. And a module takes Node half a millisecond to find and to load:
 * docs/decisions/063-replay-time.md.
 */
import { rmSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUILT = join(ROOT, 'dist');
const SHARED = 'parts';
/** What is started, or imported by who starts the collector in a process of its own; all else is part of these. */
const PROGRAMS = [
  'weir.ts', 'aggregator/main.ts', 'log.ts',
  'agent/parallel/table-worker.ts', 'agent/daemon/capture-worker.ts', 'agent/capture/live/cap-process.ts',
  'aggregator/publish/publish-worker.ts', 'aggregator/query/worker/worker-main.ts', 'aggregator/control/document-program.ts',
];
/** A constant may be made of others, and those of others still. */
const PASSES = 4;
/** Packages that become part of the program, with what they are made of: to load one by one what yargs is made of takes 60 ms. */
const INSIDE = /^(yargs|yaml)(\/|$)/;
/**
 * What goes into a file together, of what several programs have in common: each file that is loaded costs half a
 * millisecond. None of these brings along what one of its readers does without, such as the YAML library.
 */
const GROUPS = [
  { name: 'start', test: /\/agent\/(program-thread|parallel\/(table-worker-start|helpful-workers))\.ts$/ },
  { name: 'shared', test: /\/shared\/[^/]+\.ts$/, minShareCount: 4 },
  { name: 'topology', test: /\/shared\/topology\/(?!yaml|parse)/ },
  { name: 'packets', test: /\/agent\/((capture|decode|kernel|parallel|seal|table)\/)?[^/]+\.ts$|\/shared\/verdict\//, minShareCount: 2 },
];
const PACKAGES = `${sep}node_modules${sep}`;
const OWN_URL = /\bimport\.meta\.url\b/g;
const URL_OF = /__url_of__\("([^"]+)"\)/g;

/** To a module, its place is what it would be if each had a file of its own: programs and files beside it are found from there. */
const placesOfModules = {
  name: 'places of modules',
  transform: {
    filter: { code: 'import.meta.url' },
    handler: (code, id) => ({ code: code.replace(OWN_URL, `__url_of__("${placeOf(id)}")`), map: null }),
  },
  renderChunk: {
    filter: { code: '__url_of__' },
    handler: (code, { fileName }) => ({
      code: code.replace(URL_OF, (_, place) => `new URL("${relative(dirname(fileName), place)}", import.meta.url).href`), map: null,
    }),
  },
};

/**
 * What yargs measures text with, which only the help needs: the tables of Unicode behind these take 20 ms, the pattern's
 * even where it is only read.
 */
const LATE = [
  ['new Intl.Segmenter()', '{ segment: (text) => new Intl.Segmenter().segment(text) }'],
  [String.raw`/^\p{RGI_Emoji}$/v`, String.raw`{ test: (text) => new RegExp('^\\p{RGI_Emoji}$', 'v').test(text) }`],
];
const lateUnicode = {
  name: 'late Unicode',
  transform: {
    filter: { id: /\/string-width\/index\.js$/ },
    handler: (code) => ({ code: LATE.reduce((changed, [now, late]) => changed.replace(now, () => late), code), map: null }),
  },
};

/** From the built program, beside which packages lie. */
function placeOf(module) {
  const at = module.lastIndexOf(PACKAGES);
  return at < 0 ? relative(ROOT, module).replace(/\.ts$/, '.js') : join('..', module.slice(at));
}

function isPackage(name, importer) {
  return /^[^./]/.test(name) && !INSIDE.test(name) && !importer?.includes(PACKAGES);
}

export async function buildProgram(folder = BUILT, furtherPrograms = []) {
  const { rolldown } = await import('rolldown');
  const programs = [...PROGRAMS, ...furtherPrograms];
  const bundle = await rolldown({
    cwd: ROOT, input: Object.fromEntries(programs.map((path) => [path.replace(/\.[^.]+$/, ''), path])), platform: 'node',
    external: isPackage, preserveEntrySignatures: 'allow-extension',
    optimization: { inlineConst: { mode: 'all', pass: PASSES } }, plugins: [placesOfModules, lateUnicode],
  });
  try {
    rmSync(join(folder, SHARED), { recursive: true, force: true });
    await bundle.write({
      dir: folder, format: 'esm', entryFileNames: '[name].js', chunkFileNames: `${SHARED}/[name].js`, sourcemap: true,
      codeSplitting: { includeDependenciesRecursively: false, groups: GROUPS },
    });
  } finally {
    await bundle.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  buildProgram(process.argv[2], process.argv.slice(3)).catch((error) => {
    console.error(`program: ${error.message}`);
    process.exit(1);
  });
}
