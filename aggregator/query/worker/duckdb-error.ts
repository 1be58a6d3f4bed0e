import { RefusedStatement } from '../sql/statement-check.ts';
import type { WorkerFailure } from './worker-job.ts';

interface ErrorDocument { exception_type?: string; exception_message?: string; position?: string }

/** What DuckDB says, with `errors_as_json` on; older texts and our own errors pass through. */
export function failureOf(error: unknown): WorkerFailure {
  if (error instanceof RefusedStatement) return { ok: false, reason: 'query', message: error.message, byteOffset: error.byteOffset };
  const text = error instanceof Error ? error.message : String(error);
  const document = errorDocument(text);
  if (!document) return { ok: false, reason: 'internal', message: text, byteOffset: null };
  const type = document.exception_type ?? '';
  const message = (document.exception_message ?? text).trim();
  const position = Number(document.position);
  return {
    ok: false,
    reason: reasonOf(type),
    message: hinted(message),
    byteOffset: document.position !== undefined && Number.isSafeInteger(position) ? position : null,
  };
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

/** DuckDB's text, and the way out where people stumble. */
function hinted(message: string): string {
  if (/syntax error at or near "end"/i.test(message)) return `${message}: END is a reserved word, write "end" in quotes, or window_end`;
  return message.replace(/\bweir_keyed\b/g, 'log');
}
