import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { WeirError } from '../../shared/errors.ts';
import { makeDirectory, replaceFile } from '../journal/durable.ts';

export const SCOPES = ['ingest', 'query', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];
export const ANY_AGENT = '*';

/** What is kept of a token: never the token itself. */
export interface TokenEntry {
  readonly id: string;
  readonly name: string;
  readonly scope: Scope;
  /** Ingest tokens: the one agent that may use it, or `*`. */
  readonly agentId: string | null;
  readonly sha256: string;
  readonly created: string;
}

/** `weir_<scope>_<256 random bits, base64url><crc32 of what stands before, 8 hex digits>`: a typing error is seen at once. */
const FORMAT = /^(weir_(ingest|query|admin)_[A-Za-z0-9_-]{43})([0-9a-f]{8})$/;

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

export function makeToken(scope: Scope): string {
  const text = `weir_${scope}_${randomBytes(32).toString('base64url')}`;
  return text + checksum(text);
}

/** Whether the text has the form of a token and was copied whole. */
export function isWellFormedToken(text: string): boolean {
  const match = FORMAT.exec(text);
  return match !== null && checksum(match[1]!) === match[3];
}

export class Tokens {
  private readonly path: string;
  private entries: TokenEntry[];
  /** By the first digits of the hash, which tell an attacker nothing about the token. */
  private byPrefix = new Map<string, TokenEntry[]>();

  private constructor(path: string, entries: TokenEntry[]) {
    this.path = path;
    this.entries = entries;
    this.index();
  }

  /** On the first start an admin token is made and written, once, to `adminTokenFile`. */
  static async open(directory: string, adminTokenFile: string): Promise<Tokens> {
    await makeDirectory(directory);
    const path = join(directory, 'tokens.json');
    if (existsSync(path)) return new Tokens(path, readEntries(path));
    const tokens = new Tokens(path, []);
    await tokens.create('admin', 'first admin', null, async (text) => {
      await writeFile(adminTokenFile, `${text}\n`, { mode: 0o600, flush: true });
    });
    return tokens;
  }

  /** `beforeKept` runs before the token is valid: who must hand it on does so first. */
  async create(scope: Scope, name: string, agentId: string | null, beforeKept?: (token: string) => Promise<void>): Promise<{ token: string; entry: TokenEntry }> {
    const token = makeToken(scope);
    const entry: TokenEntry = {
      id: `tok-${randomBytes(6).toString('hex')}`, name, scope, agentId: scope === 'ingest' ? (agentId ?? ANY_AGENT) : null,
      sha256: hash(token).toString('hex'), created: new Date().toISOString(),
    };
    await beforeKept?.(token);
    await this.keep([...this.entries, entry]);
    return { token, entry };
  }

  async revoke(id: string): Promise<boolean> {
    const left = this.entries.filter((entry) => entry.id !== id);
    if (left.length === this.entries.length) return false;
    await this.keep(left);
    return true;
  }

  list(): readonly TokenEntry[] {
    return this.entries;
  }

  /** The token's entry, or null if it is not (or no longer) valid. */
  find(token: string): TokenEntry | null {
    if (!isWellFormedToken(token)) return null;
    const digest = hash(token);
    for (const entry of this.byPrefix.get(digest.toString('hex').slice(0, 8)) ?? []) {
      if (timingSafeEqual(Buffer.from(entry.sha256, 'hex'), digest)) return entry;
    }
    return null;
  }

  private async keep(entries: TokenEntry[]): Promise<void> {
    await replaceFile(this.path, `${JSON.stringify(entries, null, 2)}\n`);
    this.entries = entries;
    this.index();
  }

  private index(): void {
    this.byPrefix = new Map();
    for (const entry of this.entries) {
      const prefix = entry.sha256.slice(0, 8);
      this.byPrefix.set(prefix, [...(this.byPrefix.get(prefix) ?? []), entry]);
    }
  }
}

function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function readEntries(path: string): TokenEntry[] {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as TokenEntry[];
  } catch (cause) {
    throw new WeirError('CONFIGURATION', `${path} cannot be read: ${(cause as Error).message}; restore it, or delete it to get a new admin token`, { cause });
  }
}
