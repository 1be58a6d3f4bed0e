import { WeirError } from '../../shared/errors.ts';
import { Problem } from '../api/problem.ts';
import { QueryError, queryErrorAt } from './query-error.ts';
import type { Query } from './language/parser.ts';
import { INTERNAL_DETAIL, QueryFailure, type QueryFailureReason } from './query-failure.ts';
import { StatementFailure } from './query-pool.ts';

const FAILURES: Readonly<Record<QueryFailureReason, readonly [status: number, title: string]>> = {
  busy: [503, 'Too many queries'],
  deadline: [504, 'The query took too long'],
  memory: [422, 'The query needs too much memory'],
  ended: [422, 'The query ended its worker'],
  cancelled: [499, 'The client left'],
  internal: [500, 'The query failed'],
};

/** The problem document of an error of the query side; null if it is another's. */
export function queryProblem(error: unknown): Problem | null {
  if (error instanceof QueryError) return problem('query', 400, 'The query is wrong', error.message, error.position ? { position: error.position } : {});
  if (error instanceof QueryFailure) {
    const [status, title] = FAILURES[error.reason];
    return problem(error.reason, status, title, error.message, {}, status === 503 ? { 'retry-after': '2' } : {});
  }
  if (error instanceof UnknownLogStore) return problem('unknown-logstore', 404, 'There is no such LogStore', error.message);
  if (error instanceof WeirError && error.code === 'USAGE') return problem('request', 400, 'The request is wrong', error.message);
  return null;
}

export class UnknownLogStore extends WeirError {
  constructor(message: string) {
    super('USAGE', message);
  }
}

/** The failure of a statement as an error that points into the whole query; where Weir wrote the statement, as our own. */
export function statementError(error: unknown, query: Query): unknown {
  if (!(error instanceof StatementFailure)) return error;
  const { message, byteOffset } = error.failure;
  if (!query.select) return new QueryFailure('internal', INTERNAL_DETAIL, { cause: message });
  if (byteOffset === null) return new QueryError(message);
  const before = Buffer.from(query.select.text).subarray(0, byteOffset).toString();
  return queryErrorAt(query.text, query.select.offset + before.length, message);
}

function problem(
  name: string, status: number, title: string, detail: string, members: Record<string, unknown> = {}, headers: Record<string, string> = {},
): Problem {
  return new Problem(status, detail, { type: `urn:weir:problem:${name}`, title, ...members }, headers);
}
