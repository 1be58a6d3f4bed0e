import { createInterface } from 'node:readline/promises';
import type { Argv, CommandModule } from 'yargs';
import { bytesText, parseBytes } from '../../shared/byte-size.ts';
import { parseSeconds } from '../../shared/duration.ts';
import { WeirError } from '../../shared/errors.ts';
import type { CommandLog } from '../../shared/command-log.ts';
import { CollectorClient } from '../client/collector-client.ts';
import { commandGroup, noOptions, subcommand, type CollectorArguments } from './command-group.ts';
import { counted, fieldLines, listTable, print, printJson } from './printed.ts';

interface NamedArguments extends CollectorArguments {
  name: string;
}
interface SettingArguments extends NamedArguments {
  retention: string | undefined;
  maxBytes: string | undefined;
  search: 'on' | 'off' | undefined;
}
interface DeleteArguments extends NamedArguments {
  yes: boolean;
}

interface LogStoreAnswer {
  readonly 'name': string;
  readonly 'rows': number;
  readonly 'bytes': number;
  readonly 'windows': number;
  /** Unix seconds. */
  readonly 'from': number | null;
  readonly 'to': number | null;
  readonly 'retention-days': number | null;
  readonly 'retention-bytes': number | null;
  readonly 'search': boolean;
}

interface UsageAnswer {
  readonly usage: readonly { readonly 'day': string; readonly 'rows': number; readonly 'ingested-bytes': number; readonly 'stored-bytes': number }[];
}

const DAY_SECONDS = 86_400;
const NO_LIMIT = 'none';

/** `weir logstore …`: where records go, how much is there, and how long it stays. */
export function logStoreCommand(log: CommandLog): CommandModule {
  return commandGroup('logstore', 'Create, change and delete LogStores, and see how much they hold', 'admin', [
    subcommand<SettingArguments>('create <name>', 'Create a LogStore', settings, (given) => create(given, log)),
    subcommand<CollectorArguments>(['list', 'ls'], 'LogStores, and what they hold', noOptions, (given) => list(given, log)),
    subcommand<NamedArguments>(['show <name>', 'describe'], 'One LogStore, and its usage by day', named, show),
    subcommand<SettingArguments>('update <name>', 'Change how long records stay, or whether they can be searched', settings, (given) => update(given, log)),
    subcommand<DeleteArguments>(['delete <name>', 'rm'], 'Delete a LogStore with all its records', (yargs) => named(yargs)
      .option('yes', { alias: 'y', type: 'boolean', default: false, describe: 'do not ask' }), (given) => remove(given, log)),
  ]);
}

function named(yargs: Argv): Argv {
  return yargs.positional('name', { type: 'string', demandOption: true, describe: 'name of the LogStore' });
}

function settings(yargs: Argv): Argv {
  return named(yargs)
    .option('retention', { type: 'string', requiresArg: true, describe: `records go when they are so old: 30d, 4w, or ${NO_LIMIT}` })
    .option('max-bytes', { type: 'string', requiresArg: true, describe: `the oldest go when there is more: 10GB, 500MiB, or ${NO_LIMIT}` })
    .option('search', { choices: ['on', 'off'], describe: 'whether it can be searched and asked with SQL; off unless given' });
}

async function create(given: SettingArguments, log: CommandLog): Promise<void> {
  const body = { name: given.name, ...settingsOf(given) };
  const made = await CollectorClient.from(given, process.env).json<LogStoreAnswer>(['name'], 'POST', '/v1/logstores', { body });
  if (given.json) await printJson(made);
  else log.info(`LogStore ${made.name} is created: ${settingsText(made)}`);
}

async function list(given: CollectorArguments, log: CommandLog): Promise<void> {
  const { logstores } = await CollectorClient.from(given, process.env).json<{ logstores: LogStoreAnswer[] }>(['logstores'], 'GET', '/v1/logstores');
  if (given.json) {
    await print(logstores.map((one) => `${JSON.stringify(one)}\n`).join(''));
    return;
  }
  await print(listTable(['name', 'rows', 'bytes', 'windows', 'from', 'to', 'retention', 'search'], logstores.map((one) => [
    one.name, one.rows, bytesText(one.bytes), one.windows, minute(one.from), minute(one.to), retentionText(one), one.search ? 'on' : 'off',
  ])));
  if (logstores.length === 0) log.info('there is no LogStore yet; weir logstore create NAME makes one');
}

