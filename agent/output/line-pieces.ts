import { valueReader, type FieldValue } from '../../shared/record-values.ts';
import type { RecordContext, Records } from '../../shared/records.ts';
import { MAX_VALUE_BYTES } from './digits.ts';
import { ALWAYS, BY_ENI, BY_VERDICT, DESTINATION, SOURCE, fieldKind, isKept, keptUnder, putValue } from './field-kinds.ts';
import { RepeatedText, type LineBytes } from './line-bytes.ts';

/** How the value of a field is spelled, and what stands before it. */
export interface Spelling {
  value(value: FieldValue): string;
  /** The `position`th field of the line. */
  before(name: string, position: number): string;
  /** Around an address. */
  readonly quote: string;
  /** Behind the last field. */
  readonly end: string;
}

/** One or more neighbouring fields. */
interface Piece {
  readonly kind: number;
  /** What stands before the value; null: the piece is one of its texts. */
  readonly before: RepeatedText | null;
  readonly texts: (RepeatedText | undefined)[];
  /** Of its texts so far. */
  longest: number;
  /** Makes the text for a row. */
  spell(rows: Records, row: number, context: RecordContext): string;
}

/** Writes the lines of flows, piece by piece. */
export class LinePieces {
  private readonly pieces: readonly Piece[];
  /** No line is longer that needs no new text. */
  private mostBytes = 0;
  /** What the texts are of. */
  private context: RecordContext | null = null;
  private windowStart = -1;

  constructor(names: readonly string[], spelling: Spelling) {
    this.pieces = piecesOf(names, spelling);
    for (const { before } of this.pieces) if (before) this.mostBytes += before.length + MAX_VALUE_BYTES;
  }

  /** Appends the line of a flow. */
  write(out: LineBytes, rows: Records, row: number, context: RecordContext): void {
    if (this.context !== context || this.windowStart !== rows.windowStart) {
      for (const { texts } of this.pieces) texts.length = 0;
      this.context = context;
      this.windowStart = rows.windowStart;
    }
    for (;;) {
      out.makeRoom(this.mostBytes);
      const lacking = this.put(out, rows, row);
      if (lacking === null) return;
      // a text that no row before this one had: the line is begun again
      const text = new RepeatedText(lacking.spell(rows, row, context));
      lacking.texts[keptUnder(lacking.kind, rows, row)] = text;
      this.mostBytes += Math.max(0, text.length - lacking.longest);
      lacking.longest = Math.max(text.length, lacking.longest);
    }
  }

  /** Null, or the piece that lacks its text. */
  private put(out: LineBytes, rows: Records, row: number): Piece | null {
    const { pieces } = this;
    const { view } = out;
    let at = out.length;
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i]!;
      if (piece.before !== null) {
        at = putValue(view, piece.before.put(view, at), piece.kind, rows, row);
        continue;
      }
      const text = piece.texts[keptUnder(piece.kind, rows, row)];
      if (text === undefined) return piece;
      at = text.put(view, at);
    }
    out.length = at;
    return null;
  }
}

function piecesOf(names: readonly string[], spelling: Spelling): Piece[] {
  const pieces: Piece[] = [];
  let pending = '';
  for (let position = 0; position < names.length; ) {
    const kind = fieldKind(names[position]!);
    let end = position + 1;
    while ((kind === BY_ENI || kind === BY_VERDICT) && end < names.length && fieldKind(names[end]!) === kind) end++;
    const fields = names.slice(position, end).map((name, i) => ({ before: spelling.before(name, position + i), read: valueReader(name) }));
    const quote = kind === SOURCE || kind === DESTINATION ? spelling.quote : '';
    const before = pending;
    if (isKept(kind)) {
      pieces.push({
        kind, before: null, texts: [], longest: 0,
        spell: (rows, row, context) => before + fields.map((field) => field.before + spelling.value(field.read(rows, row, context))).join(''),
      });
    } else {
      pieces.push({ kind, before: new RepeatedText(before + fields[0]!.before + quote), texts: [], longest: 0, spell: () => '' });
    }
    pending = quote;
    position = end;
  }
  const atEnd = pending + spelling.end;
  pieces.push({ kind: ALWAYS, before: null, texts: [], longest: 0, spell: () => atEnd });
  return pieces;
}
