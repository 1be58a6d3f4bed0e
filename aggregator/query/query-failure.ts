import { WeirError } from '../../shared/errors.ts';

/**
 * - `busy`: the queue is full; `deadline`: it took too long; `memory`: it needed too much
 * - `ended`: the worker process died under it; `cancelled`: the client left; `internal`: the store or Weir is at fault
 */
export type QueryFailureReason = 'busy' | 'deadline' | 'memory' | 'ended' | 'cancelled' | 'internal';

/** What somebody who asks may know of a failure that is ours. */
export const INTERNAL_DETAIL = 'the query failed for a reason that does not lie in it; the collector\'s log has the details';

/** A query that was understood, and not answered. */
export class QueryFailure extends WeirError {
  readonly reason: QueryFailureReason;

  constructor(reason: QueryFailureReason, message: string, options?: { cause?: unknown }) {
    super('QUERY', message, options);
    this.name = 'QueryFailure';
    this.reason = reason;
  }
}

export function clientLeft(): QueryFailure {
  return new QueryFailure('cancelled', 'the client left before the query was answered');
}
