import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { parseTopology } from '../../shared/topology/parse.ts';
import type { Topology } from '../../shared/topology/topology.ts';
import { makeDirectory, replaceFile } from '../journal/durable.ts';

export interface InventoryStatus {
  /** Revision of the rules; 0: none were applied yet. */
  readonly revision: number;
  /** Of the document's text, for ETag. */
  readonly sha256: string;
}

const REVISION_NAME = /^(\d{8})\.json$/;

/**
 * The inventory document as it was applied, and every state of its rules.
 *
 * I1. A revision is durable before the document that makes it current, and never changes.
 */
export class Inventory {
  private readonly path: string;
  private readonly revisions: string;
  private current: { text: string; topology: Topology; revision: number } | null = null;

  private constructor(directory: string) {
    this.path = join(directory, 'inventory.yaml');
    this.revisions = join(directory, 'rule-sets');
  }

  static async open(directory: string): Promise<Inventory> {
    const inventory = new Inventory(directory);
    await makeDirectory(inventory.revisions);
    if (existsSync(inventory.path)) {
      const text = readFileSync(inventory.path, 'utf8');
      const topology = parseTopology(text, inventory.path);
      inventory.current = { text, topology, revision: await inventory.revisionOf(topology) };
    }
    return inventory;
  }

  get topology(): Topology | null {
    return this.current?.topology ?? null;
  }

  get text(): string | null {
    return this.current?.text ?? null;
  }

  get status(): InventoryStatus {
    return { revision: this.current?.revision ?? 0, sha256: createHash('sha256').update(this.current?.text ?? '').digest('hex') };
  }

  /** Throws ConfigurationError with everything that is wrong; then nothing has changed. */
  async apply(text: string, source: string): Promise<InventoryStatus & { readonly changed: boolean }> {
    if (text === this.current?.text) return { ...this.status, changed: false };
    const topology = parseTopology(text, source);
    const revision = await this.revisionOf(topology);
    await replaceFile(this.path, text);
    this.current = { text, topology, revision };
    return { ...this.status, changed: true };
  }

  /** The latest revision if it holds the same rules, else a new one. */
  private async revisionOf({ securityGroups, prefixLists }: Topology): Promise<number> {
    const numbers = readdirSync(this.revisions).flatMap((name) => Number(REVISION_NAME.exec(name)?.[1] ?? []));
    const last = Math.max(0, ...numbers);
    const rules = `${JSON.stringify({ securityGroups, prefixLists }, null, 2)}\n`;
    if (last > 0 && readFileSync(this.revisionPath(last), 'utf8') === rules) return last;
    await replaceFile(this.revisionPath(last + 1), rules);
    return last + 1;
  }

  private revisionPath(revision: number): string {
    return join(this.revisions, `${String(revision).padStart(8, '0')}.json`);
  }
}
