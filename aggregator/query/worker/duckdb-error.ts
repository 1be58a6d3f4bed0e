import { RefusedStatement } from '../sql/statement-check.ts';
import type { WorkerFailure } from './worker-job.ts';

interface ErrorDocument { exception_type?: string; exception_message?: string; name?: string }

/** What DuckDB says, with `errors_as_json` on; other texts pass through. */
export function failureOf(error: unknown, files: readonly string[]): WorkerFailure {
  if (error instanceof RefusedStatement) return { ok: false, reason: 'query', message: error.message, byteOffset: error.byteOffset };
  const text = error instanceof Error ? error.message : String(error);
  const document = errorDocument(text);
  const message = plainMessage(document?.exception_message ?? text);
  // Whatever names a file is about the store; and nobody who asks needs to know where it is.
  const internal = !document || files.some((file) => message.includes(file));
  return { ok: false, reason: internal ? 'internal' : reasonOf(document.exception_type ?? ''), message, byteOffset: null };
}

/** The column or function that a statement names and DuckDB does not know; null for every other error. */
export function unknownNameOf(error: unknown): string | null {
  return errorDocument(error instanceof Error ? error.message : String(error))?.name ?? null;
}

/** DuckDB's text, and the way out where people stumble; not the settings that it recommends, for they are not theirs. */
export function plainMessage(message: string): string {
  if (/max expression depth|memory exhausted at or near/i.test(message)) return 'the statement is nested too deeply';
  if (/near "end"/i.test(message)) return `${message}: END is a reserved word, write "end" in quotes, or window_end`;
  return message.trim().replace(/\bweir_(keyed|stored)\b/g, 'log');
}

function errorDocument(text: string): ErrorDocument | null {
  const start = text.indexOf('{"exception_type"');
  if (start < 0) return null;
  try {
    return JSON.parse(text.slice(start)) as ErrorDocument;
  } catch {
    return null;
  }
}

/** Faults that lie in the statement, as against in the store or in Weir. */
function reasonOf(type: string): WorkerFailure['reason'] {
  if (/out of memory/i.test(type)) return 'memory';
  return /^(IO|Internal|Fatal|Permission|Serialization|TransactionContext|INTERNAL|FATAL)/.test(type) ? 'internal' : 'query';
}
