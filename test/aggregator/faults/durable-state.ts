import fs, { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a machine without power forgets: what files were not synced with, changes of names that their folder was not, or both. */
export type PowerLoss = 'power-data' | 'power-names' | 'power';

interface Entry {
  readonly inode: number;
  readonly isFolder: boolean;
}

// as they are before anybody replaces them
const { rmSync } = fs;

/**
 * Of a folder, what has been synced: contents of files, and which names a folder has. Files are known by their inodes, which
 * a file system in memory does not give to others.
 */
export class DurableState {
  private readonly root: string;
  private readonly contents = new Map<number, Buffer>();
  private readonly names = new Map<number, Map<string, Entry>>();

  /** What is there is durable. */
  constructor(root: string) {
    this.root = root;
    if (existsSync(root)) this.noteAll(root);
  }

  /** The file or folder is synced now. */
  note(path: string): void {
    if (!existsSync(path)) return;
    const { ino } = statSync(path);
    if (statSync(path).isDirectory()) this.names.set(ino, namesIn(path));
    else this.contents.set(ino, readFileSync(path));
  }

  /** Takes the folder back to what is durable. */
  powerOff(loss: PowerLoss): void {
    const now = new DurableState(this.root);
    const rootInode = existsSync(this.root) ? statSync(this.root).ino : 0;
    const names = loss === 'power-data' ? now.names : this.names;
    const contentOf = (inode: number): Buffer => (loss === 'power-names' ? now.contents.get(inode) : undefined) ?? this.contents.get(inode) ?? Buffer.alloc(0);
    rmSync(this.root, { recursive: true, force: true });
    const restore = (path: string, inode: number): void => {
      mkdirSync(path, { recursive: true });
      for (const [name, entry] of names.get(inode) ?? []) {
        if (entry.isFolder) restore(join(path, name), entry.inode);
        else writeFileSync(join(path, name), contentOf(entry.inode));
      }
    };
    restore(this.root, rootInode);
  }

  private noteAll(path: string): void {
    this.note(path);
    if (!statSync(path).isDirectory()) return;
    for (const name of readdirSync(path)) this.noteAll(join(path, name));
  }
}

function namesIn(folder: string): Map<string, Entry> {
  return new Map(readdirSync(folder).map((name) => {
    const info = statSync(join(folder, name));
    return [name, { inode: info.ino, isFolder: info.isDirectory() }];
  }));
}
