import { WeirError } from '../../shared/errors.ts';
import { DEFAULT_FIELD_NAMES, FIELDS, findField } from '../../shared/fields.ts';
import { valueReader, type FieldValue } from '../../shared/record-values.ts';
import { STATUS_OK, type RecordContext, type Records } from '../../shared/records.ts';
import type { LineBytes } from './line-bytes.ts';
import { LinePieces, type Spelling } from './line-pieces.ts';

export const RECORD_FORMATS = ['text', 'json', 'csv'] as const;
export type RecordFormat = (typeof RECORD_FORMATS)[number];

/**
 * Names out of `--fields`: a list with commas, in which `default` stands for the 18 fields of the default line and
 * `all` for every field. Throws USAGE for a name that is no field.
 */
export function fieldNames(list: string | undefined): readonly string[] {
  if (list === undefined) return DEFAULT_FIELD_NAMES;
  const names = list.split(',').map((name) => name.trim()).filter((name) => name !== '');
  const chosen = names.flatMap((name) => {
    if (name === 'default') return DEFAULT_FIELD_NAMES;
    if (name === 'all') return FIELDS.map((field) => field.name);
    const field = findField(name);
    if (!field) throw new WeirError('USAGE', `there is no field ${name}; fields are ${FIELDS.map((f) => f.name).join(', ')}, or: default, all`);
    return [field.name];
  });
  if (chosen.length === 0) throw new WeirError('USAGE', 'an empty list of fields; name some, or: default, all');
  return [...new Set(chosen)];
}

const SPELLINGS: Readonly<Record<RecordFormat, Spelling>> = {
  text: { value: textValue, before: (_name, position) => (position === 0 ? '' : ' '), quote: '', end: '\n' },
  csv: { value: csvValue, before: (_name, position) => (position === 0 ? '' : ','), quote: '', end: '\n' },
  json: {
    value: (value) => (typeof value === 'string' ? JSON.stringify(value) : String(value)),
    before: (name, position) => `${position === 0 ? '{' : ','}"${name}":`,
    quote: '"',
    end: '}\n',
  },
};

/** Turns rows into lines of text. */
export class RecordFormatter {
  private readonly format: RecordFormat;
  private readonly names: readonly string[];
  private readonly spelling: Spelling;
  private readonly pieces: LinePieces;

  constructor(format: RecordFormat, names: readonly string[]) {
    this.format = format;
    this.names = names;
    this.spelling = SPELLINGS[format];
    this.pieces = new LinePieces(names, this.spelling);
  }

  /** What stands above the rows: the names, in CSV. */
  get header(): string {
    return this.format === 'csv' ? `${this.names.join(',')}\n` : '';
  }

  /** Appends one row, with its line end. */
  line(out: LineBytes, rows: Records, row: number, context: RecordContext): void {
    if (rows.status[row] === STATUS_OK) this.pieces.write(out, rows, row, context);
    else out.text(this.statusLine(rows, row, context));
  }

  private statusLine(rows: Records, row: number, context: RecordContext): string {
    const { value, before, end } = this.spelling;
    return this.names.map((name, position) => before(name, position) + value(valueReader(name)(rows, row, context))).join('') + end;
  }
}

/** Absent is `-`; white space, which would break the line apart, becomes `_`. */
function textValue(value: FieldValue): string {
  if (value === null || value === '') return '-';
  return typeof value === 'string' ? value.replace(/\s/g, '_') : String(value);
}

/** RFC 4180: quotes where they are needed; absent is empty. */
function csvValue(value: FieldValue): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
