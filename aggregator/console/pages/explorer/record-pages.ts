import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { ApiProblem } from '../../api/client.ts';
import { KEY_FIELDS } from './record-key.ts';
import { ask, rangeOf, turn, type FlowRecord, type QueryRecords, type Question } from './question.ts';

const FIRST_PAGE = 200;
/** Large enough that few requests lead far down, small enough to be read between two frames. */
const PAGE = 3000;
/** A browser holds no taller element than some tens of millions of pixels, and nobody reads that far. */
export const MAX_RECORDS = 500_000;

/** The records of a search, newest window first; more of them as somebody scrolls on. */
export class RecordPages {
  readonly records: FlowRecord[] = [];
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

  /** The next page, unless it is on its way already. */
  async more(): Promise<void> {
    if (this.isLoading || this.isEnd || this.left.signal.aborted) return;
    this.isLoading = true;
    try {
      const { logStore, query } = this.question;
      const place = this.cursor === null ? { ...rangeOf(this.question) } : { cursor: this.cursor };
      const page = await ask<QueryRecords>(logStore, { query, fields: this.fields, order: 'newest', limit: this.first ? PAGE : FIRST_PAGE, ...place }, this.left.signal);
      for (const record of page.records) this.records.push(record);
      this.first ??= page;
      this.cursor = page.cursor;
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
