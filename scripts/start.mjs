/**
 * `npm start`: installs what is missing, builds, and shows Weir at work: a collector on a fresh data directory, every
 * sample replayed through the agent over HTTP, and what one would ask then. It serves until Ctrl-C.
 *
 *   npm start -- --once         ends after the tour, with exit 0
 *   npm start -- --data DIR     keeps the data there instead of a directory that goes with the tour
 *   npm start -- --port N       another port than 8790
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildConsole } from './console.mjs';
import { ROOT, installWhatIsMissing } from './install.mjs';
import { buildProgram } from './program.mjs';

const BUILT = 'dist/weir.js';
const LOGSTORE = 'samples';
const DEFAULT_PORT = 8790;

const EXIT_USAGE = 2;
/** What a shell reports of a program that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130;

const given = readOptions();
/** Ctrl-C, at whatever moment: what runs is ended, and what was made goes. */
const interruption = new AbortController();

function readOptions() {
  try {
    return parseArgs({
      options: { once: { type: 'boolean', default: false }, data: { type: 'string' }, port: { type: 'string' } },
    }).values;
  } catch (error) {
    console.error(`npm start: ${error.message}; after -- it takes --once, --data DIR and --port N`);
    process.exit(EXIT_USAGE);
  }
}

async function build() {
  if (existsSync(join(ROOT, BUILT)) && newest(sources()) < statSync(join(ROOT, BUILT)).mtimeMs) return;
  console.error('building ...');
  const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--noEmit'], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
  await buildProgram();
}

/** What is built, whatever beside it weir.ts imports, and what decides how. */
function sources() {
  const { include } = JSON.parse(readFileSync(join(ROOT, 'tsconfig.build.json'), 'utf8'));
  return [...include, ...readdirSync(ROOT).filter((name) => name.endsWith('.ts')), 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/program.mjs'];
}

function newest(names) {
  const times = names.flatMap((name) => {
    const path = join(ROOT, name);
    const files = statSync(path).isDirectory() ? readdirSync(path, { recursive: true }).map((inner) => join(path, inner)) : [path];
    return files.map((file) => statSync(file).mtimeMs);
  });
  return Math.max(...times);
}

/** Runs `weir …` as a person would, and shows the command. */
async function weir(args, environment, { quiet = false } = {}) {
  if (!quiet) console.log(`\n$ weir ${args.map((word) => (/^[\w./:=@,-]+$/.test(word) ? word : `'${word}'`)).join(' ')}`);
  const child = spawn(process.execPath, [join(ROOT, BUILT), ...args], { cwd: ROOT, env: { ...process.env, ...environment }, stdio: ['ignore', 'inherit', 'inherit'], signal: interruption.signal });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`weir ${args[0]} ended with exit code ${status}`);
}

async function replaySamples(environment, url) {
  const { parse } = await import('yaml');
  const folder = join(ROOT, 'samples');
  const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'sample.yaml'))).sort();
  for (const name of names) {
    const sample = parse(readFileSync(join(folder, name, 'sample.yaml'), 'utf8'));
    console.log(`\n# ${sample.title}`);
    const trafficType = sample['traffic-type'] ? ['--traffic-type', sample['traffic-type']] : [];
    await weir([
      'replay', `samples/${name}/${sample.capture}`, '--topology', `samples/${name}/topology.yaml`, '--window', sample.window,
      ...trafficType, '--collector', url, '--logstore', LOGSTORE,
    ], environment);
  }
}

async function ask(environment) {
  const questions = [
    ['Records', '*', ['--limit', '12', '--fields', 'eni-id,srcaddr,srcport,dstaddr,dstport,protocol,direction,packets,bytes,action,rule-reason,rule-id']],
    ['Who was rejected most, and where', `action:REJECT | SELECT srcaddr, dstaddr, dstport, rule_id, sum(packets) AS packets, count(*) AS records GROUP BY 1, 2, 3, 4 ORDER BY packets DESC, 1, 2, 3 LIMIT 8`, []],
    ['Which rules let traffic in', `direction:in action:ACCEPT rule-reason:rule | SELECT sg_id, rule_id, sum(packets) AS packets, sum(bytes) AS bytes GROUP BY 1, 2 ORDER BY bytes DESC, 1, 2 LIMIT 8`, []],
  ];
  for (const [title, query, options] of questions) {
    console.log(`\n# ${title}`);
    await weir(['query', LOGSTORE, query, ...options], environment);
  }
}

async function startCollectorOn(data) {
  const { startCollector } = await import('../dist/aggregator/main.js');
  const { createLogger } = await import('../dist/log.js');
  const port = given.port === undefined ? DEFAULT_PORT : Number(given.port);
  const options = { data, host: '127.0.0.1', log: createLogger('warn', 'text') };
  return startCollector({ ...options, port }).catch((error) => {
    // somebody has the usual port, perhaps an earlier `npm start`: any other does
    if (given.port === undefined && error.cause?.code === 'EADDRINUSE') return startCollector({ ...options, port: 0 });
    throw error;
  });
}

async function tour(collector, data) {
  const environment = { WEIR_COLLECTOR: collector.url, WEIR_TOKEN_FILE: collector.adminTokenFile };
  await replaySamples(environment, collector.url);
  await collector.flush();
  await ask(environment);
  if (given.once) {
    console.log(`\nThat is the tour; npm start without --once goes on serving it.${given.data === undefined ? '' : ` The data stays in ${data}.`}`);
    return;
  }
  console.log(`
Weir is running.
  console  ${collector.url}/   (sign in with the token in ${collector.adminTokenFile})
  API      ${collector.url}/v1/   (curl -H "Authorization: Bearer $(cat ${collector.adminTokenFile})" ${collector.url}/v1/logstores)
  data     ${data}
  ask      export WEIR_COLLECTOR=${collector.url} WEIR_TOKEN_FILE=${collector.adminTokenFile}
           node dist/weir.js query ${LOGSTORE} 'action:REJECT dstport:22'`);
}

async function main() {
  installWhatIsMissing();
  await build();
  await buildConsole();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => interruption.abort());
  // nobody reads on, as behind `| head`, or the disk is full
  process.stdout.once('error', () => interruption.abort());
  const data = given.data ?? mkdtempSync(join(tmpdir(), 'weir-'));
  try {
    const collector = await startCollectorOn(data);
    try {
      await tour(collector, data);
      if (!given.once && !interruption.signal.aborted) {
        console.log('Ctrl-C ends it.');
        await once(interruption.signal, 'abort');
      }
    } catch (error) {
      if (!interruption.signal.aborted) throw error;
      process.exitCode = EXIT_INTERRUPTED;
    } finally {
      await collector.stop();
    }
  } finally {
    if (given.data === undefined) rmSync(data, { recursive: true });
  }
}

main().catch((error) => {
  console.error(`weir: ${error.code ? error.message : error.stack}`);
  process.exit(1);
});
