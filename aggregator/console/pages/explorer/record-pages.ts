import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { ApiProblem } from '../../api/client.ts';
import { linesOf } from '../../api/lines.ts';
import { KEY_FIELDS } from './record-key.ts';
import { RecordList } from './record-list.ts';
import { ask, askFor, rangeOf, turn, type QueryRecords, type Question } from './question.ts';

const FIRST_PAGE = 200;
/** Who scrolls on will scroll further: each page is as large as all before it, so that a few lead far down. */
const LEAST_PAGE = 1000;
const LARGEST_PAGE = 20_000;
/** More are fetched where fewer rows than this part of all are left below those in sight; a page takes no longer than scrolling through it. */
const AHEAD_PART = 0.5;
const MOST_AHEAD = 5000;
/** A browser holds no taller element than some tens of millions of pixels, and nobody reads that far. */
export const MAX_RECORDS = 500_000;

/** The records of a search, newest window first; more of them as somebody scrolls on. */
export class RecordPages {
  readonly records = new RecordList();
  /** Goes up with what is here. */
  readonly version = signal(0);
  first: QueryRecords | null = null;
  problem: ApiProblem | null = null;
  private cursor: string | null = null;
  private isLoading = false;
  private readonly question: Question;
  private readonly fields: string;
  private readonly left = new AbortController();

  constructor(question: Question, fields: readonly string[]) {
    this.question = question;
    this.fields = [...new Set([...fields, ...KEY_FIELDS])].join(',');
  }

  get isEnd(): boolean {
    return this.first !== null && (this.cursor === null || this.records.length >= MAX_RECORDS);
  }

  /** Whether it is time for more, where the records down to this one are in sight. What could not be had is asked for by hand. */
  isNear(last: number): boolean {
    const { length } = this.records;
    return !this.isEnd && this.problem === null && last + Math.min(MOST_AHEAD, length * AHEAD_PART) > length;
  }

  /** The next page, unless it is on its way already. */
  async more(): Promise<void> {
    if (this.isLoading || this.isEnd || this.left.signal.aborted) return;
    this.isLoading = true;
    try {
      if (this.first) await this.nextPage();
      else await this.firstPage();
      this.problem = null;
    } catch (error) {
      if (this.left.signal.aborted) return;
      if (!(error instanceof ApiProblem)) throw error;
      this.problem = error;
    } finally {
      this.isLoading = false;
    }
    this.version.value++;
  }

  private async firstPage(): Promise<void> {
    const { logStore, query } = this.question;
    const page = await ask<QueryRecords>(logStore, { query, fields: this.fields, order: 'newest', limit: FIRST_PAGE, ...rangeOf(this.question) }, this.left.signal);
    this.records.append(page.records);
    this.first = page;
    this.cursor = page.cursor;
  }

  private async nextPage(): Promise<void> {
    const { logStore, query } = this.question;
    const limit = Math.max(LEAST_PAGE, Math.min(LARGEST_PAGE, this.records.length, MAX_RECORDS - this.records.length));
    const response = await askFor(logStore, { query, fields: this.fields, order: 'newest', limit, cursor: this.cursor, format: 'ndjson' }, this.left.signal);
    this.records.append(await linesOf(response, this.left.signal));
    this.cursor = response.headers.get('weir-cursor');
  }

  leave(): void {
    this.left.abort();
  }
}

export interface PagesState {
  /** What is shown: those of the question before, until the first answer is here. */
  readonly pages: RecordPages | null;
  readonly isLoading: boolean;
  readonly problem: ApiProblem | null;
}

export function useRecordPages(isOn: boolean, question: Question, fields: readonly string[]): PagesState {
  const [state, setState] = useState<PagesState>({ pages: null, isLoading: isOn, problem: null });
  const { logStore, query, from, to } = question;
  useEffect(() => {
    if (!isOn) {
      setState({ pages: null, isLoading: false, problem: null });
      return undefined;
    }
    const pages = new RecordPages(question, fields);
    let isGone = false;
    setState((before) => ({ ...before, isLoading: true }));
    void pages.more().then(() => { if (!isGone) setState((before) => (pages.problem ? { ...before, isLoading: false, problem: pages.problem } : { pages, isLoading: false, problem: null })); });
    return () => {
      isGone = true;
      pages.leave();
    };
  }, [isOn, logStore, query, from, to, fields.join(','), turn.value]);
  return state;
}
