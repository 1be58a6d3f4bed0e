import type { BatchNumber } from '../journal/batch-frame.ts';
import type { Journal } from '../journal/journal.ts';
import type { AgentPositions } from './agent-positions.ts';

/** So many are asked for at once; the others when these have come. */
const MAX_WANTED = 64;

/** What has become of an agent's batches. */
export interface BatchProgress {
  /** Up to which number of each epoch all are published: nobody will ask for these again. */
  readonly epochs: readonly { readonly epoch: number; readonly publishedThrough: number }[];
  /** Damaged here: to be sent again, under their numbers, by an agent that still has them. */
  readonly wanted: readonly Pick<BatchNumber, 'epoch' | 'sequence'>[];
}

export interface ProgressParts {
  readonly positions: AgentPositions;
  readonly journal: Journal;
  /** Damaged, and waited for. */
  readonly wanted: () => readonly BatchNumber[];
}

export function progressOf(agentId: string, { positions, journal, wanted }: ProgressParts): BatchProgress {
  const epochs = [...positions.of(agentId)].map(([epoch, last]) => {
    const unpublished = journal.unpublished.first(agentId, epoch);
    return { epoch, publishedThrough: unpublished === null ? last : unpublished - 1 };
  });
  // what was left out as if it had not come is next in its epoch, as long as nobody has sent it
  const struck = journal.struck.filter(({ agent, epoch, sequence }) => agent === agentId && positions.last(agent, epoch) === sequence - 1);
  const damaged = wanted().filter(({ agent }) => agent === agentId);
  return { epochs, wanted: [...struck, ...damaged].slice(0, MAX_WANTED).map(({ epoch, sequence }) => ({ epoch, sequence })) };
}
