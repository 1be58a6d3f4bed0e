import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { FieldValue } from '../../../shared/record-values.ts';
import { encodeColumnar } from '../../../shared/wire/encode-columnar.ts';
import { CONTEXT, recordAsJson, recordsOf, sampleRow, sealOf, WINDOW_START, type SampleRow } from '../../shared/wire/wire-samples.ts';
import { client, runCollector, storedRows, temporaryDirectory } from '../collector-fixture.ts';
import { asSet, mergeRows } from '../publish/merge-model.ts';
import { buildCollector } from './built-collector.ts';

const KILLS = Number(process.env['WEIR_TEST_KILLS'] ?? (process.env['CI'] ? 200 : 40));
const SEED = Number(process.env['WEIR_TEST_SEED'] ?? Date.now() % 1_000_000);
const AGENTS = 20;
const MERGED_EVERY = 200;
/** Each with agents and a data directory of its own: one that starts leaves a processor for one that works. */
const SIDE_BY_SIDE = 3;

const rowPool = fc.sample(sampleRow, { numRuns: 500, seed: SEED }).map((row) => ({
  ...row, source: [0, 0, 0xffff, row.sourcePort % 5], sourcePort: row.sourcePort % 3, packets: row.packets % 1000, bytes: row.bytes % 10_000, fragments: row.fragments % 10,
}));

interface Target { url: string; token: string }

/** Sends batch after batch, each until it is acknowledged, to whichever collector lives. */
class Generator {
  readonly agent: string;
  /** What was sent, merged now and then: it is millions in the long form. */
  rows: Record<string, FieldValue>[] = [];
  rowsSent = 0;
  batches = 0;
  private stopped = false;
  private isAbandoned = false;
  private readonly target: () => Target | null;

  constructor(agent: string, target: () => Target | null) {
    this.agent = agent;
    this.target = target;
  }

  async run(): Promise<void> {
    const context = { ...CONTEXT, agentId: this.agent };
    for (let sequence = 1; !this.stopped; sequence++) {
      const start = WINDOW_START + 600 * (Math.floor(sequence / 20) % 3);
      const rows: SampleRow[] = Array.from({ length: 1 + (sequence * 7) % 40 }, (_, i) => rowPool[(sequence * 31 + i * 17) % rowPool.length]!);
      const records = recordsOf(rows, start);
      const seals = sequence % 5 === 0 ? CONTEXT.enis.map(({ eniId }) => sealOf({ agentId: this.agent, eniId, windowStart: start })) : [];
      const body = encodeColumnar([records], seals, context);
      // Stored, or not: it is sent until one answer says so.
      rows.forEach((_, row) => this.rows.push(recordAsJson(records, row, context)));
      this.rowsSent += rows.length;
      if (sequence % MERGED_EVERY === 0) this.rows = mergeRows(this.rows);
      while (!this.isAbandoned && !(await this.attempt(body, sequence))) await new Promise((resolve) => setTimeout(resolve, 20));
      this.batches++;
    }
  }

  /** When the batch that is being sent is stored; `abandon`: at once. */
  stop({ abandon = false } = {}): void {
    this.stopped = true;
    this.isAbandoned = abandon;
  }

  private async attempt(body: Uint8Array, sequence: number): Promise<boolean> {
    const target = this.target();
    if (!target) return false;
    try {
      const { status, document } = await client(target.url, target.token).send({ body, sequence, agent: this.agent });
      if (status >= 400 && status !== 503) throw new Error(`${this.agent} ${sequence}: ${status} ${String(document['detail'])}`);
      return status === 200;
    } catch (error) {
      if (error instanceof TypeError || (error as Error).name === 'AbortError' || error instanceof SyntaxError) return false;
      throw error;
    }
  }
}

