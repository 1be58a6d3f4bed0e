import { join } from 'node:path';
import { MirrorFile, readMirror } from './mirror-file.ts';
import type { WatchSpan } from './spans.ts';

export type Watched = Omit<WatchSpan, 'fromMs' | 'untilMs'>;

/** As long as coverage: no agent keeps batches that are older. */
const SPANS_KEPT_MS = 31 * 24 * 3600 * 1000;
/** Of those that ended, the newest. */
const MAX_ENDED_SPANS = 100_000;

/**
 * Who was to seal which ENI, and when: what is missing is known by it.
 *
 * I1. A span that has begun is durable soon after: a crash in between begins it again at the next start.
 */
export class WatchSpans {
  private readonly file: MirrorFile;
  private current: readonly WatchSpan[];

  private constructor(path: string, spans: readonly WatchSpan[], onFailure: (error: Error) => void) {
    this.current = spans;
    this.file = new MirrorFile(path, () => `[\n${this.current.map((span) => JSON.stringify(span)).join(',\n')}\n]\n`, onFailure);
  }

  static open(directory: string, onFailure: (error: Error) => void): WatchSpans {
    const path = join(directory, 'watches.json');
    return new WatchSpans(path, readMirror<WatchSpan>(path, onFailure), onFailure);
  }

  /** Those that ended first, by their ends. */
  get list(): readonly WatchSpan[] {
    return this.current;
  }

  /** From now on these are watched, and nothing else. */
  follow(watched: readonly Watched[], nowMs: number): void {
    const wanted = new Map(watched.map((watch) => [watch.eniId, watch]));
    const ended: WatchSpan[] = [];
    const going: WatchSpan[] = [];
    let isNews = false;
    for (const span of this.current) {
      const watch = wanted.get(span.eniId);
      if (span.untilMs !== null) ended.push(span);
      else if (watch && isSame(span, watch)) {
        going.push(span);
        wanted.delete(span.eniId);
      } else {
        isNews = true;
        if (span.fromMs < nowMs) ended.push({ ...span, untilMs: nowMs });
      }
    }
    const kept = ended.slice(-MAX_ENDED_SPANS).filter(({ untilMs }) => untilMs! > nowMs - SPANS_KEPT_MS);
    if (!isNews && wanted.size === 0 && kept.length === ended.length) return;
    this.current = [...kept, ...going, ...Array.from(wanted.values(), (watch): WatchSpan => ({ ...watch, fromMs: nowMs, untilMs: null }))];
    this.file.writeWithin(0);
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

function isSame(a: Watched, b: Watched): boolean {
  const { vswitchId, vmId, vpcId, accountId, region } = a.attributes;
  const other = b.attributes;
  return a.agentId === b.agentId && a.windowSeconds === b.windowSeconds && vswitchId === other.vswitchId && vmId === other.vmId &&
    vpcId === other.vpcId && accountId === other.accountId && region === other.region;
}
