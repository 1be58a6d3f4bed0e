import { Worker, type WorkerOptions } from 'node:worker_threads';

/** In the source tree modules are .ts, which Node 20 reads in a thread only after the thread has registered tsx itself. */
const IS_SOURCE_TREE = import.meta.url.endsWith('.ts');

/** A thread that runs the module at `source`, a URL as it is in the source tree. */
export function programThread(source: URL, options: WorkerOptions): Worker {
  if (!IS_SOURCE_TREE) return new Worker(new URL(source.href.replace(/\.ts$/, '.js')), options);
  const program = `import('tsx/esm/api').then(({ register }) => { register(); return import('${source.href}'); })`;
  return new Worker(program, { ...options, eval: true });
}
