import { numberColumn, safeInteger, symbolColumn, words, type ColumnBatch } from '../../shared/wire/column-batch.ts';
import type { WindowContents } from '../journal/batch-frame.ts';

/** How many rows of which ENI lie in which window. */
export function batchContents(batches: readonly ColumnBatch[]): WindowContents[] {
  const windows = new Map<string, { start: number; seconds: number; enis: Map<string, number> }>();
  for (const batch of batches) {
    const start = words(numberColumn(batch, 'start'));
    const end = words(numberColumn(batch, 'end'));
    const { index, dictionary } = symbolColumn(batch, 'eni_id');
    for (let from = 0; from < batch.rows;) {
      const to = endOfRun(start, end, from, batch.rows);
      const counts = new Float64Array(dictionary.length);
      for (let row = from; row < to; row++) counts[index[row]!]!++;
      const windowStart = safeInteger(start, from);
      const seconds = safeInteger(end, from) - windowStart;
      const key = `${windowStart} ${seconds}`;
      let window = windows.get(key);
      if (!window) windows.set(key, (window = { start: windowStart, seconds, enis: new Map() }));
      for (let i = 0; i < counts.length; i++) {
        if (counts[i]! > 0) window.enis.set(dictionary[i]!, (window.enis.get(dictionary[i]!) ?? 0) + counts[i]!);
      }
      from = to;
    }
  }
  return [...windows.values()].map(({ start, seconds, enis }) => ({ start, seconds, enis: [...enis] }));
}

/** The first row after `from` that lies in another window. */
function endOfRun(start: Int32Array, end: Int32Array, from: number, rows: number): number {
  let row = from + 1;
  while (
    row < rows && start[2 * row] === start[2 * from] && start[2 * row + 1] === start[2 * from + 1] &&
    end[2 * row] === end[2 * from] && end[2 * row + 1] === end[2 * from + 1]
  ) row++;
  return row;
}
