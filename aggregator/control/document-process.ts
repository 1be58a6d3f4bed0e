import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { WeirError } from '../../shared/errors.ts';
import { ConfigurationError, type Problem } from '../../shared/topology/document.ts';
import { parseTopology } from '../../shared/topology/parse.ts';
import type { Topology } from '../../shared/topology/topology.ts';
import { topologyDelta, withDelta, type TopologyDelta } from './topology-delta.ts';

/** An inventory document, and what it is applied to. */
export interface DocumentJob {
  readonly text: string;
  readonly source: string;
  readonly prune: boolean;
  /** Of the control state, which the process reads by itself. */
  readonly statePath: string;
}

export type DocumentAnswer =
  | { readonly delta: TopologyDelta }
  | { readonly source: string; readonly problems: readonly Problem[] }
  | { readonly failure: string };

/** In the source tree modules are .ts, in a build .js. */
const PROGRAM = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './document-program.ts' : './document-program.js', import.meta.url));
/** Takes some tens of milliseconds. */
const MAX_BYTES_HERE = 64 * 1024;

/**
 * The topology that a document makes of `base`, which is that of the state in `statePath`. Reading a large document
 * takes seconds and much memory, so that is done by a process of its own.
 */
export async function topologyWithDocument(base: Topology, job: DocumentJob): Promise<Topology> {
  const { text, source, prune } = job;
  if (text.length <= MAX_BYTES_HERE) return withDelta(base, topologyDelta(base, parseTopology(text, source, { base, prune })));
  const answer = await readElsewhere(job);
  if ('problems' in answer) throw new ConfigurationError(answer.source, answer.problems);
  if ('failure' in answer) throw new WeirError('STORAGE', `the document ${source} could not be read: ${answer.failure}`);
  return withDelta(base, answer.delta);
}

async function readElsewhere(job: DocumentJob): Promise<DocumentAnswer> {
  const child = fork(PROGRAM, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: {} });
  const ended = once(child, 'exit').then(([code, signal]): DocumentAnswer => ({ failure: `its process ended with ${signal ?? `exit code ${code}`}` }));
  const answered = once(child, 'message').then(([answer]) => answer as DocumentAnswer);
  const failed = once(child, 'error').then(([error]): DocumentAnswer => ({ failure: (error as Error).message }));
  for (const one of [ended, answered, failed]) one.catch(() => {});
  child.send(job, (error) => error && child.kill('SIGKILL'));
  try {
    return await Promise.race([answered, ended, failed]);
  } finally {
    child.kill('SIGKILL');
  }
}
