import type { ResultColumn, ResultFormat, ResultValue } from './result-format.ts';

/** Turns rows into the text of an answer. `end` closes it with what is only known then. */
export interface RowEncoder {
  begin(): string;
  row(values: readonly ResultValue[], index: number): string;
  end(trailer: Readonly<Record<string, unknown>>): string;
}

/** `records`: rows are objects; otherwise arrays beside the columns. Lines of ndjson are objects in any case. */
export function rowEncoder(format: Exclude<ResultFormat, 'parquet'>, columns: readonly ResultColumn[], records: boolean): RowEncoder {
  const names = columns.map((column) => column.name);
  switch (format) {
    case 'json': return jsonEncoder(columns, records);
    case 'ndjson': {
      const keys = objectKeys(names);
      return { begin: () => '', row: (values) => `${jsonObject(keys, values)}\n`, end: () => '' };
    }
    case 'csv': return { begin: () => csvLine(names), row: csvLine, end: () => '' };
    case 'text': return { begin: () => '', row: textLine, end: () => '' };
  }
}

function jsonEncoder(columns: readonly ResultColumn[], records: boolean): RowEncoder {
  const keys = objectKeys(columns.map((column) => column.name));
  return {
    begin: () => `{"columns":${JSON.stringify(columns)},"${records ? 'records' : 'rows'}":[`,
    row: (values, index) => `${index > 0 ? ',\n' : '\n'}${records ? jsonObject(keys, values) : JSON.stringify(values)}`,
    end: (trailer) => `],${JSON.stringify(trailer).slice(1)}\n`,
  };
}

/** Written as text, so that two columns of one name, or one named `__proto__`, both come out. */
function objectKeys(names: readonly string[]): string[] {
  return names.map((name) => `${JSON.stringify(name)}:`);
}

function jsonObject(keys: readonly string[], values: readonly ResultValue[]): string {
  let text = '{';
  for (let index = 0; index < keys.length; index++) text += `${index > 0 ? ',' : ''}${keys[index]}${JSON.stringify(values[index])}`;
  return `${text}}`;
}

/** RFC 4180, with plain line feeds, as replay prints it; absent values are empty. */
function csvLine(values: readonly ResultValue[]): string {
  return `${values.map(csvCell).join(',')}\n`;
}

function csvCell(value: ResultValue): string {
  if (value === null) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The flow log line: fields separated by spaces, `-` for absent. */
function textLine(values: readonly ResultValue[]): string {
  return `${values.map((value) => {
    if (value === null || value === '') return '-';
    return (typeof value === 'object' ? JSON.stringify(value) : String(value)).replace(/\s/g, '_');
  }).join(' ')}\n`;
}
