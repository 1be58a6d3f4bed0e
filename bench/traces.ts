/** The traces of `npm run bench`, made once and kept in the system's temporary directory. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TRACE_DEFAULTS, writeTrace, type TraceOptions } from './trace.ts';

export const CACHE_FOLDER = join(tmpdir(), 'weir-bench-cache');
const PACKETS = 10_000_000;
const QUICK_PACKETS = 1_000_000;
/** The generator's own version: another one makes other bytes. */
const GENERATOR = 1;

const SHAPES: Readonly<Record<string, Partial<TraceOptions>>> = {
  '40,000 flows': {},
  '1 million flows': { flows: 1_000_000 },
  'all IPv6': { ipv6: 1 },
  'mixed': { ipv6: 0.2, vlan: 0.2, fragments: 0.02, newFlows: 2000 },
  'SYN scan': { scan: true },
};

export interface Trace {
  readonly name: string;
  readonly path: string;
  readonly packets: number;
}

export function trace(name: string, isQuick: boolean): Trace {
  const options: TraceOptions = { ...TRACE_DEFAULTS, packets: isQuick ? QUICK_PACKETS : PACKETS, ...SHAPES[name] };
  const digest = createHash('sha256').update(JSON.stringify([GENERATOR, options])).digest('hex').slice(0, 12);
  const path = join(CACHE_FOLDER, `${digest}.pcap`);
  mkdirSync(CACHE_FOLDER, { recursive: true });
  if (!existsSync(path)) {
    process.stderr.write(`making the trace "${name}" ...\n`);
    writeTrace(`${path}.part`, options);
    renameSync(`${path}.part`, path);
  }
  return { name, path, packets: options.packets };
}

export const TRACE_NAMES = Object.keys(SHAPES);
