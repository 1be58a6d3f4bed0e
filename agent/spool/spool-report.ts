import type { SpoolContents } from './spool-recovery.ts';
import type { IdSpan } from './id-set.ts';
import { QUARANTINE, type SpoolDisk } from './spool-disk.ts';
import { readSpool } from './spool-recovery.ts';

/** What a person may want to know of a spool, in plain data; sizes in bytes, times in Unix seconds. */
export interface SpoolReport {
  readonly agentId: string | null;
  readonly epoch: number | null;
  /** The last sequence number that the collector has acknowledged. */
  readonly sequence: number | null;
  readonly segments: readonly { readonly name: string; readonly bytes: number; readonly waiting: number }[];
  readonly batches: readonly ReportedBatch[];
  /** Numbers of batches that cannot be read, and of those that are not there at all. */
  readonly damaged: readonly IdSpan[];
  readonly missing: readonly IdSpan[];
  readonly strays: readonly string[];
  readonly quarantine: readonly { readonly name: string; readonly bytes: number }[];
}

export interface ReportedBatch {
  readonly id: number;
  /** null: a statement of losses. */
  readonly windowStart: number | null;
  readonly windowSeconds: number | null;
  readonly rows: number;
  readonly packets: number;
  readonly seals: number;
  /** What it states as dropped. */
  readonly droppedRows: number;
  readonly droppedPackets: number;
  readonly bytes: number;
  /** It has its number, and may have been sent. */
  readonly isBound: boolean;
}

/** Only looks: an agent may be at work there. */
export async function reportSpool(disk: SpoolDisk): Promise<SpoolReport> {
  const contents = await readSpool(disk);
  const { position, segments, lostIds, missingIds, strays } = contents;
  return {
    agentId: position?.agentId ?? null, epoch: position?.epoch ?? null, sequence: position?.sequence ?? null,
    segments: segments.map(({ name, bytes, frames }) => ({ name, bytes, waiting: frames.length })),
    batches: batchesOf(contents), damaged: lostIds.spans, missing: missingIds.spans, strays, quarantine: await quarantineOf(disk),
  };
}

function batchesOf({ segments, position }: SpoolContents): ReportedBatch[] {
  return segments.flatMap(({ frames }) => frames).map(({ header, bodyLength }) => ({
    id: header.id, windowStart: header.window?.start ?? null, windowSeconds: header.window?.seconds ?? null, rows: header.rows, packets: header.packets,
    seals: header.seals.length, droppedRows: sum(header.seals, 'droppedRecords'), droppedPackets: sum(header.seals, 'droppedPackets'),
    bytes: bodyLength, isBound: position?.bound?.id === header.id,
  }));
}

function sum(seals: SpoolContents['sealed'][number]['seals'], of: 'droppedRecords' | 'droppedPackets'): number {
  return seals.reduce((total, seal) => total + seal[of], 0);
}

async function quarantineOf(disk: SpoolDisk): Promise<{ name: string; bytes: number }[]> {
  const names = await disk.list(QUARANTINE).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const files: { name: string; bytes: number }[] = [];
  for (const name of names) {
    const file = await disk.open(`${QUARANTINE}/${name}`, 'read');
    files.push({ name, bytes: await file.size() });
    await file.close();
  }
  return files;
}
