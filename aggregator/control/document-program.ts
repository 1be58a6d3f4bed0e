/** The process that reads one large inventory document. It may be killed at any time. */
import { ConfigurationError } from '../../shared/topology/document.ts';
import { parseTopology } from '../../shared/topology/parse.ts';
import type { DocumentAnswer, DocumentJob } from './document-process.ts';
import { readState } from './state-file.ts';
import { topologyDelta } from './topology-delta.ts';

process.on('message', (job: DocumentJob) => process.send!(answer(job)));
process.on('disconnect', () => process.exit(0));
// the parent may have gone while this process was still being loaded
if (!process.connected) process.exit(0);

function answer({ text, source, prune, statePath }: DocumentJob): DocumentAnswer {
  try {
    const base = readState(statePath).topology;
    return { delta: topologyDelta(base, parseTopology(text, source, { base, prune })) };
  } catch (error) {
    if (error instanceof ConfigurationError) return { source, problems: error.problems };
    return { failure: (error as Error).message };
  }
}
