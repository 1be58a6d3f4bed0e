import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants, getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { QueryFailure } from '../../../aggregator/query/query-failure.ts';
import { QueryPool, type PoolJob } from '../../../aggregator/query/query-pool.ts';
import { DEFAULT_QUERY_SETTINGS, type QuerySettings } from '../../../aggregator/query/query-settings.ts';
import { LIMITS_PROCESSES } from '../../../aggregator/query/worker/address-space.ts';
import { untilBusy } from './busy-process.ts';

const TENS = '(SELECT unnest([1,2,3,4,5,6,7,8,9,10]))';
/** Billions of rows that no limit on memory stops. */
const ENDLESS = `SELECT count(*) FROM ${[...'abcdefghijkl'].map((name) => `${TENS} ${name}`).join(', ')} WHERE sin(random()) > 2`;

function select(text: string): PoolJob {
  return { files: [], predicate: 'TRUE', question: { kind: 'select', text, defaultRows: 100, maximumRows: 1000 }, format: 'json', envelope: {} };
}

async function withPool(settings: Partial<QuerySettings>, run: (pool: QueryPool) => Promise<void>): Promise<void> {
  const pool = new QueryPool({ ...DEFAULT_QUERY_SETTINGS, niceness: 0, ...settings });
  pool.start();
  try {
    await run(pool);
  } finally {
    await pool.stop();
  }
}

async function rows(pool: QueryPool, text: string): Promise<unknown> {
  const { answer, dispose } = await pool.run(select(text));
  await dispose();
  return (JSON.parse(Buffer.from(answer.body!).toString()) as { rows: unknown }).rows;
}

test.serial('a query that takes too long is killed at the deadline, and the next one is answered', async (t) => {
  await withPool({ workers: 1, deadlineMs: 4000 }, async (pool) => {
    await rows(pool, 'SELECT 1');
    const startedMs = performance.now();
    const error = await t.throwsAsync(pool.run(select(ENDLESS)), { instanceOf: QueryFailure, message: /longer than 4 s/ });
    t.is(error.reason, 'deadline');
    t.true(performance.now() - startedMs < 20_000);
    t.deepEqual(await rows(pool, 'SELECT 42 FROM (VALUES (1))'), [[42]]);
    t.is(pool.counts.killed, 1);
  });
});

test.serial('a worker that dies is replaced', async (t) => {
  await withPool({ workers: 1 }, async (pool) => {
    await rows(pool, 'SELECT 1');
    const running = t.throwsAsync(pool.run(select(ENDLESS)), { instanceOf: QueryFailure, message: /worker process ended \(SIGKILL\)/ });
    for (const pid of pool.workerPids) process.kill(pid, 'SIGKILL');
    t.is((await running).reason, 'ended');
    t.deepEqual(await rows(pool, 'SELECT 42 FROM (VALUES (1))'), [[42]]);
  });
});

test.serial('a query ends when its client leaves, running or waiting', async (t) => {
  await withPool({ workers: 1, deadlineMs: 600_000 }, async (pool) => {
    await rows(pool, 'SELECT 1');
    const [worker] = pool.workerPids;
    const [first, second] = [new AbortController(), new AbortController()];
    const running = t.throwsAsync(pool.run(select(ENDLESS), first.signal), { instanceOf: QueryFailure });
    const waiting = t.throwsAsync(pool.run(select('SELECT 1'), second.signal), { instanceOf: QueryFailure });
    t.is(pool.waitingJobs, 1);
    second.abort();
    t.is((await waiting).reason, 'cancelled');
    t.is(pool.waitingJobs, 0);
    await untilBusy(worker!);
    first.abort();
    t.is((await running).reason, 'cancelled');
    t.is(pool.counts.killed, 1);
    t.deepEqual(await rows(pool, 'SELECT 42 FROM (VALUES (1))'), [[42]]);
    t.false(pool.workerPids.includes(worker!));
  });
});

test.serial('a client that leaves before a worker has its query costs no worker', async (t) => {
  await withPool({ workers: 1 }, async (pool) => {
    await rows(pool, 'SELECT 1');
    const workers = pool.workerPids;
    const leave = new AbortController();
    const running = t.throwsAsync(pool.run(select(ENDLESS), leave.signal), { instanceOf: QueryFailure });
    leave.abort();
    t.is((await running).reason, 'cancelled');
    t.deepEqual(await rows(pool, 'SELECT 42 FROM (VALUES (1))'), [[42]]);
    t.is(pool.counts.killed, 0);
    t.deepEqual(pool.workerPids, workers);
  });
});

