import { mkdtempSync, rmSync } from 'node:fs';
import { statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import type { Catalog, Completeness, LogStoreFile } from '../../../aggregator/logstore/catalog.ts';
import { halvesOf } from '../../../aggregator/query/sql/address-range.ts';
import { sqlHalf, sqlInstant, sqlString } from '../../../aggregator/query/sql/literal.ts';
import { parseAddress } from '../../../shared/address.ts';
import { COLUMNS, sqlName } from '../../../shared/columns.ts';
import { ACTIONS, DIRECTIONS, FIELDS, FLOW_STATES, INITIATORS } from '../../../shared/fields.ts';
import type { FieldValue } from '../../../shared/record-values.ts';

/** A record as `weir replay --format json` prints it, with all fields. */
export type SampleRecord = Readonly<Record<string, FieldValue>>;

export const WINDOW_SECONDS = 60;
export const FIRST_WINDOW = 1_700_000_040;

/** LogStore `test`: one Parquet file a window, written by DuckDB as the publisher does it. */
export class SampleStore implements Catalog {
  readonly directory = mkdtempSync(join(tmpdir(), 'weir-query-test-'));
  readonly records: SampleRecord[] = [];
  private readonly fileList: LogStoreFile[] = [];

  async add(records: readonly SampleRecord[]): Promise<void> {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const windows = new Map<string, SampleRecord[]>();
    for (const record of records) {
      const window = `${record['start']}-${record['end']}`;
      windows.set(window, [...(windows.get(window) ?? []), record]);
    }
    await connection.run(`CREATE TABLE w (${COLUMNS.map((column) => `${sqlName(column)} ${column.sqlType}`).join(', ')})`);
    for (const [window, rows] of windows) {
      const [start, end] = window.split('-').map(Number) as [number, number];
      await connection.run('DELETE FROM w');
      for (let first = 0; first < rows.length; first += 500) {
        await connection.run(`INSERT INTO w VALUES ${rows.slice(first, first + 500).map(valuesOf).join(', ')}`);
      }
      const path = join(this.directory, `${window}-${this.fileList.length}.parquet`);
      await connection.run(`COPY w TO ${sqlString(path)} (FORMAT parquet, COMPRESSION zstd)`);
      this.fileList.push({ path, windowStart: start, windowSeconds: end - start, rows: rows.length, bytes: statSync(path).size });
    }
    connection.closeSync();
    instance.closeSync();
    this.records.push(...records);
    this.fileList.sort((a, b) => a.windowStart - b.windowStart);
  }

  files(_logStore: string, from: number, to: number): LogStoreFile[] {
    return this.fileList.filter((file) => file.windowStart + file.windowSeconds > from && file.windowStart < to);
  }

  completeness(): Completeness {
    return { state: 'COMPLETE', windows: this.fileList.length, pendingWindows: 0, complete: this.fileList.length, partial: 0, missing: 0, lostPackets: 0, lossUnknown: 0 };
  }

  logStores() {
    return [{ name: 'test', rows: this.records.length, bytes: 1, windows: this.fileList.length, from: null, to: null }];
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function valuesOf(record: SampleRecord): string {
  return `(${COLUMNS.map((column) => {
    const value = record[column.field.name] ?? null;
    if (value === null) return 'NULL';
    if (column.half !== null) {
      const halves = halvesOf(parseAddress(value as string)!);
      return sqlHalf(column.half === 'hi' ? halves.high : halves.low);
    }
    if (column.field.type === 'instant') return sqlInstant(Math.round((value as number) * 1e6));
    return typeof value === 'string' ? sqlString(value) : String(value);
  }).join(', ')})`;
}

export const ADDRESSES = ['10.0.0.1', '10.0.3.7', '10.200.0.9', '192.168.1.1', '0.0.0.0', '255.255.255.255', '::', '::1', 'fe80::1', '2001:db8::1', '2001:db8:0:1::2', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'];
export const ENIS = ['eni-a', 'eni-b', 'eni-a1', 'eni_%', "o'brien"];
const nullable = <T>(values: readonly T[]) => fc.constantFrom<T | null>(null, ...values);

const flow = fc.record({
  'version': fc.constant(1),
  'vswitch-id': nullable(['vsw-1', 'vsw-2']),
  'vm-id': nullable(['i-1', 'a"b', 'back\\slash']),
  'vpc-id': nullable(['vpc-1']),
  'account-id': fc.constant(null),
  'eni-id': fc.constantFrom(...ENIS),
  'srcaddr': fc.constantFrom(...ADDRESSES),
  'srcport': fc.constantFrom(0, 443, 1024, 40_000, 65_535),
  'dstaddr': fc.constantFrom(...ADDRESSES),
  'dstport': fc.constantFrom(0, 22, 80, 443, 8080),
  'protocol': fc.constantFrom(1, 6, 17, 58, 255),
  'direction': fc.constantFrom(...DIRECTIONS),
  'packets': fc.constantFrom(1, 2, 10, 1e9, 2 ** 53 - 1),
  'bytes': fc.constantFrom(40, 1500, 1e12, 2 ** 53 - 1),
  'start': fc.integer({ min: 0, max: 4 }).map((window) => FIRST_WINDOW + window * WINDOW_SECONDS),
  'log-status': fc.constant('OK'),
  'action': fc.constantFrom(...ACTIONS),
  'region': fc.constant(null),
  'first-seen': fc.integer({ min: 0, max: 59_999_999 }),
  'tcp-flags': nullable([2, 18, 255]),
  'icmp-type': nullable([8]),
  'icmp-code': nullable([0]),
  'fragments': fc.constantFrom(0, 3),
  'sg-id': nullable(['sg-1']),
  'rule-id': nullable(['r-1', 'r-2']),
  'rule-reason': fc.constantFrom('rule', 'default', 'established'),
  'ruleset-rev': fc.constantFrom(1, 2, 4_000_000_000),
  'initiator': fc.constantFrom(...INITIATORS),
  'flow-state': fc.constantFrom(...FLOW_STATES),
  'agent-id': fc.constantFrom('agent-1', 'agent-2'),
});

/** A flow's record, or one that states that a window had none. */
export const sampleRecord: fc.Arbitrary<SampleRecord> = fc.tuple(flow, fc.integer({ min: 0, max: 9 })).map(([record, dice]) => {
  const end = record.start + WINDOW_SECONDS;
  if (dice > 0) {
    const us = record.start * 1e6 + record['first-seen'];
    return { ...record, end, 'first-seen': us / 1e6, 'last-seen': (us + 1) / 1e6, 'skipped-packets': null };
  }
  const blank = Object.fromEntries(FIELDS.map((field) => [field.name, null]));
  return {
    ...blank, 'version': 1, 'eni-id': record['eni-id'], 'start': record.start, end, 'agent-id': record['agent-id'],
    'log-status': record['fragments'] === 0 ? 'NODATA' : 'SKIPDATA', 'skipped-packets': record['fragments'] === 0 ? null : 7,
  };
});

export function sampleRecords(count: number, seed: number): SampleRecord[] {
  return fc.sample(sampleRecord, { numRuns: count, seed });
}
