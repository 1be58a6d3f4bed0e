import type { FlowRecord } from './question.ts';

/** Records in their order, for who draws those in sight. An array of them is one. */
export interface RecordRows {
  readonly length: number;
  at(index: number): FlowRecord | undefined;
  slice(from: number, to: number): readonly FlowRecord[];
}

/** Records that came as lines of JSON. A line is parsed when it is looked at: of a hundred thousand that is a few. */
export class RecordList implements RecordRows {
  private readonly rows: (FlowRecord | string)[] = [];

  get length(): number {
    return this.rows.length;
  }

  append(rows: readonly (FlowRecord | string)[]): void {
    for (const row of rows) this.rows.push(row);
  }

  /** The same object each time, so that what is drawn of it may stay. */
  at(index: number): FlowRecord | undefined {
    const row = this.rows[index];
    return typeof row === 'string' ? (this.rows[index] = JSON.parse(row) as FlowRecord) : row;
  }

  slice(from: number, to: number): readonly FlowRecord[] {
    return Array.from({ length: Math.max(0, Math.min(to, this.length) - from) }, (_, at) => this.at(from + at)!);
  }
}
