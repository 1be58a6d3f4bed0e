import { valueReader, type FieldValue } from '../../shared/record-values.ts';
import { STATUS_OK, type RecordContext, type Records } from '../../shared/records.ts';
import type { LineBytes } from './line-bytes.ts';

/** Writes one or more neighbouring fields of a flow's row. */
export type LinePiece = (out: LineBytes, rows: Records, row: number, context: RecordContext) => void;

/** How the value of a field is spelled, and what stands before it. */
export interface Spelling {
  value(value: FieldValue): string;
  /** The `position`th field of the line. */
  before(name: string, position: number): string;
  /** Around an address. */
  readonly quote: string;
}

/** Fields that are the same for all rows of a window with the same ENI, or with the same verdict. */
const BY_ENI = new Set(['version', 'vswitch-id', 'vm-id', 'vpc-id', 'account-id', 'eni-id', 'region', 'agent-id', 'start', 'end', 'log-status']);
const BY_VERDICT = new Set(['action', 'sg-id', 'rule-id', 'rule-reason', 'ruleset-rev']);
const ADDRESSES: Readonly<Record<string, (rows: Records) => Int32Array>> = {
  srcaddr: (rows) => rows.source,
  dstaddr: (rows) => rows.destination,
};
const NUMBERS: Readonly<Record<string, (rows: Records, row: number) => number>> = {
  'srcport': (rows, row) => rows.sourcePort[row]!,
  'dstport': (rows, row) => rows.destinationPort[row]!,
  'protocol': (rows, row) => rows.protocol[row]!,
  'packets': (rows, row) => rows.packets[row]!,
  'bytes': (rows, row) => rows.bytes[row]!,
  'fragments': (rows, row) => rows.fragments[row]!,
};

/** What writes a flow's fields one after the other; neighbours that are the same for many rows are written as one. */
export function linePieces(names: readonly string[], spelling: Spelling): LinePiece[] {
  const pieces: LinePiece[] = [];
  for (let position = 0; position < names.length; ) {
    const scope = [BY_ENI, BY_VERDICT].find((fields) => fields.has(names[position]!));
    let end = position + 1;
    while (scope && end < names.length && scope.has(names[end]!)) end++;
    pieces.push(scope ? repeatedPiece(names, position, end, spelling, scope === BY_ENI) : valuePiece(names[position]!, position, spelling));
    position = end;
  }
  return pieces;
}

function valuePiece(name: string, position: number, spelling: Spelling): LinePiece {
  const encoder = new TextEncoder();
  const before = encoder.encode(spelling.before(name, position));
  const wordsOf = ADDRESSES[name];
  if (wordsOf) {
    const beforeAddress = encoder.encode(spelling.before(name, position) + spelling.quote);
    const behindAddress = encoder.encode(spelling.quote);
    return (out, rows, row) => {
      out.piece(beforeAddress);
      out.address(wordsOf(rows), row * 4);
      out.piece(behindAddress);
    };
  }
  const numberOf = NUMBERS[name];
  if (numberOf) {
    return (out, rows, row) => {
      out.piece(before);
      out.number(numberOf(rows, row));
    };
  }
  const read = valueReader(name);
  return (out, rows, row, context) => {
    out.piece(before);
    out.text(spelling.value(read(rows, row, context)));
  };
}

/** Fields [from, to) as one text for each ENI or verdict, which is kept as long as the rows are of the same window. */
function repeatedPiece(names: readonly string[], from: number, to: number, spelling: Spelling, isByEni: boolean): LinePiece {
  const readers = names.slice(from, to).map((name) => valueReader(name));
  const texts: (Uint8Array | undefined)[] = [];
  let of: RecordContext | null = null;
  let ofWindow = -1;
  return (out, rows, row, context) => {
    if (of !== context || ofWindow !== rows.windowStart) {
      texts.length = 0;
      of = context;
      ofWindow = rows.windowStart;
    }
    const number = (isByEni ? rows.eni : rows.verdict)[row]!;
    let text = texts[number];
    if (text === undefined) {
      const all = readers.map((read, i) => spelling.before(names[from + i]!, from + i) + spelling.value(read(rows, row, context)));
      texts[number] = text = new TextEncoder().encode(all.join(''));
    }
    out.piece(text);
  };
}

/** Whether the row is of a flow: the others lack what the pieces write without looking. */
export function isFlow(rows: Records, row: number): boolean {
  return rows.status[row] === STATUS_OK;
}
