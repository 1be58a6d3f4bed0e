/**
 * Faults of the disk below a folder, at any step of what changes it: the functions of node:fs themselves are replaced, so
 * the code under test is what runs in earnest.
 */
import fs from 'node:fs';
import promises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { DurableState, type PowerLoss } from './durable-state.ts';

/** `cut`: of a write, a part is done. After a crash, or without power, nothing changes the disk any more. */
export type FaultKind = 'crash-before' | 'crash-cut' | PowerLoss | 'ENOSPC' | 'EIO';

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

export function endsProcess(kind: FaultKind): boolean {
  return kind !== 'ENOSPC' && kind !== 'EIO';
}

export class DiskFaults {
  /** Steps so far. */
  steps = 0;
  private fault: Fault | null = null;
  private hasCrashed = false;
  private directory = '';
  /** Open files, by what they are called now. */
  private readonly handles = new Map<FileHandle, string>();
  private readonly descriptors = new Map<number, string>();
  private durable: DurableState | null = null;
  private readonly undo: (() => void)[] = [];

  /** One for the whole process: `close` puts back what was replaced. */
  static async install(): Promise<DiskFaults> {
    const faults = new DiskFaults();
    const probe = await promises.open('/dev/null', 'r');
    const prototype = Object.getPrototypeOf(probe) as Record<string, AnyFunction>;
    await probe.close();
    const modules = { promises: promises as unknown as Record<string, AnyFunction>, fs: fs as unknown as Record<string, AnyFunction> };
    for (const name of PATH_FUNCTIONS) faults.replace(modules.promises, name, (real) => (path: string, ...rest) => faults.isOurs(path) ? faults.stepLater(async () => {
      const result = await real(path, ...rest);
      faults.noteChange(name, path, rest);
      return result;
    }) : real(path, ...rest));
    for (const name of SYNC_PATH_FUNCTIONS) faults.replace(modules.fs, name, (real) => (path: string, ...rest) => faults.isOurs(path) ? faults.step(() => {
      real(path, ...rest);
      faults.noteChange(name, path, rest);
    }) : real(path, ...rest));
    for (const name of SYNC_HANDLE_FUNCTIONS) {
      faults.replace(modules.fs, name, (real) => (descriptor: number, ...rest) => faults.descriptors.has(descriptor)
        ? faults.step(() => {
          const result = real(descriptor, ...rest);
          if (name !== 'writeSync') faults.durable?.note(faults.descriptors.get(descriptor)!);
          return result;
        }, () => name === 'writeSync' && real(descriptor, half(rest[0]))) : real(descriptor, ...rest));
    }
    for (const name of HANDLE_FUNCTIONS) {
      faults.replace(prototype, name, (real) => function (this: FileHandle, ...rest: unknown[]) {
        if (!faults.handles.has(this)) return real.apply(this, rest as never[]);
        return faults.stepLater(async () => {
          const result = await real.apply(this, rest as never[]);
          if (name === 'sync' || name === 'datasync') faults.durable?.note(faults.handles.get(this)!);
          return result;
        }, () => cutWrite(this, name, real, rest));
      });
    }
    faults.replace(modules.promises, 'open', (real) => async (path: string, flags = 'r', ...rest) => {
      const open = async (): Promise<FileHandle> => {
        const handle = await real(path, flags, ...rest) as FileHandle;
        if (faults.isOurs(path)) faults.handles.set(handle, path);
        return handle;
      };
      return faults.isOurs(path) && flags !== 'r' ? faults.stepLater(open) : open();
    });
    faults.replace(modules.fs, 'openSync', (real) => (path: string, flags = 'r', ...rest) => {
      const open = (): number => {
        const descriptor = real(path, flags, ...rest) as number;
        if (faults.isOurs(path)) faults.descriptors.set(descriptor, path);
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
    this.directory = directory;
    this.fault = fault;
    this.durable = fault?.kind.startsWith('power') ? new DurableState(directory) : null;
    this.hasCrashed = false;
    this.steps = 0;
  }

  /** The process is gone, and its files are closed; where the power went, so is what was not synced. */
  async end(): Promise<void> {
    this.directory = '';
    for (const handle of this.handles.keys()) await handle.close().catch(() => {});
    this.handles.clear();
    this.descriptors.clear();
    if (this.hasCrashed) this.durable?.powerOff(this.fault!.kind as PowerLoss);
    this.durable = null;
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
    return this.directory !== '' && (path === this.directory || String(path).startsWith(`${this.directory}/`));
  }

  private noteChange(name: string, path: string, rest: readonly unknown[]): void {
    if (name.startsWith('rename')) {
      for (const open of [this.handles, this.descriptors] as Map<unknown, string>[]) for (const [key, called] of open) if (called === path) open.set(key, rest[0] as string);
    }
    if (name === 'writeFile' && (rest[1] as { flush?: boolean } | undefined)?.flush) this.durable?.note(path);
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
    this.hasCrashed = endsProcess(this.fault.kind);
    return this.fault.kind;
  }

  private errorOf(kind: FaultKind): Error {
    return endsProcess(kind) ? new Crash('the process is killed') : Object.assign(new Error(`${kind}: the disk refuses`), { code: kind });
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
