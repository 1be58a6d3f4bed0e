/**
 * Faults of the disk below a folder, at any step of what changes it: the functions of node:fs themselves are replaced, so
 * the code under test is what runs in earnest.
 */
import fs from 'node:fs';
import promises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

/** `cut`: of a write, a part is done. After a crash nothing changes the disk any more. */
export type FaultKind = 'crash-before' | 'crash-cut' | 'ENOSPC' | 'EIO';

export interface Fault {
  /** Of the steps that change the disk, from 1. */
  readonly step: number;
  readonly kind: FaultKind;
}

export class Crash extends Error {}

type AnyFunction = (...args: never[]) => unknown;

const PATH_FUNCTIONS = ['mkdir', 'rename', 'unlink', 'writeFile'] as const;
const SYNC_PATH_FUNCTIONS = ['mkdirSync', 'renameSync', 'rmSync', 'truncateSync', 'unlinkSync'] as const;
const HANDLE_FUNCTIONS = ['datasync', 'sync', 'truncate', 'write', 'writeFile', 'writev'] as const;
const SYNC_HANDLE_FUNCTIONS = ['fdatasyncSync', 'fsyncSync', 'writeSync'] as const;

export class DiskFaults {
  /** Steps so far. */
  steps = 0;
  private fault: Fault | null = null;
  private hasCrashed = false;
  private directory = '';
  private readonly handles = new Set<FileHandle>();
  private readonly descriptors = new Set<number>();
  private readonly undo: (() => void)[] = [];

  /** One for the whole process: `close` puts back what was replaced. */
  static async install(): Promise<DiskFaults> {
    const faults = new DiskFaults();
    const probe = await promises.open('/dev/null', 'r');
    const prototype = Object.getPrototypeOf(probe) as Record<string, AnyFunction>;
    await probe.close();
    const modules = { promises: promises as unknown as Record<string, AnyFunction>, fs: fs as unknown as Record<string, AnyFunction> };
    for (const name of PATH_FUNCTIONS) faults.replace(modules.promises, name, (real) => (path: string, ...rest) => faults.isOurs(path) ? faults.stepLater(() => real(path, ...rest)) : real(path, ...rest));
    for (const name of SYNC_PATH_FUNCTIONS) faults.replace(modules.fs, name, (real) => (path: string, ...rest) => faults.isOurs(path) ? faults.step(() => real(path, ...rest)) : real(path, ...rest));
    for (const name of SYNC_HANDLE_FUNCTIONS) {
      faults.replace(modules.fs, name, (real) => (descriptor: number, ...rest) => faults.descriptors.has(descriptor)
        ? faults.step(() => real(descriptor, ...rest), () => name === 'writeSync' && real(descriptor, half(rest[0]))) : real(descriptor, ...rest));
    }
    for (const name of HANDLE_FUNCTIONS) {
      faults.replace(prototype, name, (real) => function (this: FileHandle, ...rest: unknown[]) {
        return faults.handles.has(this) ? faults.stepLater(() => real.apply(this, rest as never[]), () => cutWrite(this, name, real, rest)) : real.apply(this, rest as never[]);
      });
    }
    faults.replace(modules.promises, 'open', (real) => async (path: string, flags = 'r', ...rest) => {
      const open = async (): Promise<FileHandle> => {
        const handle = await real(path, flags, ...rest) as FileHandle;
        if (faults.isOurs(path)) faults.handles.add(handle);
        return handle;
      };
      return faults.isOurs(path) && flags !== 'r' ? faults.stepLater(open) : open();
    });
    faults.replace(modules.fs, 'openSync', (real) => (path: string, flags = 'r', ...rest) => {
      const open = (): number => {
        const descriptor = real(path, flags, ...rest) as number;
        if (faults.isOurs(path)) faults.descriptors.add(descriptor);
        else faults.descriptors.delete(descriptor);
        return descriptor;
      };
      return faults.isOurs(path) && flags !== 'r' ? faults.step(open) as number : open();
    });
    syncBuiltinESMExports();
    return faults;
  }

  /** From here on steps below the folder count, from 1, and this one goes wrong. */
  begin(directory: string, fault: Fault | null): void {
    this.directory = `${directory}/`;
    this.fault = fault;
    this.hasCrashed = false;
    this.steps = 0;
  }

  /** The process is gone, and its files are closed. */
  async end(): Promise<void> {
    this.directory = '';
    for (const handle of this.handles) await handle.close().catch(() => {});
    this.handles.clear();
    this.descriptors.clear();
  }

  close(): void {
    for (const undo of this.undo) undo();
    syncBuiltinESMExports();
  }

  private replace(owner: Record<string, AnyFunction>, name: string, make: (real: (...args: unknown[]) => unknown) => (...args: any[]) => unknown): void {
    const real = owner[name]!;
    owner[name] = make(real as unknown as (...args: unknown[]) => unknown) as AnyFunction;
    this.undo.push(() => (owner[name] = real));
  }

  private isOurs(path: unknown): boolean {
    return this.directory !== '' && String(path).startsWith(this.directory);
  }

  private step(work: () => unknown, cut: () => unknown = () => {}): unknown {
    const kind = this.next();
    if (kind === 'crash-cut') cut();
    if (kind === null) return work();
    throw this.errorOf(kind);
  }

  private async stepLater(work: () => unknown, cut: () => unknown = () => {}): Promise<unknown> {
    const kind = this.next();
    if (kind === 'crash-cut') await cut();
    if (kind === null) return work();
    throw this.errorOf(kind);
  }

  private next(): FaultKind | null {
    if (this.hasCrashed) return 'crash-before';
    this.steps++;
    if (this.fault?.step !== this.steps) return null;
    this.hasCrashed = this.fault.kind.startsWith('crash');
    return this.fault.kind;
  }

  private errorOf(kind: FaultKind): Error {
    return kind === 'ENOSPC' || kind === 'EIO' ? Object.assign(new Error(`${kind}: the disk refuses`), { code: kind }) : new Crash('the process is killed');
  }
}

function half(bytes: unknown): Uint8Array {
  const whole = bytes as Uint8Array;
  return whole.subarray(0, whole.length >> 1);
}

async function cutWrite(handle: FileHandle, name: string, real: (...args: unknown[]) => unknown, args: unknown[]): Promise<void> {
  if (name === 'writev') {
    const parts = args[0] as Uint8Array[];
    const bytes = Buffer.concat(parts);
    await real.apply(handle, [[half(bytes)], args[1]] as never[]);
  } else if (name === 'writeFile') {
    await real.apply(handle, [String(args[0]).slice(0, String(args[0]).length >> 1)] as never[]);
  }
}