test.serial('one more than may wait is refused at once', async (t) => {
  await withPool({ workers: 1, queue: 1 }, async (pool) => {
    const leave = new AbortController();
    const all = [pool.run(select(ENDLESS), leave.signal), pool.run(select(ENDLESS), leave.signal)].map((job) => t.throwsAsync(job));
    const error = await t.throwsAsync(pool.run(select('SELECT 1')), { instanceOf: QueryFailure, message: /1 are waiting/ });
    t.is(error.reason, 'busy');
    leave.abort();
    await Promise.all(all);
    t.is(pool.counts.refused, 1);
  });
});

test.serial('memory is bounded by DuckDB for what it accounts for', async (t) => {
  await withPool({ memoryBytes: 64 * 1024 ** 2, spillBytes: 1024 ** 2 }, async (pool) => {
    const text = `SELECT list(x || md5(x)) FROM (SELECT concat(a, b, c, d, e, f, g) AS x FROM ${
      [...'abcdefg'].map((name) => `(SELECT unnest([1,2,3,4,5,6,7,8,9,10]) AS ${name}) t${name}`).join(', ')})`;
    const error = await t.throwsAsync(pool.run(select(text)), { instanceOf: QueryFailure });
    t.true(error.reason === 'memory' || error.reason === 'ended', `${error.reason}: ${error.message}`);
  });
});

test.serial('a worker stands under the kernel\'s limits', async (t) => {
  if (!LIMITS_PROCESSES) {
    t.log('no prlimit on this system: workers run without a limit on their address space');
    t.pass();
    return;
  }
  await withPool({ workers: 1, addressSpaceBytes: 1024 ** 3 }, async (pool) => {
    await rows(pool, 'SELECT 1');
    const limits = pool.workerPids.map((pid) => readFileSync(`/proc/${pid}/limits`, 'utf8'));
    t.true(limits.some((text) => /Max address space\s+\d+\s+\d+\s+bytes/.test(text) && /Max core file size\s+0\s/.test(text)));
  });
});

test.serial('a worker does its share of jobs and is replaced', async (t) => {
  await withPool({ workers: 1, jobsPerWorker: 1 }, async (pool) => {
    await rows(pool, 'SELECT 1');
    const [before] = pool.workerPids;
    await rows(pool, 'SELECT 1');
    // it goes after its answer; if it stays, this never ends
    while (pool.workerPids.includes(before!)) await new Promise((resolve) => setTimeout(resolve, 10));
    await rows(pool, 'SELECT 1');
    t.false(pool.workerPids.includes(before!));
  });
});

test.serial('no environment but the harmless part reaches a worker', async (t) => {
  process.env['WEIR_TOKEN'] = 'secret';
  try {
    await withPool({ workers: 1 }, async (pool) => {
      await rows(pool, 'SELECT 1');
      if (process.platform !== 'linux') {
        t.pass();
        return;
      }
      const environment = readFileSync(`/proc/${pool.workerPids[0]}/environ`, 'utf8');
      t.true(environment.includes('PATH='));
      t.false(environment.includes('WEIR_TOKEN'));
    });
  } finally {
    delete process.env['WEIR_TOKEN'];
  }
});

test.serial('no more than the workers run at once, however many wait', async (t) => {
  await withPool({ workers: 2, queue: 20 }, async (pool) => {
    const most: number[] = [];
    await Promise.all(Array.from({ length: 12 }, async () => {
      await rows(pool, 'SELECT 1');
      most.push(pool.runningJobs);
    }));
    t.true(most.every((running) => running >= 0 && running <= 2), most.join(' '));
    t.is(pool.runningJobs, 0);
    t.is(pool.waitingJobs, 0);
  });
});

