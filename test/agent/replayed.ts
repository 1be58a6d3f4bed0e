/** Capture bytes through the whole agent pipeline, as records and seals that a test can compare. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { replayToText, type ReplayOptions, type ReplaySummary } from '../../agent/replay.ts';
import { FIELDS } from '../../shared/fields.ts';
import type { Seal } from '../../shared/seal.ts';
import { parseTopology } from '../../shared/topology/parse.ts';

export type JsonRecord = Record<string, string | number | null>;

export interface Replayed {
  readonly text: string;
  readonly records: JsonRecord[];
  readonly seals: Seal[];
  readonly summary: ReplaySummary;
}

/** Two ENIs, one of which has rules. */
export const TWO_ENIS = parseTopology(`
account-id: "1"
region: lab
security-groups:
  - security-group-id: sg-1
    type: basic
    rules:
      - { rule-id: r-web, direction: ingress, policy: accept, protocol: tcp, port-range: 80/80, priority: 1, cidr: 10.0.0.0/8 }
      - { rule-id: r-dns, direction: egress, policy: drop, protocol: udp, port-range: 53/53, priority: 1, cidr: 0.0.0.0/0 }
enis:
  - { eni-id: eni-1, addresses: [10.0.0.1, "fd00::1"], security-groups: [sg-1] }
  - { eni-id: eni-2, addresses: [10.0.0.2, "fd00::2"] }
`, 'test');

export const ALL_FIELDS = FIELDS.map((field) => field.name);

/** Each element of `captures` is the content of one file. */
export async function replayed(captures: readonly Uint8Array[], options: ReplayOptions): Promise<Replayed> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-replay-'));
  try {
    const paths = captures.map((_, i) => join(folder, `${i}.pcap`));
    captures.forEach((bytes, i) => writeFileSync(paths[i]!, bytes));
    return await replayedFiles(paths, options);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export async function replayedFiles(paths: readonly string[], options: ReplayOptions): Promise<Replayed> {
  const seals: Seal[] = [];
  let text = '';
  const output = { write: (piece: string) => void (text += piece) };
  const summary = await replayToText(paths, options, output, 'json', ALL_FIELDS, (some) => seals.push(...some));
  const records = text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as JsonRecord);
  return { text, records, seals, summary };
}
