import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** The collector and the programs that it starts, which look for each other in one folder. */
const PROGRAMS = {
  'collector-process': 'test/aggregator/faults/collector-process.ts',
  'publish-worker': 'aggregator/publish/publish-worker.ts',
  'worker-main': 'aggregator/query/worker/worker-main.ts',
  'document-program': 'aggregator/control/document-program.ts',
};

/**
 * collector-process.ts as JavaScript, for tests that start it many times: a start from the sources takes three times as
 * much of the processor, nearly all of it to read TypeScript. The path of the program.
 */
export async function buildCollector(t: { teardown(work: () => void): void }): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  await build({
    configFile: false, root: ROOT, logLevel: 'warn', publicDir: false, ssr: { noExternal: true },
    build: {
      ssr: true, outDir: folder, emptyOutDir: false, target: 'node20', minify: false,
      rolldownOptions: {
        input: Object.fromEntries(Object.entries(PROGRAMS).map(([name, path]) => [name, join(ROOT, path)])),
        external: /^@duckdb\//,
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return join(folder, 'collector-process.js');
}
