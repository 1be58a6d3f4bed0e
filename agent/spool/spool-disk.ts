import { mkdir, open, readdir, rename, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/** Folder for what cannot be used and should not be thrown away, inside of the spool's. */
export const QUARANTINE = 'quarantine';

/**
 * The few calls that a spool makes, so that a test can stand in for the file system. Names are those of files in the
 * spool's folder, or `quarantine/…`. Every call may reject with what the system says.
 */
export interface SpoolDisk {
  /** For error texts. */
  readonly place: string;
  /** Names in the folder itself, or in the quarantine. */
  list(folder?: typeof QUARANTINE): Promise<string[]>;
  /** `create`: an older file of that name is emptied. */
  open(name: string, how: 'read' | 'update' | 'create'): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Makes the names durable: those created, renamed and removed before. */
  syncNames(): Promise<void>;
}

export interface DiskFile {
  size(): Promise<number>;
  /** Fewer bytes where the file ends. */
  read(position: number, length: number): Promise<Buffer>;
  /** All of them. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Makes the file at least so long, by zeros that take their room on the disk. */
  allocate(bytes: number): Promise<void>;
  truncate(bytes: number): Promise<void>;
  /** Resolves when what was written is durable. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** A folder for the agent's user alone. */
export class DirectoryDisk implements SpoolDisk {
  readonly place: string;

  private constructor(path: string) {
    this.place = path;
  }

  static async open(path: string): Promise<DirectoryDisk> {
    await mkdir(join(path, QUARANTINE), { recursive: true, mode: 0o700 });
    return new DirectoryDisk(path);
  }

  /** For a look at it: nothing is created. */
  static at(path: string): DirectoryDisk {
    return new DirectoryDisk(path);
  }

  async list(folder?: typeof QUARANTINE): Promise<string[]> {
    const entries = await readdir(folder ? join(this.place, folder) : this.place, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name).sort();
  }

  async open(name: string, how: 'read' | 'update' | 'create'): Promise<DiskFile> {
    const flags = { read: 'r', update: 'r+', create: 'w+' } as const;
    return new HandleFile(await open(join(this.place, name), flags[how], 0o600));
  }

  async rename(from: string, to: string): Promise<void> {
    await rename(join(this.place, from), join(this.place, to));
  }

  async remove(name: string): Promise<void> {
    await unlink(join(this.place, name));
  }

  async syncNames(): Promise<void> {
    const handle = await open(this.place, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

const ZEROS = Buffer.alloc(256 * 1024);

class HandleFile implements DiskFile {
  private readonly handle: FileHandle;

  constructor(handle: FileHandle) {
    this.handle = handle;
  }

  async size(): Promise<number> {
    return (await this.handle.stat()).size;
  }

  async read(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.handle.read(bytes, done, length - done, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, position + done);
      if (bytesWritten === 0) throw new Error('the disk took no bytes');
      done += bytesWritten;
    }
  }

  /** Node has no posix_fallocate, and a file made longer by truncate owns no blocks: a full disk would show at a later write. */
  async allocate(bytes: number): Promise<void> {
    for (let at = await this.size(); at < bytes; at += ZEROS.length) await this.write(ZEROS.subarray(0, Math.min(ZEROS.length, bytes - at)), at);
  }

  async truncate(bytes: number): Promise<void> {
    await this.handle.truncate(bytes);
  }

  async sync(): Promise<void> {
    await this.handle.datasync();
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}
