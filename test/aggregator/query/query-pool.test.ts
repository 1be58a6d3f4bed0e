import { readFileSync } from 'node:fs';
import test from 'ava';
import { QueryFailure } from '../../../aggregator/query/query-failure.ts';
import { QueryPool, type PoolJob } from '../../../aggregator/query/query-pool.ts';
import { DEFAULT_QUERY_SETTINGS, type QuerySettings } from '../../../aggregator/query/query-settings.ts';
import { LIMITS_PROCESSES } from '../../../aggregator/query/worker/address-space.ts';

const TENS = '(SELECT unnest([1,2,3,4,5,6,7,8,9,10]))';
/** Billions of rows that no limit on memory stops. */
const ENDLESS = `SELECT count(*) FROM ${[...'abcdefghijkl'].map((name) => `${TENS} ${name}`).join(', ')} WHERE sin(random()) > 2`;

function select(text: string): PoolJob {
  return { files: [], predicate: 'TRUE', question: { kind: 'select', text, defaultRows: 100, maximumRows: 1000 }, format: 'json', envelope: {} };
}

async function withPool(settings: Partial<QuerySettings>, run: (pool: QueryPool) => Promise<void>): Promise<void> {
  const pool = new QueryPool({ ...DEFAULT_QUERY_SETTINGS, ...settings });
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
    t.true(performance.now() - startedMs < 5000);
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
  await withPool({ workers: 1 }, async (pool) => {
    await rows(pool, 'SELECT 1');
    const [first, second] = [new AbortController(), new AbortController()];
    const running = t.throwsAsync(pool.run(select(ENDLESS), first.signal), { instanceOf: QueryFailure });
    const waiting = t.throwsAsync(pool.run(select('SELECT 1'), second.signal), { instanceOf: QueryFailure });
    t.is(pool.waitingJobs, 1);
    second.abort();
    t.is((await waiting).reason, 'cancelled');
    t.is(pool.waitingJobs, 0);
    first.abort();
    t.is((await running).reason, 'cancelled');
    t.deepEqual(await rows(pool, 'SELECT 42 FROM (VALUES (1))'), [[42]]);
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
