import type { WireSeal } from '../../shared/wire/wire-seal.ts';
import { IdSet } from './id-set.ts';
import type { SpoolDisk } from './spool-disk.ts';
import { scanSegment, type FoundFrame, type SegmentScan } from './spool-frame.ts';
import { PositionFiles, isPositionFile, type Position } from './spool-position.ts';
import { WindowLoss, unknownLoss } from './window-loss.ts';

const SEGMENT_NAME = /^segment-(\d{16})\.spool$/;

export interface RecoveredSegment {
  readonly name: string;
  readonly bytes: number;
  readonly usedBytes: number;
  /** Lowest number of a frame in it; null: none can be read. */
  readonly firstId: number | null;
  /** What waits to be sent. */
  readonly frames: readonly FoundFrame[];
}

/** Time in which something is missing, in Unix seconds, of windows of this length. */
export interface LostTime {
  readonly from: number;
  readonly to: number;
  readonly windowSeconds: number;
}

/** Damage, with the bytes to be set aside. */
export interface SpoolDamage {
  readonly segment: string;
  readonly offset: number;
  readonly bytes: Buffer;
}

/** What lies in a spool's folder, and what should. */
export interface SpoolContents {
  /** null: unknown which batches were sent, and under which numbers. */
  readonly position: Position | null;
  readonly segments: readonly RecoveredSegment[];
  /** A number that no frame has had, nor a file. */
  readonly nextId: number;
  readonly done: IdSet;
  /** Frames whose loss is to be stated, by these seals. */
  readonly lostIds: IdSet;
  readonly lost: WindowLoss;
  /** Frames of which nothing is known but the time. */
  readonly missingIds: IdSet;
  readonly lostTimes: readonly LostTime[];
  /** Frames that nobody was told of, and rows of windows that were not sealed: whoever made them still has them. */
  readonly unfinishedIds: IdSet;
  readonly damage: readonly SpoolDamage[];
  /** Files that are none of the spool's, and segments that say the same as another one. */
  readonly strays: readonly string[];
  /** Frames that seal a window, with its seals; only those that the spool still holds. */
  readonly sealed: readonly { readonly frame: number; readonly start: number; readonly seconds: number; readonly seals: readonly WireSeal[] }[];
}

interface KnownFrame extends FoundFrame {
  readonly segment: string;
}

/**
 * Reads all that is there and changes nothing. Rejects only where the disk refuses to be read.
 *
 * I1. A frame beyond the confirmed ones counts as never written, even if it is there: frames that were written with it
 *     may not be, and nobody was told of any.
 * I2. A frame that somebody was told of and that is neither there nor done is lost, and stated.
 */
export async function readSpool(disk: SpoolDisk): Promise<SpoolContents> {
  const positions = new PositionFiles(disk);
  const position = await positions.read();
  const confirmed = position?.confirmed ?? Infinity;
  const done = new IdSet(position?.done);
  if (position && position.doneBelow > 1) done.add(0, position.doneBelow - 1);
  const known = new Map<number, KnownFrame>();
  const damage: SpoolDamage[] = [];
  const strays: string[] = [];
  const voided = new IdSet(position?.voided);
  const unfinished = new IdSet();
  const scans: { name: string; bytes: number; scan: SegmentScan }[] = [];
  for (const name of await disk.list()) {
    if (isPositionFile(name)) continue;
    if (!SEGMENT_NAME.test(name)) {
      strays.push(name);
      continue;
    }
    const bytes = await readWhole(disk, name);
    const scan = scanSegment(bytes);
    const fresh = scan.frames.filter(({ header: { id } }) => !known.has(id) && !voided.has(id));
    if (scan.frames.length > 0 && scan.frames.every(({ header: { id } }) => known.has(id))) {
      strays.push(name);
      continue;
    }
    for (const { header: { id } } of fresh) if (id > confirmed) unfinished.add(id);
    for (const frame of fresh) known.set(frame.header.id, { ...frame, segment: name });
    for (const { offset, bytes: length } of scan.damaged) damage.push({ segment: name, offset, bytes: bytes.subarray(offset, offset + length) });
    scans.push({ name, bytes: bytes.length, scan: { ...scan, frames: fresh } });
  }
  return judge({ position, done, known, unfinished, scans, damage, strays });
}

