import { readFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';
import winston from 'winston';
import { rowsOfFiles } from '../../aggregator/logstore/file-columns.ts';
import { startCollector } from '../../aggregator/main.ts';
import { parquetFiles } from '../aggregator/collector-fixture.ts';
import { agentName, emptyRow, ENIS_AN_AGENT, eniName, fillRow, rowCount, windowNumber, windowSeals, type MadeWindow, type WindowSizes } from './chaos-windows.ts';

export interface AuditOutcome {
  readonly windows: number;
  readonly made: number;
  readonly stored: number;
  /** Rows and packets that are not stored, and windows of an ENI that state them. */
  readonly lost: number;
  readonly lostPackets: number;
  readonly lostWindows: number;
  readonly violations: readonly string[];
}

/** What one ENI's window lacks. */
interface Missing {
  rows: number;
  packets: number;
}

interface Cell {
  readonly 'eni-id': string;
  readonly start: number;
  readonly state: string;
  readonly 'lost-packets': number;
  readonly 'loss-unknown': boolean;
  readonly 'nodata': boolean;
  readonly agents: readonly { readonly rows: number; readonly records: number | null }[];
}

const PLACE_COLUMNS = [
  'eni_id', 'agent_id', 'log_status', '"start"::DOUBLE', 'skipped_packets::DOUBLE',
  '(srcaddr_hi & 4294967295)::DOUBLE', '(srcaddr_lo >> 32)::DOUBLE', '(srcaddr_lo & 4294967295)::DOUBLE',
];
const VALUE_COLUMNS = [
  '(dstaddr_lo & 4294967295)::DOUBLE', 'srcport::DOUBLE', 'dstport::DOUBLE', 'protocol::DOUBLE', 'packets::DOUBLE', 'bytes::DOUBLE',
  'epoch_us(first_seen)::DOUBLE', 'epoch_us(last_seen)::DOUBLE',
];

/** Holds what a LogStore has against what its agents made: each row as it was made, once, or stated to be lost. */
class Audit {
  readonly violations: string[] = [];
  made = 0;
  stored = 0;
  private readonly seed: number;
  private readonly sizes: readonly WindowSizes[];
  /** By agent: the life of each of its windows. */
  private readonly lives: readonly (readonly number[])[];
  /** By agent and window: which rows were found. */
  private readonly found = new Map<string, Uint8Array>();
  /** By ENI and window: what status rows say. */
  private readonly skipped = new Map<string, number>();

  constructor(seed: number, sizes: readonly WindowSizes[], lives: readonly (readonly number[])[]) {
    this.seed = seed;
    this.sizes = sizes;
    this.lives = lives;
    for (const [agent, own] of lives.entries()) {
      for (const [number, life] of own.entries()) {
        const count = rowCount({ seed, agent, number, life }, sizes[agent]!);
        this.made += count;
        this.found.set(`${agent} ${number}`, new Uint8Array(count));
      }
    }
  }

  async readRows(data: string): Promise<void> {
    const files = parquetFiles(data, 'default').map((path) => `'${path.replaceAll("'", "''")}'`);
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await instance.connect();
    const rows = await connection.stream(`SELECT ${[...PLACE_COLUMNS, ...VALUE_COLUMNS].join(', ')} FROM (${rowsOfFiles(`[${files.join(', ')}]`)})`);
    for (let chunk = await rows.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await rows.fetchChunk()) {
      for (const row of chunk.getRows()) this.take(row);
    }
    connection.closeSync();
    instance.closeSync();
  }

  private take([eniId, agentId, status, start, skippedPackets, number, life, row, ...values]: readonly unknown[]): void {
    const at = `${String(eniId)} ${windowNumber(Number(start))}`;
    if (status !== 'OK') {
      if (status === 'SKIPDATA') this.skipped.set(at, (this.skipped.get(at) ?? 0) + (skippedPackets === null ? NaN : Number(skippedPackets)));
      return;
    }
    this.stored++;
    const place = `row ${String(row)} of ${at}, life ${String(life)}`;
    const agent = this.lives.findIndex((_, one) => agentName(one) === agentId);
    const found = this.found.get(`${agent} ${Number(number)}`);
    if (!found || windowNumber(Number(start)) !== number || eniId !== eniName(agent, Number(row) % ENIS_AN_AGENT)) this.violate(`${place} was never made`);
    else if (this.lives[agent]![Number(number)] !== life) this.violate(`${place} comes from a life that was told of nothing; the window was made in life ${this.lives[agent]![Number(number)]!}`);
    else if (!(Number(row) < found.length)) this.violate(`${place} is one too many`);
    else if (found[Number(row)] === 1) this.violate(`${place} is there twice`);
    else {
      found[Number(row)] = 1;
      const expected = emptyRow();
      fillRow({ seed: this.seed, agent, number: Number(number), life: Number(life) }, Number(row), expected);
      const made = Object.values(expected) as number[];
      if (made.some((value, i) => value !== values[i])) this.violate(`${place} is ${values.join()} and was ${made.join()}`);
    }
  }

  /** Each ENI's window must be in the grid, and admit exactly what is missing. */
  checkCells(cells: readonly Cell[]): Pick<AuditOutcome, 'windows' | 'lost' | 'lostPackets' | 'lostWindows'> {
    const byPlace = new Map(cells.map((cell) => [`${cell['eni-id']} ${windowNumber(cell.start)}`, cell]));
    const total = { windows: 0, lost: 0, lostPackets: 0, lostWindows: 0 };
    for (const [agent, own] of this.lives.entries()) {
      for (const [number, life] of own.entries()) {
        const made = { seed: this.seed, agent, number, life };
        const missing = this.missing(made);
        const seals = windowSeals(made, rowCount(made, this.sizes[agent]!));
        for (const [eni, { rows, packets }] of missing.entries()) {
          const at = `${eniName(agent, eni)} ${number}`;
          this.checkCell(at, byPlace.get(at), missing[eni]!, seals[eni]!.records);
          byPlace.delete(at);
          total.windows++;
          total.lost += rows;
          total.lostPackets += packets;
          if (rows > 0) total.lostWindows++;
        }
      }
    }
    for (const at of byPlace.keys()) this.violate(`${at} is in the grid, and nobody made it`);
    return total;
  }

  private checkCell(at: string, cell: Cell | undefined, { rows, packets }: Missing, records: number): void {
    if (!cell) {
      this.violate(`${at} is not in the grid`);
      return;
    }
    const said = {
      state: cell.state, lost: cell['lost-packets'], unknown: cell['loss-unknown'], nodata: cell.nodata,
      rows: cell.agents[0]?.rows, records: cell.agents[0]?.records, agents: cell.agents.length, skipped: this.skipped.get(at) ?? 0,
    };
    const is = {
      state: rows > 0 ? 'PARTIAL' : 'COMPLETE', lost: packets, unknown: false, nodata: records === 0,
      rows: records - rows, records, agents: 1, skipped: packets,
    };
    if (JSON.stringify(said) !== JSON.stringify(is)) this.violate(`${at} says ${JSON.stringify(said)} and is ${JSON.stringify(is)}`);
  }

  private missing(made: MadeWindow): Missing[] {
    const missing = Array.from({ length: ENIS_AN_AGENT }, () => ({ rows: 0, packets: 0 }));
    const values = emptyRow();
    for (const [row, isThere] of this.found.get(`${made.agent} ${made.number}`)!.entries()) {
      if (isThere === 1) continue;
      fillRow(made, row, values);
      const ofEni = missing[row % ENIS_AN_AGENT]!;
      ofEni.rows++;
      ofEni.packets += values.packets;
    }
    return missing;
  }

  private violate(text: string): void {
    this.violations.push(text);
  }
}

/** Publishes what waits in the data directory of a collector that is gone, and holds it against the ledgers. */
export async function auditChaos(data: string, seed: number, sizes: readonly WindowSizes[], lives: readonly (readonly number[])[]): Promise<AuditOutcome> {
  const collector = await startCollector({ data, host: '127.0.0.1', port: 0, log: winston.createLogger({ silent: true }), settleMs: 0 });
  await collector.flush();
  const cells = await readCells(collector.url, readFileSync(collector.adminTokenFile, 'utf8').trim());
  // files that do not count go with the stop
  await collector.stop();
  const audit = new Audit(seed, sizes, lives);
  await audit.readRows(data);
  const total = audit.checkCells(cells);
  return { ...total, made: audit.made, stored: audit.stored, violations: audit.violations };
}

async function readCells(url: string, token: string): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const response: Response = await fetch(`${url}/v1/completeness?logstore=default${query}`, { headers: { authorization: `Bearer ${token}` } });
    if (!response.ok) throw new Error(await response.text());
    const page = await response.json() as { cells: Cell[]; next: string | null };
    cells.push(...page.cells);
    cursor = page.next;
  }
  return cells;
}
