/** Every function that DuckDB has, called by a query over HTTP with arguments of every kind. */
import test from 'ava';
import { ALLOWED_FUNCTIONS, WEIR_FUNCTIONS } from '../../../aggregator/query/sql/allowed-functions.ts';
import { argumentsFor, CanaryServer, duckdbFunctions, RECORDS } from './canary-server.ts';

const server = await CanaryServer.start({ deadlineMs: 8000, workers: 2, jobsPerWorker: 5000 });
test.after.always(() => server.stop());

const AT_ONCE = 2;
const isWord = (name: string) => /^\w+$/.test(name);

async function forEach(names: readonly string[], ask: (name: string) => Promise<void>): Promise<void> {
  const left = [...names];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) await ask(name);
  }));
}

test.serial('functions that are not allowed are refused by name, as a value, a table, a method, and behind a cast', async (t) => {
  t.timeout(600_000);
  const names = (await duckdbFunctions()).filter((name) => isWord(name) && !ALLOWED_FUNCTIONS.has(name.toLowerCase()) && !WEIR_FUNCTIONS.has(name));
  t.true(names.length > 200, `${names.length}`);
  await forEach(names, async (name) => {
    const forms = [`"${name}"('${server.secretFile}')`, `('${server.secretFile}')."${name}"()`, `(SELECT count(*) FROM "${name}"('${server.secretFile}'))`, `"${name.toUpperCase()}"(1)::VARCHAR`];
    const { text } = await server.check(`SELECT ${forms[names.indexOf(name) % forms.length]}`, [400]);
    if (!/is not allowed/.test(text)) throw new Error(`${name}: ${text}`);
  });
  server.checkFiles();
});

test.serial('functions that are allowed do no harm, whatever they are given', async (t) => {
  t.timeout(600_000);
  const names = [...ALLOWED_FUNCTIONS, ...WEIR_FUNCTIONS].filter((name) => isWord(name) && name !== 'unnest');
  let answered = 0;
  await forEach(names, async (name) => {
    const args = argumentsFor(server.secretFile);
    const { status } = await server.check(`SELECT TRY("${name}"(${args[names.indexOf(name) % args.length]!}))::VARCHAR FROM log LIMIT 5`);
    if (status === 200) answered++;
  });
  t.true(answered > 30, `${answered}`);
  t.log(`${names.length} functions, ${answered} calls answered, ${server.pool.counts.killed} workers ended`);
  server.checkFiles();
  t.is(JSON.parse((await server.check('SELECT count(*) AS n', [200])).text).n, RECORDS);
});