function judge({ position, done, known, unfinished, scans, damage, strays }: {
  position: Position | null; done: IdSet; known: ReadonlyMap<number, KnownFrame>; unfinished: IdSet;
  scans: readonly { name: string; bytes: number; scan: SegmentScan }[]; damage: SpoolDamage[]; strays: string[];
}): SpoolContents {
  const frames = [...known.values()].filter(({ header }) => !unfinished.has(header.id)).sort((a, b) => a.header.id - b.header.id);
  const lostIds = new IdSet();
  const lost = new WindowLoss();
  for (const { header, isWhole } of frames) {
    if (done.has(header.id) || (isWhole && position !== null)) continue;
    lostIds.add(header.id);
    // nobody knows whether the collector has it
    const isDoubtful = position === null || position.bound?.id === header.id;
    lost.add(isDoubtful ? [...header.ifLost, ...header.seals].map(unknownLoss) : [...header.ifLost, ...header.seals]);
  }
  const lastFound = Math.max(frames.at(-1)?.header.id ?? 0, unfinished.spans.at(-1)?.[1] ?? 0);
  const unfinishedIds = unfinished;
  for (const id of unsealed(frames, position?.sealedThrough ?? null, (one) => !done.has(one) && !lostIds.has(one))) unfinishedIds.add(id);
  const missing = position === null ? new IdSet() : missingIds(position, frames, done);
  const nextId = Math.max(
    position?.confirmed ?? 0, position?.bound?.id ?? 0, lastFound, done.spans.at(-1)?.[1] ?? 0, position?.voided.at(-1)?.[1] ?? 0,
    ...[...scans.map(({ name }) => name), ...strays].map((name) => Number(SEGMENT_NAME.exec(name)?.[1] ?? 0))) + 1;
  // a number that only a file was named after will never have a frame, and must not look lost when later ones are confirmed
  if (position !== null && position.confirmed < nextId - 1) unfinishedIds.add(position.confirmed + 1, nextId - 1);
  const waits = (id: number): boolean => !done.has(id) && !lostIds.has(id) && !unfinishedIds.has(id);
  return {
    position, done, lostIds, lost, missingIds: missing, unfinishedIds, damage, strays,
    segments: scans.map(({ name, bytes, scan }) => ({
      name, bytes, usedBytes: scan.usedBytes, frames: scan.frames.filter(({ header }) => waits(header.id)),
      firstId: scan.frames.reduce<number | null>((least, { header }) => Math.min(least ?? header.id, header.id), null),
    })),
    nextId,
    lostTimes: missing.spans.flatMap(([first, last]) => lostTime(first, last, frames, position!)),
    sealed: frames.flatMap(({ header: { id, window, seals } }) => (window && seals.length > 0 ? [{ ...window, frame: id, seals }] : [])),
  };
}

async function readWhole(disk: SpoolDisk, name: string): Promise<Buffer> {
  const file = await disk.open(name, 'read');
  try {
    return await file.read(0, await file.size());
  } finally {
    await file.close();
  }
}

/** Frames with rows of a window that was not sealed: neither by the last frame that is known to have sealed one, nor by a later one. */
function unsealed(frames: readonly KnownFrame[], through: Position['sealedThrough'], counts: (id: number) => boolean): number[] {
  const result: number[] = [];
  const sealedLater = new Set<string>();
  for (const { header: { id, window, seals } } of frames.toReversed()) {
    for (const { windowStart, windowSeconds } of seals) sealedLater.add(`${windowStart} ${windowSeconds}`);
    const wasSealed = through !== null && window !== null && window.start <= through.start && id <= through.frame;
    if (window && !wasSealed && !sealedLater.has(`${window.start} ${window.seconds}`) && counts(id)) result.push(id);
  }
  return result;
}

/** Frames that were made durable, are not there and were not done. */
function missingIds({ doneBelow, confirmed, voided }: Position, frames: readonly KnownFrame[], done: IdSet): IdSet {
  const there = new IdSet([...done.spans, ...voided]);
  for (const { header } of frames) there.add(header.id, header.id);
  const missing = new IdSet();
  let from = doneBelow;
  for (const [first, last] of there.spans) {
    if (from < first && from <= confirmed) missing.add(from, Math.min(first - 1, confirmed));
    from = Math.max(from, last + 1);
  }
  if (from <= confirmed) missing.add(from, confirmed);
  return missing;
}

/**
 * The windows that missing frames may have sealed: those after the last one that an earlier frame sealed, and before
 * the first that a later frame has something of. Of windows that have rows elsewhere the counts in their seals tell.
 */
function lostTime(first: number, last: number, frames: readonly KnownFrame[], position: Position): LostTime[] {
  let from = -Infinity;
  let to = Infinity;
  let windowSeconds = position.sealedThrough?.seconds ?? 60;
  for (const { header: { id, window, seals } } of frames) {
    if (!window) continue;
    if (id < first) {
      from = Math.max(from, seals.length > 0 ? window.start + window.seconds : window.start);
      windowSeconds = window.seconds;
    }
    if (id > last) to = Math.min(to, window.start);
  }
  const end = position.sealedThrough;
  if (end) to = Math.min(to, end.start + end.seconds);
  if (from === -Infinity) from = position.waitingSince ?? to - windowSeconds;
  // what was not sealed is still with whoever made it
  return from < to && to !== Infinity ? [{ from, to, windowSeconds }] : [];
}
