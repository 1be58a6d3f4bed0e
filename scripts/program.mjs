/**
 * Builds the program into dist: module by module, with the value of each constant in the place of its name.
 * `npm run build:program [-- FOLDER [SOURCE...]]`, also of further sources such as benchmarks; nobody checks the types here.
 *
 * The packet path is written in terms of constants that other modules export, offsets of fields and bits of flags. To V8
 * an import is a variable that it loads and checks each time, which the packet path does some hundred times a packet;
 * docs/decisions/060-hot-path.md has the figures.
 */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUILT = join(ROOT, 'dist');
/** What the console is made of has a build of its own. */
const CONSOLE = join('aggregator', 'console');
/** A constant may be made of others, and those of others still. */
const PASSES = 4;

/** By path below the root. */
function programSources() {
  const { include } = JSON.parse(readFileSync(join(ROOT, 'tsconfig.build.json'), 'utf8'));
  const beside = readdirSync(ROOT).filter((name) => name.endsWith('.ts'));
  const inside = include.filter((name) => statSync(join(ROOT, name)).isDirectory())
    .flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true }).map((name) => join(folder, name)));
  return [...beside, ...inside].filter((name) => name.endsWith('.ts') && !name.startsWith(CONSOLE));
}

export async function buildProgram(folder = BUILT, furtherSources = []) {
  const { rolldown } = await import('rolldown');
  const bundle = await rolldown({
    cwd: ROOT, input: [...programSources(), ...furtherSources], platform: 'node', external: /^[^./]/,
    optimization: { inlineConst: { mode: 'all', pass: PASSES } },
  });
  try {
    await bundle.write({ dir: folder, format: 'esm', preserveModules: true, preserveModulesRoot: ROOT, sourcemap: true });
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
