import type { DuckDBConnection } from '@duckdb/node-api';
import { sqlName } from '../../../shared/columns.ts';
import type { Field } from '../../../shared/fields.ts';
import type { PageStep } from '../page-steps.ts';
import { eniOf, fromKeyOn, fromKeyOnWithinEni, KEY_COLUMNS, orderBy, orderWithinWindow, type RecordKey } from '../record-order.ts';
import { storedColumnList } from '../result/record-columns.ts';
import { sqlString } from '../sql/literal.ts';
import { storedRows } from '../sql/log-view.ts';
import type { RecordPage } from './record-page.ts';
import type { RecordsQuestion, WorkerJob } from './worker-job.ts';

/** Rows of a window that take longer to be read and sorted as a whole than one more statement does. */
const LARGE_WINDOW_ROWS = 250_000;

/** Reads one step after the other, and no more of them than it takes to fill the page and to know whether there is another. */
export async function readPage(
  connection: DuckDBConnection, job: WorkerJob, question: RecordsQuestion, fields: readonly Field[], page: RecordPage,
): Promise<void> {
  const columns = [...storedColumnList(fields), ...KEY_COLUMNS.map(sqlName)].join(', ');
  let filesBefore = 0;
  for (const step of question.steps) {
    const files = job.files.slice(filesBefore, filesBefore += step.files);
    const isLarge = step.window !== null && step.rows >= LARGE_WINDOW_ROWS;
    for (const { predicate, isOneEni } of partsOf(step, isLarge, question)) {
      const condition = `(${job.predicate}) AND ${predicate}`;
      const bound = isLarge && !isOneEni ? await boundOfEnis(connection, storedRows(files, condition), page.wanted) : 'TRUE';
      if (bound === null) continue;
      const result = await connection.stream(`SELECT ${columns} FROM (${storedRows(files, `${condition} AND ${bound}`)})
        ORDER BY ${step.window ? orderWithinWindow() : orderBy(question.newestFirst)} LIMIT ${page.wanted}`);
      for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0 && !page.more; chunk = await result.fetchChunk()) page.take(chunk);
      if (page.more) return;
    }
  }
}

interface Part { readonly predicate: string; readonly isOneEni: boolean }

const ALL: Part = { predicate: 'TRUE', isOneEni: false };

/** All records of the step from the cursor on, those of one part before those of the next. */
function partsOf({ window }: PageStep, isLarge: boolean, { after, newestFirst }: RecordsQuestion): Part[] {
  if (after === null) return [ALL];
  const { key } = after;
  const fromKey: Part = { predicate: fromKeyOn(key, newestFirst), isOneEni: false };
  const place = window && placeOfWindow(window, key, newestFirst);
  if (place === null) return [fromKey];
  if (place !== 0) return place < 0 ? [] : [ALL];
  const eni = eniOf(key);
  if (!isLarge || eni === null) return [fromKey];
  return [
    { predicate: `(eni_id = ${sqlString(eni)} AND ${fromKeyOnWithinEni(key)})`, isOneEni: true },
    { predicate: `eni_id > ${sqlString(eni)}`, isOneEni: false },
  ];
}

/** Below 0: the window's records come before the key's window, above: behind it; null: nobody can say. */
function placeOfWindow({ start, end }: { start: number; end: number }, [keyStart, keyEnd]: RecordKey, newestFirst: boolean): number | null {
  if (typeof keyStart !== 'number' || typeof keyEnd !== 'number') return null;
  return (newestFirst ? keyStart - start : start - keyStart) || end - keyEnd;
}

/**
 * The first ENIs that have as many records as are wanted; null where there are no records. Counting takes their column and
 * those of the search. Files have their rows by ENI: most of what belongs to others is not decoded then, let alone sorted.
 */
async function boundOfEnis(connection: DuckDBConnection, from: string, wanted: number): Promise<string | null> {
  const counted = await connection.runAndReadAll(`SELECT eni_id, count(*) FROM (${from}) GROUP BY eni_id ORDER BY eni_id NULLS FIRST`);
  let records = 0;
  for (const [eni, count] of counted.getRows() as [string | null, bigint][]) {
    records += Number(count);
    if (records < wanted) continue;
    if (eni === null) return 'eni_id IS NULL';
    // DuckDB takes SQL up to the first NUL
    return eni.includes('\0') ? 'TRUE' : `(eni_id IS NULL OR eni_id <= ${sqlString(eni)})`;
  }
  return records === 0 ? null : 'TRUE';
}
