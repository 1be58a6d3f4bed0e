import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { parquetReadObjects, type ParquetParsers } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import winston from 'winston';
import { startCollector, type Collector, type CollectorOptions } from '../../aggregator/main.ts';
import { COLUMNAR_TYPE } from '../../aggregator/receive/receiver.ts';
import { formatAddress } from '../../shared/address.ts';
import { columnsOf } from '../../shared/columns.ts';
import { FIELDS } from '../../shared/fields.ts';
import type { FieldValue } from '../../shared/record-values.ts';

export const SILENT = winston.createLogger({ silent: true });

/** A folder that goes with the test. */
export function temporaryDirectory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'weir-test-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export interface RunningCollector extends Collector {
  readonly data: string;
  readonly adminToken: string;
  request(path: string, init?: RequestInit): Promise<Response>;
  json<T = Record<string, unknown>>(path: string, init?: RequestInit): Promise<T>;
  /** Sends a columnar batch; the answer's status and document. */
  send(batch: SentBatch): Promise<{ status: number; document: Record<string, unknown> }>;
}

export interface SentBatch {
  readonly body: Uint8Array;
  readonly sequence: number;
  readonly epoch?: number;
  readonly agent?: string;
  readonly headers?: Record<string, string>;
}

export async function runCollector(t: ExecutionContext, options: Partial<CollectorOptions> = {}): Promise<RunningCollector> {
  const data = options.data ?? join(temporaryDirectory(t), 'data');
  const collector = await startCollector({ host: '127.0.0.1', port: 0, log: SILENT, settleMs: 0, ...options, data });
  t.teardown(() => collector.stop());
  return { ...collector, data, ...client(collector.url, readFileSync(collector.adminTokenFile, 'utf8').trim()) };
}

export function client(url: string, token: string): Pick<RunningCollector, 'adminToken' | 'request' | 'json' | 'send'> {
  const request = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(url + path, { ...init, headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string> | undefined) } });
  return {
    adminToken: token,
    request,
    json: async <T>(path: string, init?: RequestInit) => (await request(path, init)).json() as Promise<T>,
    send: async ({ body, sequence, epoch = 1, agent = 'agent-1', headers = {} }) => {
      const response = await request('/v1/batches', {
        method: 'POST', body: body as Uint8Array<ArrayBuffer>,
        headers: {
          'content-type': COLUMNAR_TYPE, 'weir-agent-id': agent, 'weir-epoch': String(epoch), 'weir-sequence': String(sequence), ...headers,
        },
      });
      return { status: response.status, document: (await response.json()) as Record<string, unknown> };
    },
  };
}

/** The rows of a Parquet file as `--format json` has records, read by a library that has nothing to do with the writer. */
export async function readParquet(path: string): Promise<Record<string, FieldValue>[]> {
  const bytes = readFileSync(path);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const parsers = { timestampFromMicroseconds: (micros: bigint) => micros } as unknown as Partial<ParquetParsers>;
  return (await parquetReadObjects({ file, compressors, parsers })).map(asRecord);
}

function asRecord(row: Record<string, unknown>): Record<string, FieldValue> {
  return Object.fromEntries(FIELDS.map((field) => {
    const [first, second] = columnsOf(field).map(({ name }) => row[name] ?? null);
    if (field.type === 'address') return [field.name, first === null ? null : addressText(first as bigint, second as bigint)];
    if (field.type === 'instant') return [field.name, timeOf(row, field.name)];
    return [field.name, typeof first === 'bigint' ? Number(first) : (first as FieldValue)];
  }));
}

/** A time of the file, as docs/fields.md says it is to be read: Unix seconds. */
function timeOf(row: Record<string, unknown>, name: string): number | null {
  const us = (column: string): number | null => (row[`${column}_ms`] == null ? null : Number(row[`${column}_ms`]) * 1000 + Number(row[`${column}_us`] ?? 0));
  const first = us('first_seen');
  const duration = us('duration');
  if (name === 'first-seen') return first === null ? null : (Number(row['start']) * 1e6 + first) / 1e6;
  return duration === null ? null : (Number(row['start']) * 1e6 + (first ?? 0) + duration) / 1e6;
}

function addressText(high: bigint, low: bigint): string {
  const words = [high >> 32n, high & 0xffff_ffffn, low >> 32n, low & 0xffff_ffffn].map(Number);
  return formatAddress(Int32Array.from(words, (word) => word | 0), 0);
}

/** Every Parquet file of a LogStore: after a stop there are no others than those that count. */
export function parquetFiles(data: string, logStore: string): string[] {
  const folder = join(data, 'logstores', `logstore=${logStore}`);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.parquet')).sort().map((name) => join(folder, name));
}

export async function storedRows(data: string, logStore = 'default'): Promise<Record<string, FieldValue>[]> {
  return (await Promise.all(parquetFiles(data, logStore).map(readParquet))).flat();
}