async function show(given: NamedArguments): Promise<void> {
  const answer = await CollectorClient.from(given, process.env).json<LogStoreAnswer & UsageAnswer>(['name', 'rows', 'usage'], 'GET', pathOf(given.name));
  if (given.json) {
    await printJson(answer);
    return;
  }
  const { name, rows, bytes, windows, from, to, search, usage } = answer;
  await print(fieldLines({ name, rows, 'bytes': bytesText(bytes), windows, 'from': minute(from), 'to': minute(to), 'retention': retentionText(answer), 'search': search ? 'on' : 'off' }));
  if (usage.length === 0) return;
  await print(`\n${listTable(['day', 'rows taken in', 'bytes taken in', 'bytes stored'], usage.toReversed().map((day) => [
    day.day, day.rows, bytesText(day['ingested-bytes']), bytesText(day['stored-bytes']),
  ]))}`);
}

async function update(given: SettingArguments, log: CommandLog): Promise<void> {
  const body = settingsOf(given);
  if (Object.values(body).every((value) => value === undefined)) throw new WeirError('USAGE', 'name what is to change: --retention, --max-bytes or --search');
  const changed = await CollectorClient.from(given, process.env).json<LogStoreAnswer>(['name'], 'PATCH', pathOf(given.name), { body });
  if (given.json) await printJson(changed);
  else log.info(`LogStore ${changed.name}: ${settingsText(changed)}`);
}

async function remove(given: DeleteArguments, log: CommandLog): Promise<void> {
  const client = CollectorClient.from(given, process.env);
  const { name, rows, bytes } = await client.json<LogStoreAnswer>(['name', 'rows'], 'GET', pathOf(given.name));
  const contents = `${counted(rows, 'row')}, ${bytesText(bytes)}`;
  if (!given.yes) await confirm(name, contents);
  const { body } = await client.open('DELETE', pathOf(name), { query: { confirm: name } });
  await body.dump();
  if (given.json) await printJson({ name, deleted: true });
  else log.info(`LogStore ${name} is deleted, with ${contents}`);
}

/** Who deletes has to write the name. */
async function confirm(name: string, contents: string): Promise<void> {
  if (!process.stdin.isTTY) throw new WeirError('USAGE', `all records in ${name} would be deleted (${contents}), and there is no terminal to ask; say --yes`);
  const dialog = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<string>((resolve) => { dialog.once('close', () => resolve('')); });
  const answer = await Promise.race([dialog.question(`All records in ${name} will be deleted (${contents}). To go on, write its name: `), ended]);
  dialog.close();
  if (answer.trim() !== name) throw new WeirError('USAGE', 'that is not its name: nothing was deleted');
}

function settingsOf({ retention, maxBytes, search }: SettingArguments): Record<string, unknown> {
  return {
    'retention-days': retention === undefined ? undefined : daysOf(retention),
    'retention-bytes': maxBytes === undefined ? undefined : limitOf(maxBytes),
    'search': search === undefined ? undefined : search === 'on',
  };
}

function daysOf(given: string): number | null {
  if (given === NO_LIMIT) return null;
  const days = parseSeconds(given, '--retention') / DAY_SECONDS;
  if (!Number.isSafeInteger(days) || days < 1) throw new WeirError('USAGE', `--retention is ${JSON.stringify(given)}; it takes whole days, such as 30d or 4w, or ${NO_LIMIT}`);
  return days;
}

function limitOf(given: string): number | null {
  const bytes = given === NO_LIMIT ? null : parseBytes(given);
  if (given !== NO_LIMIT && bytes === null) throw new WeirError('USAGE', `--max-bytes is ${JSON.stringify(given)}; it takes a size such as 10GB or 500MiB, or ${NO_LIMIT}`);
  return bytes;
}

type Limits = Partial<Pick<LogStoreAnswer, 'retention-days' | 'retention-bytes'>>;

function retentionText({ 'retention-days': days = null, 'retention-bytes': bytes = null }: Limits): string {
  const limits = [...(days === null ? [] : [`${days}d`]), ...(bytes === null ? [] : [bytesText(bytes)])];
  return limits.length === 0 ? NO_LIMIT : limits.join(', ');
}

function settingsText(answer: Limits & { readonly search: boolean }): string {
  return `retention ${retentionText(answer)}, search ${answer.search ? 'on' : 'off'}`;
}

function minute(seconds: number | null): string | null {
  return seconds === null ? null : `${new Date(seconds * 1000).toISOString().slice(0, 16)}Z`;
}

function pathOf(name: string): string {
  return `/v1/logstores/${encodeURIComponent(name)}`;
}
