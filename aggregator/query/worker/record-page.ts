import type { DuckDBDataChunk, DuckDBValue } from '@duckdb/node-api';
import type { Field } from '../../../shared/fields.ts';
import { KEY_COLUMNS, type RecordKey } from '../record-order.ts';
import { fieldValues, storedColumnList } from '../result/record-columns.ts';
import type { ResultValue } from '../result/result-format.ts';
import type { RecordsQuestion } from './worker-job.ts';

/** Takes records in their order until the page is full, and remembers where the next one begins. */
export class RecordPage {
  rows = 0;
  /** There is a record behind the page. */
  more = false;
  /** Of the last record, and how many with that very key are on this page and those before. */
  lastKey: RecordKey | null;
  lastKeyRows = 0;
  private readonly question: RecordsQuestion;
  private readonly fields: readonly Field[];
  private readonly write: (values: readonly ResultValue[], row: number) => void;
  private readonly given: number;

  constructor(question: RecordsQuestion, fields: readonly Field[], write: (values: readonly ResultValue[], row: number) => void) {
    this.question = question;
    this.fields = fields;
    this.write = write;
    this.lastKey = question.after?.key ?? null;
    this.given = question.after?.given ?? 0;
  }

  /** How many records it takes at most to fill the page and to know whether there is another. */
  get wanted(): number {
    return this.question.limit + 1 - this.rows + this.given;
  }

  /** Columns of the fields, then those of the key. */
  take(chunk: DuckDBDataChunk): void {
    const values = fieldValues(chunk, this.fields);
    const keys = keyValues(chunk, storedColumnList(this.fields).length);
    for (let row = 0; row < chunk.rowCount && !this.more; row++) {
      const key = keys(row);
      const isSame = sameKey(key, this.lastKey);
      if (isSame && this.rows === 0 && this.lastKeyRows < this.given) {
        this.lastKeyRows++; // on an earlier page
        continue;
      }
      if (this.rows === this.question.limit) {
        this.more = true;
        break;
      }
      this.write(values.map((column) => column[row]!), this.rows++);
      this.lastKeyRows = isSame ? this.lastKeyRows + 1 : 1;
      this.lastKey = key;
    }
  }
}

function keyValues(chunk: DuckDBDataChunk, firstColumn: number): (row: number) => RecordKey {
  const columns = KEY_COLUMNS.map((_, index) => chunk.getColumnValues(firstColumn + index));
  return (row) => columns.map((values, index) => keyValue(values[row]!, KEY_COLUMNS[index]!.half !== null));
}

function keyValue(value: DuckDBValue, isHalf: boolean): string | number | null {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  return isHalf ? String(value) : Number(value as bigint);
}

function sameKey(a: RecordKey, b: RecordKey | null): boolean {
  return b !== null && a.every((value, index) => value === b[index]);
}
