import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import winston from 'winston';
import { startCollector, type Collector, type CollectorOptions } from '../../aggregator/main.ts';
import type { StoreWindow } from '../../aggregator/logstore/ledger-record.ts';
import { COLUMNAR_TYPE } from '../../aggregator/receive/receiver.ts';

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

/** The rows of a Parquet file, read by a library that has nothing to do with the one that wrote it. */
export async function readParquet(path: string): Promise<Record<string, unknown>[]> {
  const bytes = readFileSync(path);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  return parquetReadObjects({ file, compressors });
}

/** All rows of a LogStore, by way of what the ledger names. */
export async function logStoreRows(data: string, windows: Iterable<StoreWindow>): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for (const { path } of windows) if (path !== null) rows.push(...await readParquet(join(data, path)));
  return rows;
}
