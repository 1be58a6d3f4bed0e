/**
 * Compiles the packet path's kernel, AssemblyScript in agent/kernel/source, and writes it as the module agent/kernel/code.ts:
 * `npm run build:kernel`. The module is kept with the sources, so that nobody needs the compiler who does not change the
 * kernel; a test compares the two.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ENTRY = 'agent/kernel/source/index.ts';
export const MODULE = join(ROOT, 'agent/kernel/code.ts');
const OUTPUT = 'kernel.wasm';
/** Pages of 64 KB: as much as 32 bits address. */
const MAX_PAGES = 65_536;
const LINE = 120;

/** The text of the module. Throws with what the compiler says. */
export async function compileKernel() {
  const { default: asc } = await import('assemblyscript/asc');
  let code = null;
  const options = [
    ENTRY, '--outFile', OUTPUT, '--runtime', 'stub', '-O3', '--noAssert', '--enable', 'simd', '--enable', 'threads',
    '--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', String(MAX_PAGES),
  ];
  const { error, stderr } = await asc.main(options, {
    // the compiler adds the ending to names of modules, which our sources have already
    readFile: (name) => readOrNull(join(ROOT, name.replace(/(\.ts)+$/, '.ts'))),
    writeFile: (name, content) => {
      if (name === OUTPUT) code = content;
    },
    listFiles: () => [],
  });
  if (error || code === null) throw new Error(`the kernel does not compile:\n${stderr.toString()}`, { cause: error });
  const lines = Buffer.from(code).toString('base64').match(new RegExp(`.{1,${LINE}}`, 'g'));
  return [
    '/** Made by scripts/kernel.mjs from agent/kernel/source: WebAssembly, in base64. */',
    'export const KERNEL_CODE = [', ...lines.map((line) => `  '${line}',`), "].join('');", '',
  ].join('\n');
}

function readOrNull(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  compileKernel().then((text) => writeFileSync(MODULE, text), (error) => {
    console.error(error.message);
    process.exit(1);
  });
}