/** Resolves when the process is gone; rejects after that long. */
async function untilGone(pid: number, limitMs: number): Promise<void> {
  const startedMs = performance.now();
  while (existsSync(`/proc/${pid}/status`) && !/^State:\tZ/m.test(statusOf(pid))) {
    if (performance.now() - startedMs > limitMs) throw new Error(`process ${pid} is still there after ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return 'State:\tZ';
  }
}

test.serial('one token leaves a worker to others, and room in the queue', async (t) => {
  await withPool({ workers: 2, workersPerToken: 1, queue: 4, queuePerToken: 2 }, async (pool) => {
    const leave = new AbortController();
    const flood = Array.from({ length: 3 }, () => t.throwsAsync(pool.run(select(ENDLESS), leave.signal, 'a')));
    const refused = await t.throwsAsync(pool.run(select('SELECT 1'), undefined, 'a'), { instanceOf: QueryFailure, message: /2 of them with your token/ });
    t.is(refused.reason, 'busy');
    const { answer, dispose } = await pool.run(select('SELECT 42 FROM (VALUES (1))'), undefined, 'b');
    t.regex(Buffer.from(answer.body!).toString(), /42/);
    await dispose();
    leave.abort();
    await Promise.all(flood);
  });
});

test.serial('answers that nobody reads keep further queries of the token out, until they are read', async (t) => {
  await withPool({ workers: 1, openAnswers: 2, openAnswersPerToken: 1 }, async (pool) => {
    const large = select(`SELECT md5(a::VARCHAR) || md5(b::VARCHAR) AS x FROM ${TENS} q(a), ${TENS} r(b), ${TENS} s, ${TENS} u LIMIT 9999`);
    const job = { ...large, question: { ...large.question, maximumRows: 10_000 } } as PoolJob;
    const first = await pool.run(job, undefined, 'a');
    t.truthy(first.answer.path);
    await t.throwsAsync(pool.run(job, undefined, 'a'), { instanceOf: QueryFailure, message: /1 of them with your token/ });
    const other = await pool.run(job, undefined, 'b');
    await t.throwsAsync(pool.run(job, undefined, 'c'), { instanceOf: QueryFailure, message: /2 large answers/ });
    for (const { dispose } of [first, first, other]) await dispose();
    await (await pool.run(job, undefined, 'a')).dispose();
    await (await pool.run(job, undefined, 'c')).dispose();
  });
});

test.serial('an answer in text has a limit, and its file goes', async (t) => {
  await withPool({ workers: 1, answerBytes: 400_000 }, async (pool) => {
    const large = select(`SELECT md5(random()::VARCHAR) AS x FROM ${TENS} q, ${TENS} r, ${TENS} s, ${TENS} u, ${TENS} v LIMIT 100000`);
    await t.throwsAsync(pool.run({ ...large, question: { ...large.question, maximumRows: 100_000 } } as PoolJob), { message: /more than 400000 bytes/ });
    t.deepEqual(await rows(pool, 'SELECT 42 FROM (VALUES (1))'), [[42]]);
  });
});

test.serial('a worker that is killed at its deadline is gone, with its folder, and only then has the next one its turn', async (t) => {
  const temporary = mkdtempSync(join(tmpdir(), 'weir-test-pool-'));
  t.teardown(() => rmSync(temporary, { recursive: true, force: true }));
  const pool = new QueryPool({ ...DEFAULT_QUERY_SETTINGS, workers: 1, workersPerToken: 1, niceness: 0, deadlineMs: 3000 }, temporary);
  pool.start();
  try {
    await rows(pool, 'SELECT 1');
    const running = pool.run(select(ENDLESS));
    const [pid] = pool.workerPids;
    await t.throwsAsync(running, { message: /longer than 3 s/ });
    await untilGone(pid!, 30_000);
    t.deepEqual(await rows(pool, 'SELECT 42 FROM (VALUES (1))'), [[42]]);
  } finally {
    await pool.stop();
  }
  t.deepEqual(readdirSync(temporary), []);
});

test.serial('every thread of a worker gives way to the collector, and the system ends it first where memory runs out', async (t) => {
  if (process.platform !== 'linux') {
    t.pass();
    return;
  }
  await withPool({ workers: 1, niceness: DEFAULT_QUERY_SETTINGS.niceness }, async (pool) => {
    await rows(pool, 'SELECT count(*) FROM (VALUES (1)) v');
    const leave = new AbortController();
    const running = t.throwsAsync(pool.run(select(ENDLESS), leave.signal));
    const [pid] = pool.workerPids as [number];
    await untilBusy(pid);
    const threads = readdirSync(`/proc/${pid}/task`).map(Number);
    t.true(threads.length > 3);
    t.deepEqual(threads.filter((thread) => getPriority(thread) < constants.priority.PRIORITY_BELOW_NORMAL), []);
    t.is(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8').trim(), '1000');
    leave.abort();
    await running;
  });
});

for (const [how, end] of [
  ['killed', (pid: number) => process.kill(pid, 'SIGKILL')], ['ended by a signal to all its processes', (pid: number) => process.kill(-pid, 'SIGTERM')],
] as const) test.serial(`workers and their folders go when the collector is ${how}, in the midst of a query`, async (t) => {
  const temporary = mkdtempSync(join(tmpdir(), 'weir-test-pool-'));
  t.teardown(() => rmSync(temporary, { recursive: true, force: true }));
  const program = fileURLToPath(new URL('./pool-process.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import=tsx', program, temporary, ENDLESS], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout!, 'data') as [Buffer];
  const pids = JSON.parse(String(line)) as number[];
  t.true(pids.length > 0 && readdirSync(temporary).length === 1);
  const exit = once(child, 'exit');
  end(child.pid!);
  await exit;
  for (const pid of pids) await untilGone(pid, 60_000);
  while (readdirSync(temporary).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  t.pass();
});
