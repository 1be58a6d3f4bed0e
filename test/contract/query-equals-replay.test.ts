/**
 * What a LogStore gives back of a replayed sample is what replay prints of it, row for row, by the real programs: `weir
 * replay` to stdout, `weir replay --collector`, `weir query`.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { FIELDS } from '../../shared/fields.ts';
import { runCollector, type RunningCollector } from '../aggregator/collector-fixture.ts';
import { findSamples, type Sample } from '../samples/sample.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

async function weir(args: readonly string[], environment: Record<string, string> = {}): Promise<string> {
  const { stdout } = await run(process.execPath, ['--import', 'tsx', 'weir.ts', ...args], {
    cwd: ROOT, env: { ...process.env, ...environment }, maxBuffer: 1 << 28,
  });
  return stdout;
}

type Row = Record<string, string | number | null>;

/** Rows as sorted lines with the fields in the order of the field table. */
function lines(json: string): string[] {
  return json.split('\n').filter((line) => line !== '').map((line) => {
    const row = JSON.parse(line) as Row;
    return JSON.stringify(FIELDS.map(({ name }) => row[name]));
  }).sort();
}

function replayArguments(sample: Sample): string[] {
  return ['replay', sample.capture, '--topology', `${sample.folder}/topology.yaml`, '--window', `${sample.windowSeconds}s`, '--traffic-type', sample.trafficType];
}

function environment(collector: RunningCollector): Record<string, string> {
  return { WEIR_COLLECTOR: collector.url, WEIR_TOKEN: collector.adminToken };
}

async function compare(t: ExecutionContext, collector: RunningCollector, sample: Sample): Promise<void> {
  const printed = lines(await weir([...replayArguments(sample), '--format', 'json', '--fields', 'all']));
  await weir([...replayArguments(sample), '--collector', collector.url, '--logstore', sample.name], environment(collector));
  await collector.flush();
  const stored = lines(await weir(['query', sample.name, '*', '--format', 'json', '--fields', 'all'], environment(collector)));
  t.true(printed.length > 0);
  t.deepEqual(stored, printed, sample.name);
}

for (const sample of findSamples()) {
  test(`${sample.name}: weir query returns what weir replay prints`, async (t) => {
    await compare(t, await runCollector(t), sample);
  });
}
