import { QUARANTINE, type DiskFile, type SpoolDisk } from './spool-disk.ts';

/** A spool's folder for an agent that may keep nothing on disk; it goes with the process. */
export class MemoryDisk implements SpoolDisk {
  readonly place = 'memory';
  private readonly files = new Map<string, MemoryFile>();

  async list(folder?: typeof QUARANTINE): Promise<string[]> {
    const names = [...this.files.keys()];
    const prefix = `${QUARANTINE}/`;
    const listed = folder ? names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length)) : names.filter((name) => !name.includes('/'));
    return listed.sort();
  }

  async open(name: string, how: 'read' | 'update' | 'create'): Promise<DiskFile> {
    let file = this.files.get(name);
    if (!file && how !== 'create') throw missing(name);
    if (how === 'create') this.files.set(name, (file = new MemoryFile()));
    return file!;
  }

  async rename(from: string, to: string): Promise<void> {
    const file = this.files.get(from);
    if (!file) throw missing(from);
    this.files.delete(from);
    this.files.set(to, file);
  }

  async remove(name: string): Promise<void> {
    if (!this.files.delete(name)) throw missing(name);
  }

  async syncNames(): Promise<void> {}
}

class MemoryFile implements DiskFile {
  private bytes = Buffer.alloc(0);
  private length = 0;

  async size(): Promise<number> {
    return this.length;
  }

  async read(position: number, length: number): Promise<Buffer> {
    return Buffer.from(this.bytes.subarray(position, Math.min(this.length, position + length)));
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    this.grow(position + bytes.length);
    this.bytes.set(bytes, position);
  }

  /** Pages of zeros that nobody has touched take no memory. */
  async allocate(bytes: number): Promise<void> {
    this.grow(bytes);
  }

  async truncate(bytes: number): Promise<void> {
    this.grow(bytes);
    this.length = bytes;
  }

  async sync(): Promise<void> {}
  async close(): Promise<void> {}

  private grow(length: number): void {
    if (length > this.bytes.length) {
      const longer = Buffer.alloc(length);
      this.bytes.copy(longer);
      this.bytes = longer;
    }
    this.length = Math.max(this.length, length);
  }
}

function missing(name: string): Error {
  return Object.assign(new Error(`ENOENT: no such file, ${name}`), { code: 'ENOENT' });
}
