import { QUARANTINE, type SpoolDisk } from './spool-disk.ts';

const MOST_BYTES = 64 * 1024 * 1024;
const MOST_FILES = 1000;

/**
 * What the spool cannot send and does not throw away: damaged bytes, and what the collector has refused for good. It is
 * bounded: beyond that what has lain there longest goes. Nothing depends on it, so a disk that refuses costs no more
 * than the look at it.
 */
export class Quarantine {
  private readonly disk: SpoolDisk;
  /** Names begin with a number that rises, so the oldest is the first. */
  private readonly sizes = new Map<string, number>();
  private next = 1;

  constructor(disk: SpoolDisk) {
    this.disk = disk;
  }

  async open(): Promise<void> {
    for (const name of await this.disk.list(QUARANTINE)) {
      const file = await this.disk.open(`${QUARANTINE}/${name}`, 'read');
      this.sizes.set(name, await file.size());
      await file.close();
      this.next = Math.max(this.next, Number.parseInt(name, 10) + 1 || 1);
    }
    await this.shrink(0);
  }

  /** The name under which it lies there. */
  async put(name: string, bytes: Uint8Array): Promise<string> {
    const numbered = `${String(this.next++).padStart(8, '0')}-${name}`;
    await this.shrink(bytes.length);
    const file = await this.disk.open(`${QUARANTINE}/${numbered}`, 'create');
    this.sizes.set(numbered, bytes.length);
    try {
      await file.write(bytes, 0);
    } finally {
      await file.close();
    }
    return numbered;
  }

  /** A file of the spool's folder, as it is. */
  async adopt(name: string): Promise<void> {
    const file = await this.disk.open(name, 'read');
    const bytes = await file.size();
    await file.close();
    await this.shrink(bytes);
    const numbered = `${String(this.next++).padStart(8, '0')}-${name}`;
    await this.disk.rename(name, `${QUARANTINE}/${numbered}`);
    this.sizes.set(numbered, bytes);
  }

  private async shrink(room: number): Promise<void> {
    let bytes = [...this.sizes.values()].reduce((sum, size) => sum + size, room);
    for (const [name, size] of this.sizes) {
      if (bytes <= MOST_BYTES && this.sizes.size < MOST_FILES) return;
      await this.disk.remove(`${QUARANTINE}/${name}`);
      this.sizes.delete(name);
      bytes -= size;
    }
  }
}
