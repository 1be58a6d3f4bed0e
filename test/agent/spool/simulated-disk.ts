/** A file system that loses what was not made durable, tears sectors and refuses calls, as its random numbers say. */
import { QUARANTINE, type DiskFile, type SpoolDisk } from '../../../agent/spool/spool-disk.ts';

const SECTOR_BYTES = 512;

export type Fault = 'ENOSPC' | 'EIO';

class Inode {
  now: Buffer = Buffer.alloc(0);
  durable: Buffer = Buffer.alloc(0);
}

export class SimulatedDisk implements SpoolDisk {
  readonly place = 'simulation';
  /** Asked at each call that could fail. */
  fault: (call: string) => Fault | null = () => null;
  /** Once the power is gone nothing more happens: what is under way never ends. */
  isOff = false;
  calls = 0;
  private names = new Map<string, Inode>();
  private durableNames = new Map<string, Inode>();
  private readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  /** The machine stops; what comes up again is a disk with what was durable and some of the rest. */
  powerOff(): SimulatedDisk {
    this.isOff = true;
    const next = new SimulatedDisk(this.random);
    for (const name of new Set([...this.names.keys(), ...this.durableNames.keys()])) {
      const [now, durable] = [this.names.get(name), this.durableNames.get(name)];
      const kept = now === durable || this.random() < 0.5 ? now : durable;
      if (!kept) continue;
      const inode = new Inode();
      inode.now = inode.durable = this.survivor(kept);
      next.names.set(name, inode);
      next.durableNames.set(name, inode);
    }
    return next;
  }

  /** The process stops; the machine goes on. */
  processEnds(): SimulatedDisk {
    this.isOff = true;
    const next = new SimulatedDisk(this.random);
    next.names = this.names;
    next.durableNames = this.durableNames;
    return next;
  }

  /** Files with their bytes, to be damaged. */
  *files(): Generator<[string, Buffer]> {
    for (const [name, { now }] of this.names) yield [name, now];
  }

  async list(folder?: typeof QUARANTINE): Promise<string[]> {
    await this.call('list');
    const prefix = folder ? `${folder}/` : '';
    return [...this.names.keys()].filter((name) => name.startsWith(prefix) && !name.slice(prefix.length).includes('/')).map((name) => name.slice(prefix.length)).sort();
  }

  async open(name: string, how: 'read' | 'update' | 'create'): Promise<DiskFile> {
    await this.call(`open ${how}`);
    let inode = this.names.get(name);
    if (!inode && how !== 'create') throw failure('ENOENT', `open ${name}`);
    if (how === 'create' && inode) this.change(inode, Buffer.alloc(0));
    if (!inode) this.names.set(name, (inode = new Inode()));
    return new SimulatedFile(this, inode);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.call('rename');
    const inode = this.names.get(from);
    if (!inode) throw failure('ENOENT', `rename ${from}`);
    this.names.delete(from);
    this.names.set(to, inode);
  }

  async remove(name: string): Promise<void> {
    await this.call('remove');
    if (!this.names.delete(name)) throw failure('ENOENT', `remove ${name}`);
  }

  async syncNames(): Promise<void> {
    await this.call('sync names');
    this.durableNames = new Map(this.names);
  }

  async call(name: string): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.isOff) await new Promise(() => {});
    this.calls++;
    const fault = this.fault(name);
    if (fault) throw failure(fault, name);
  }

  change(inode: Inode, bytes: Buffer): void {
    inode.now = bytes;
  }

  /** Each sector that was not made durable is the old one, the new one, or torn. */
  private survivor({ now, durable }: Inode): Buffer {
    if (now.equals(durable)) return now;
    const length = Math.min(now.length, durable.length) + Math.floor(this.random() * (Math.abs(now.length - durable.length) + 1));
    const result = Buffer.alloc(length);
    durable.copy(result, 0, 0, Math.min(length, durable.length));
    for (let at = 0; at < length; at += SECTOR_BYTES) {
      const fresh = now.subarray(at, Math.min(at + SECTOR_BYTES, length));
      const old = result.subarray(at, Math.min(at + SECTOR_BYTES, length));
      if (fresh.equals(old)) continue;
      const luck = this.random();
      if (luck < 0.45) fresh.copy(result, at);
      else if (luck < 0.55) fresh.copy(result, at, 0, Math.floor(this.random() * fresh.length));
      else if (luck < 0.6) for (let i = 0; i < old.length; i++) old[i] = Math.floor(this.random() * 256);
    }
    return result;
  }

  /** How much of a write that fails is done all the same. */
  share(): number {
    return this.random();
  }
}

class SimulatedFile implements DiskFile {
  private readonly disk: SimulatedDisk;
  private readonly inode: Inode;

  constructor(disk: SimulatedDisk, inode: Inode) {
    this.disk = disk;
    this.inode = inode;
  }

  async size(): Promise<number> {
    await this.disk.call('size');
    return this.inode.now.length;
  }

  async read(position: number, length: number): Promise<Buffer> {
    await this.disk.call('read');
    return Buffer.from(this.inode.now.subarray(position, position + length));
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      await this.disk.call('write');
    } catch (error) {
      this.put(bytes.subarray(0, Math.floor(this.disk.share() * bytes.length)), position);
      throw error;
    }
    this.put(bytes, position);
  }

  async allocate(bytes: number): Promise<void> {
    await this.disk.call('allocate');
    if (bytes > this.inode.now.length) this.put(Buffer.alloc(bytes - this.inode.now.length), this.inode.now.length);
  }

  async truncate(bytes: number): Promise<void> {
    await this.disk.call('truncate');
    const content = Buffer.alloc(bytes);
    this.inode.now.copy(content);
    this.disk.change(this.inode, content);
  }

  async sync(): Promise<void> {
    await this.disk.call('sync');
    this.inode.durable = this.inode.now;
  }

  async close(): Promise<void> {}

  private put(bytes: Uint8Array, position: number): void {
    const content = Buffer.alloc(Math.max(this.inode.now.length, position + bytes.length));
    this.inode.now.copy(content);
    content.set(bytes, position);
    this.disk.change(this.inode, content);
  }
}

function failure(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
