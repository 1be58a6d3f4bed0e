import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandModule } from 'yargs';
import { request } from 'undici';
import { WeirError } from '../../shared/errors.ts';
import type { AgentStatus } from '../daemon/agent-status.ts';
import { statusPage } from '../daemon/status-page.ts';

const DEFAULT_URL = 'http://127.0.0.1:9790';
const REQUEST_TIMEOUT_MS = 5_000;
const CLEAR_SCREEN = '\x1b[H\x1b[2J';
const LEAST_INTERVAL_SECONDS = 0.1;

interface TopArguments {
  url: string;
  interval: number;
  once: boolean;
  json: boolean;
}

/** `weir top`: what an agent sees now, from its `/status`. */
export function topCommand(): CommandModule<object, TopArguments> {
  return {
    command: 'top',
    describe: 'What an agent sees now: interfaces, rates, drops, top rejected',
    builder: (yargs) => yargs
      .option('url', { type: 'string', default: DEFAULT_URL, requiresArg: true, describe: 'where the agent serves its metrics' })
      .option('interval', { alias: 'd', type: 'number', default: 1, requiresArg: true, describe: 'seconds between two looks' })
      .option('once', { type: 'boolean', default: false, describe: 'one look; so it is without a terminal' })
      .option('json', { type: 'boolean', default: false, describe: 'one look, as the agent gives it' })
      .check(({ interval }) => {
        if (!(interval >= LEAST_INTERVAL_SECONDS)) throw new Error(`--interval takes seconds, at least ${LEAST_INTERVAL_SECONDS}`);
        return true;
      }),
    handler: (given) => top(given),
  };
}

async function top({ url, interval, once, json }: TopArguments): Promise<void> {
  let before = await readStatus(url);
  if (json) {
    process.stdout.write(`${JSON.stringify(before)}\n`);
    return;
  }
  const isLive = process.stdout.isTTY && !once;
  do {
    // rates need two looks
    await sleep(interval * 1000);
    const now = await readStatus(url);
    process.stdout.write((isLive ? CLEAR_SCREEN : '') + statusPage(now, before, isLive ? process.stdout.rows ?? 24 : Infinity));
    before = now;
  } while (isLive);
}

async function readStatus(url: string): Promise<AgentStatus> {
  if (!URL.canParse(url)) throw new WeirError('USAGE', `--url is ${JSON.stringify(url)}; write something like ${DEFAULT_URL}`);
  try {
    const { statusCode, body } = await request(new URL('/status', url), { headersTimeout: REQUEST_TIMEOUT_MS, bodyTimeout: REQUEST_TIMEOUT_MS });
    if (statusCode !== 200) throw new Error(`answer ${statusCode}`);
    return (await body.json()) as AgentStatus;
  } catch (error) {
    throw new WeirError('NETWORK',
      `no agent serves its status on ${url} (${(error as Error).message}); start it with metrics: {listen: 127.0.0.1:9790} in its configuration, or --metrics 127.0.0.1:9790`, { cause: error });
  }
}