async function start(program: string, data: string): Promise<{ child: ChildProcess; target: Target }> {
  const child = spawn(process.execPath, [program, data, 'no-queries'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout! }), 'line'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the collector did not start: exit code ${code}`))),
  ])) as [string];
  const { url, adminTokenFile } = JSON.parse(line) as { url: string; adminTokenFile: string };
  return { child, target: { url, token: readFileSync(adminTokenFile, 'utf8').trim() } };
}

/** Resolves when this run of the collector has published something, with how many windows. */
async function untilPublished({ url, token }: Target): Promise<number> {
  for (;;) {
    const metrics = await (await client(url, token).request('/metrics')).text();
    const windows = Number(/^weir_published_windows_total (\d+)/m.exec(metrics)?.[1] ?? 0);
    if (windows > 0) return windows;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A collector that is killed again and again, and the agents that send to it. */
class KilledCollector {
  readonly generators: readonly Generator[];
  kills = 0;
  published = 0;
  private target: Target | null = null;
  private child: ChildProcess | null = null;
  private readonly program: string;
  private readonly data: string;

  constructor(program: string, data: string) {
    this.program = program;
    this.data = data;
    this.generators = Array.from({ length: AGENTS }, (_, i) => new Generator(`agent-${i}`, () => this.target));
  }

  /** Kills it so many milliseconds after it has published, or at times after its start; then lets a last one finish. */
  async run(t: ExecutionContext, moments: readonly number[]): Promise<void> {
    const failed = Promise.all(this.generators.map((generator) => generator.run()));
    failed.catch(() => {});
    for (const moment of moments) {
      const { child, target } = await start(this.program, this.data);
      this.child = child;
      this.target = target;
      // Most in the midst of publications, some before the first.
      if (this.kills % 4 > 0) this.published += await Promise.race([untilPublished(target), failed.then(() => 0)]);
      await Promise.race([new Promise((resolve) => setTimeout(resolve, moment)), failed]);
      child.kill('SIGKILL');
      await once(child, 'exit');
      this.target = null;
      this.kills++;
      if (KILLS > 1000 && this.kills % 50 === 0) console.log(`${this.data}: ${this.kills} kills`);
    }
    const last = await runCollector(t, { data: this.data });
    this.target = { url: last.url, token: last.adminToken };
    for (const generator of this.generators) generator.stop();
    await failed;
    await last.flush();
    await last.stop();
  }

  /** Where another one has failed. */
  abandon(): void {
    for (const generator of this.generators) generator.stop({ abandon: true });
    this.child?.kill('SIGKILL');
  }

  /** Compares the rows that are stored with those that were sent, once each; how many are stored. */
  async check(t: ExecutionContext): Promise<number> {
    const stored = (await storedRows(this.data)).filter((row) => row['log-status'] === 'OK');
    t.deepEqual(asSet(stored), asSet(mergeRows(this.generators.flatMap((generator) => generator.rows))));
    return stored.length;
  }
}

test(`kill -9 at ${KILLS} random moments under load from ${AGENTS} agents: no row lost, none doubled (seed ${SEED})`, async (t) => {
  t.timeout(900_000 + KILLS * 10_000);
  const program = await buildCollector(t);
  const directory = temporaryDirectory(t);
  const collectors = Array.from({ length: SIDE_BY_SIDE }, (_, i) => new KilledCollector(program, join(directory, `data-${i}`)));
  t.teardown(() => collectors.forEach((collector) => collector.abandon()));
  const moments = fc.sample(fc.integer({ min: 0, max: 400 }), { numRuns: KILLS, seed: SEED });
  await Promise.all(collectors.map((collector, i) => collector.run(t, moments.filter((_, kill) => kill % SIDE_BY_SIDE === i))));
  let stored = 0;
  for (const collector of collectors) stored += await collector.check(t);
  const sum = (of: (collector: KilledCollector) => number): number => collectors.reduce((total, collector) => total + of(collector), 0);
  const all = collectors.flatMap(({ generators }) => generators);
  t.log(`${sum(({ kills }) => kills)} kills of ${SIDE_BY_SIDE} collectors, ${all.reduce((batches, generator) => batches + generator.batches, 0)} batches, ${sum(({ published }) => published)} windows published before a kill, ${
    all.reduce((rows, generator) => rows + generator.rowsSent, 0)} rows sent, ${stored} rows stored`);
});
