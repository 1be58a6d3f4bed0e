/** When to ask a collector again that did not answer as it should, and how to tell a person why. */

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
/** Answers that a later try can change: too early, too many, and whatever the server's side broke. */
const RETRIED_STATUS: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

export function isRetriedStatus(status: number): boolean {
  return RETRIED_STATUS.has(status);
}

/** Full jitter: anywhere between the first wait and the one that doubles with each attempt, but never before Retry-After. */
export function waitBefore(attempt: number, afterMs: number): number {
  const ceilingMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
  return Math.max(afterMs, FIRST_WAIT_MS + Math.random() * (ceilingMs - FIRST_WAIT_MS));
}

/** RFC 9110 section 10.2.3: seconds, or a date. */
export function retryAfterMs(header: string | string[] | undefined): number {
  const text = Array.isArray(header) ? header[0] : header;
  if (text === undefined) return 0;
  const seconds = Number(text);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 10 * LONGEST_WAIT_MS) : 0;
}

export function connectionReason(error: unknown): string {
  const cause = error as NodeJS.ErrnoException;
  return cause.code ? `${cause.code}${cause.message ? ` (${cause.message})` : ''}` : String(error);
}

/** What a problem document (RFC 9457) says, or the beginning of a text that is none. */
export function problemDetail(text: string): string {
  try {
    const problem = JSON.parse(text) as { detail?: string; title?: string };
    return problem.detail ?? problem.title ?? text.slice(0, 200);
  } catch {
    return text.slice(0, 200);
  }
}
