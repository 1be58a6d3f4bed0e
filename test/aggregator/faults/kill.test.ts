import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import fc from 'fast-check';
import type { FieldValue } from '../../../shared/record-values.ts';
import { encodeColumnar } from '../../../shared/wire/encode-columnar.ts';
import { CONTEXT, recordAsJson, recordsOf, sampleRow, sealOf, WINDOW_START, type SampleRow } from '../../shared/wire/wire-samples.ts';
import { client, runCollector, storedRows, temporaryDirectory } from '../collector-fixture.ts';
import { asSet, mergeRows } from '../publish/merge-model.ts';

const KILLS = Number(process.env['WEIR_TEST_KILLS'] ?? 20);
const SEED = Number(process.env['WEIR_TEST_SEED'] ?? Date.now() % 1_000_000);
const AGENTS = 20;
const PROGRAM = fileURLToPath(new URL('./collector-process.ts', import.meta.url));

const rowPool = fc.sample(sampleRow, { numRuns: 500, seed: SEED }).map((row) => ({
  ...row, source: [0, 0, 0xffff, row.sourcePort % 5], sourcePort: row.sourcePort % 3, packets: row.packets % 1000, bytes: row.bytes % 10_000, fragments: row.fragments % 10,
}));

interface Target { url: string; token: string }

/** Sends batch after batch, each until it is acknowledged, to whichever collector lives. */
class Generator {
  readonly agent: string;
  readonly rows: Record<string, FieldValue>[] = [];
  batches = 0;
  private stopped = false;
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
      while (!(await this.attempt(body, sequence))) await new Promise((resolve) => setTimeout(resolve, 20));
      this.batches++;
    }
  }

  stop(): void {
    this.stopped = true;
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

async function start(data: string): Promise<{ child: ChildProcess; target: Target }> {
  const child = spawn(process.execPath, ['--import=tsx', PROGRAM, data], { stdio: ['ignore', 'pipe', 'inherit'] });
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

test(`kill -9 at ${KILLS} random moments under load from ${AGENTS} agents: no row lost, none doubled (seed ${SEED})`, async (t) => {
  t.timeout(600_000 + KILLS * 10_000);
  const data = join(temporaryDirectory(t), 'data');
  let target: Target | null = null;
  const generators = Array.from({ length: AGENTS }, (_, i) => new Generator(`agent-${i}`, () => target));
  const running = generators.map((generator) => generator.run());
  const failed = Promise.all(running);
  failed.catch(() => {});
  const moments = fc.sample(fc.integer({ min: 0, max: 700 }), { numRuns: KILLS, seed: SEED });
  let published = 0;
  for (const [i, moment] of moments.entries()) {
    const started = await start(data);
    target = started.target;
    // Most in the midst of publications, some before the first.
    if (i % 4 > 0) published += await Promise.race([untilPublished(started.target), failed.then(() => 0)]);
    await Promise.race([new Promise((resolve) => setTimeout(resolve, moment)), failed]);
    started.child.kill('SIGKILL');
    await once(started.child, 'exit');
    target = null;
  }
  const last = await runCollector(t, { data });
  target = { url: last.url, token: last.adminToken };
  for (const generator of generators) generator.stop();
  await failed;
  await last.flush();
  const metrics = await (await last.request('/v1/logstores')).json() as { logstores: { rows: number }[] };
  await last.stop();
  const stored = (await storedRows(data)).filter((row) => row['log-status'] === 'OK');
  const expected = mergeRows(generators.flatMap((generator) => generator.rows));
  t.log(`${generators.reduce((sum, { batches }) => sum + batches, 0)} batches, ${published} windows published before a kill, ${generators.reduce((sum, { rows }) => sum + rows.length, 0)} rows sent, ${stored.length} rows stored in ${metrics.logstores.length} LogStore`);
  t.deepEqual(asSet(stored), asSet(expected));
});
