import type { BatchNumber } from '../journal/batch-frame.ts';
import type { DiskRoom } from '../journal/disk-room.ts';
import type { Quarantine } from '../journal/quarantine.ts';

export interface StorageDamage {
  readonly kind: string;
  readonly path: string;
  readonly text: string;
}

/** More than so many are counted only. */
const MAX_DAMAGE = 1000;

/** What operators are told of the data directory. */
export class StorageReport {
  private readonly damage: StorageDamage[] = [];
  private damageCount = 0;
  /** Damaged batches that have come again since the start. */
  mendedBatches = 0;
  /** Those that may still come. */
  wanted: () => readonly BatchNumber[] = () => [];
  private readonly room: DiskRoom;
  private readonly quarantine: Quarantine;

  constructor(room: DiskRoom, quarantine: Quarantine) {
    this.room = room;
    this.quarantine = quarantine;
  }

  note(damage: StorageDamage): void {
    this.damageCount++;
    if (this.damage.length < MAX_DAMAGE) this.damage.push(damage);
  }

  document(): Record<string, unknown> {
    const { freeBytes, floorBytes, isLow } = this.room;
    return {
      'free-bytes': freeBytes, 'floor-bytes': Math.round(floorBytes), 'accepting': !isLow,
      'damage-count': this.damageCount, 'damage': this.damage,
      'mended-batches': this.mendedBatches,
      'wanted-batches': this.wanted().slice(0, MAX_DAMAGE).map(({ agent, epoch, sequence }) => ({ 'agent-id': agent, epoch, sequence })),
      'quarantine': {
        directory: this.quarantine.directory,
        files: this.quarantine.list().map(({ name, bytes, since }) => ({ name, bytes, since: since.toISOString() })),
      },
    };
  }
}
