import { clean, printTable } from './query-table.ts';
import type { ResultValue } from '../query/result/result-format.ts';
import { OutputStream } from './output-stream.ts';

let output: OutputStream | null = null;

/** Writes to standard output. False when nobody reads any more. */
export function print(text: string | Uint8Array): Promise<boolean> {
  return (output ??= new OutputStream(process.stdout)).write(text);
}

export function printJson(value: unknown): Promise<boolean> {
  return print(`${JSON.stringify(value)}\n`);
}

/** A table with these heads; columns of numbers are aligned to the right. Nothing without rows. */
export function listTable(names: readonly string[], rows: readonly (readonly ResultValue[])[]): string {
  if (rows.length === 0) return '';
  const isNumbers = (at: number): boolean => rows.every((row) => row[at] === null || typeof row[at] === 'number');
  return printTable({ columns: names.map((name, at) => ({ name, type: isNumbers(at) ? 'UBIGINT' : 'VARCHAR' })), rows });
}

/** One thing: a line for each of its fields. */
export function fieldLines(fields: Readonly<Record<string, ResultValue>>): string {
  const width = Math.max(...Object.keys(fields).map((name) => name.length));
  return Object.entries(fields).map(([name, value]) => `${name.padEnd(width)}  ${value === null || value === '' ? '-' : clean(String(value))}\n`).join('');
}

/** An ISO time to the second. */
export function second(time: string | null): string | null {
  return time && `${time.slice(0, 19)}Z`;
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
