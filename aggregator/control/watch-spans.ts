import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { WeirError } from '../../shared/errors.ts';
import { replaceFile } from '../journal/durable.ts';
import type { WatchSpan } from './spans.ts';

type Watched = Omit<WatchSpan, 'fromMs' | 'untilMs'>;

/** As long as coverage: no agent keeps batches that are older. */
const SPANS_KEPT_MS = 31 * 24 * 3600 * 1000;

/**
 * Who was to seal which ENI, and when: what is missing is known by it.
 *
 * I1. A span that has begun is durable soon after: a crash in between begins it again at the next start.
 */
export class WatchSpans {
  private readonly path: string;
  private readonly onFailure: (error: Error) => void;
  private current: readonly WatchSpan[];
  private writing: Promise<void> = Promise.resolve();

  private constructor(path: string, spans: readonly WatchSpan[], onFailure: (error: Error) => void) {
    this.path = path;
    this.current = spans;
    this.onFailure = onFailure;
  }

  static open(directory: string, onFailure: (error: Error) => void): WatchSpans {
    const path = join(directory, 'watches.json');
    return new WatchSpans(path, existsSync(path) ? readSpans(path) : [], onFailure);
  }

  get list(): readonly WatchSpan[] {
    return this.current;
  }

  /** From now on these are watched, and nothing else. */
  follow(watched: readonly Watched[], nowMs: number): void {
    const wanted = new Map(watched.map((watch) => [watch.eniId, watch]));
    const going = new Set<string>();
    const spans = this.current.map((span) => {
      if (span.untilMs !== null) return span;
      const { fromMs: _from, untilMs: _until, ...watch } = span;
      if (!isDeepStrictEqual(watch, wanted.get(span.eniId))) return { ...span, untilMs: nowMs };
      going.add(span.eniId);
      return span;
    }).filter(({ untilMs }) => untilMs === null || untilMs > nowMs - SPANS_KEPT_MS);
    const begun = watched.filter(({ eniId }) => !going.has(eniId)).map((watch): WatchSpan => ({ ...watch, fromMs: nowMs, untilMs: null }));
    if (begun.length === 0 && spans.length === this.current.length && spans.every((span, i) => span === this.current[i])) return;
    this.current = [...spans, ...begun];
    this.write();
  }

  async close(): Promise<void> {
    await this.writing;
  }

  private write(): void {
    this.writing = this.writing.then(() => replaceFile(this.path, `${JSON.stringify(this.current)}\n`)).catch(this.onFailure);
  }
}

function readSpans(path: string): WatchSpan[] {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as WatchSpan[];
  } catch (cause) {
    throw new WeirError('CONFIGURATION', `${path} cannot be read: ${(cause as Error).message}; restore it, or delete it: then windows before now that nobody sealed are not known to be missing`, { cause });
  }
}
