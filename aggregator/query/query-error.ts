import { WeirError } from '../../shared/errors.ts';

/** Where in the query text something is wrong. */
export interface QueryPosition {
  /** UTF-16 units from the start of the text. */
  readonly offset: number;
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

/** The query text is wrong: the message names the bad part and what was expected. */
export class QueryError extends WeirError {
  readonly position: QueryPosition | null;

  constructor(message: string, position: QueryPosition | null = null) {
    super('QUERY', message);
    this.name = 'QueryError';
    this.position = position;
  }
}

export function positionAt(text: string, offset: number): QueryPosition {
  const at = Math.max(0, Math.min(offset, text.length));
  let line = 1;
  let lineStart = 0;
  for (let index = text.indexOf('\n'); index >= 0 && index < at; index = text.indexOf('\n', index + 1)) {
    line++;
    lineStart = index + 1;
  }
  return { offset: at, line, column: at - lineStart + 1 };
}

/** An error that points at `offset` of `text` and says so in its message. */
export function queryErrorAt(text: string, offset: number, message: string): QueryError {
  const position = positionAt(text, offset);
  return new QueryError(`${message} (line ${position.line}, column ${position.column})`, position);
}
