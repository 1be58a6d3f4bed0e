import type { Argv, CommandModule } from 'yargs';
import { parseSeconds } from '../../shared/duration.ts';
import { WeirError } from '../../shared/errors.ts';
import type { CommandLog } from '../../shared/command-log.ts';
import { CollectorClient, RefusedRequest } from '../client/collector-client.ts';
import { listed, pagesOf } from '../client/listed.ts';
import { FLOW_LOG_WINDOWS } from '../control/state-change.ts';
import { commandGroup, subcommand, type CollectorArguments } from './command-group.ts';
import { counted, fieldLines, listTable, print, printJson, second } from './printed.ts';

const RESOURCE_TYPES = ['ENI', 'VSwitch', 'VPC'] as const;
const TRAFFIC_TYPES = ['All', 'Allow', 'Drop'] as const;
const STATUSES = ['Active', 'Inactive'] as const;
const SHOWN_ENIS = 20;

interface SettingArguments extends CollectorArguments {
  name: string | undefined;
  description: string | undefined;
  trafficType: string | undefined;
  logstore: string | undefined;
  window: string | undefined;
  analysisReport: boolean | undefined;
}
interface CreateArguments extends SettingArguments {
  resourceType: string;
  resourceId: string;
}
interface NamedArguments extends CollectorArguments {
  flowLog: string;
}
interface ListArguments extends CollectorArguments {
  resourceId: string | undefined;
  logstore: string | undefined;
  status: string | undefined;
}

interface FlowLogAnswer {
  readonly 'flow-log-id': string;
  readonly 'name': string;
  readonly 'description': string;
  readonly 'resource-type': string;
  readonly 'resource-id': string;
  readonly 'traffic-type': string;
  readonly 'logstore': string;
  readonly 'window': string;
  readonly 'analysis-report': boolean;
  readonly 'status': string;
  readonly 'region': string | null;
  /** How many it covers. */
  readonly 'enis': number;
  readonly 'created': string | null;
  readonly 'updated': string | null;
}

interface CoveredEni {
  readonly 'eni-id': string;
  readonly 'assigned-to': string | null;
  readonly 'unassigned-because': string | null;
  readonly 'agent-state': string | null;
  readonly 'agent-reason': string | null;
}

/** `weir flow-log …`: what is recorded of which resource, and where it goes. */
export function flowLogCommand(log: CommandLog): CommandModule {
  return commandGroup('flow-log', 'Create and change flow logs: what is recorded, and into which LogStore', 'admin', [
    subcommand<CreateArguments>('create', 'Create a flow log; agents start recording within seconds. Prints its id', createOptions, (given) => create(given, log)),
    subcommand<ListArguments>(['list', 'ls'], 'Flow logs, and how many there may be', listOptions, (given) => list(given, log)),
    subcommand<NamedArguments>(['show <flow-log>', 'describe'], 'One flow log, and who watches the ENIs that it covers', named, show),
    subcommand<NamedArguments & SettingArguments>('update <flow-log>', 'Change a flow log, from now on', updateOptions, (given) => update(given, log)),
    subcommand<NamedArguments>('enable <flow-log>', 'Record again', named, (given) => switched(given, 'enable', log)),
    subcommand<NamedArguments>('disable <flow-log>', 'Stop recording; what was recorded stays', named, (given) => switched(given, 'disable', log)),
    subcommand<NamedArguments>(['delete <flow-log>', 'rm'], 'Delete a flow log; what was recorded stays', named, (given) => remove(given, log)),
  ]);
}

function named(yargs: Argv): Argv {
  return yargs.positional('flow-log', { type: 'string', demandOption: true, describe: 'its id, or its name' });
}

function settings(yargs: Argv): Argv {
  return yargs
    .option('name', { type: 'string', requiresArg: true, describe: 'a name of its own; the id unless given' })
    .option('description', { type: 'string', requiresArg: true, describe: 'what it is for' })
    .option('traffic-type', { choices: TRAFFIC_TYPES, coerce: inSpellingOf(TRAFFIC_TYPES), describe: 'which records: all, those of ACCEPT, those of REJECT; All unless given' })
    .option('window', { type: 'string', requiresArg: true, describe: '1m, 5m or 10m; 10m unless given' })
    .option('analysis-report', { type: 'boolean', describe: 'make the LogStore searchable, with dashboards' });
}

function createOptions(yargs: Argv): Argv {
  return settings(yargs)
    .option('resource-type', { choices: RESOURCE_TYPES, coerce: inSpellingOf(RESOURCE_TYPES), demandOption: true, describe: 'of a VSwitch or VPC, ENIs that join later are covered too' })
    .option('resource-id', { type: 'string', demandOption: true, requiresArg: true, describe: 'of the ENI, VSwitch or VPC' })
    .option('logstore', { type: 'string', demandOption: true, requiresArg: true, describe: 'where records go; it must be there' });
}

function updateOptions(yargs: Argv): Argv {
  return named(settings(yargs)).option('logstore', { type: 'string', requiresArg: true, describe: 'where records go from now on' });
}

function listOptions(yargs: Argv): Argv {
  return yargs
    .option('resource-id', { type: 'string', requiresArg: true, describe: 'only those of this ENI, VSwitch or VPC' })
    .option('logstore', { type: 'string', requiresArg: true, describe: 'only those that write to this LogStore' })
    .option('status', { choices: STATUSES, coerce: inSpellingOf(STATUSES), describe: 'only those that are so' });
}

/** `vpc` is VPC, `drop` is Drop; other words stay, to be refused. */
function inSpellingOf(values: readonly string[]): (given: unknown) => unknown {
  return (given) => values.find((value) => value.toLowerCase() === String(given).toLowerCase()) ?? given;
}

async function create(given: CreateArguments, log: CommandLog): Promise<void> {
  const body = { 'resource-type': given.resourceType, 'resource-id': given.resourceId, ...settingsOf(given) };
  const made = await CollectorClient.from(given, process.env).json<FlowLogAnswer>(['flow-log-id', 'enis'], 'POST', '/v1/flow-logs', { body });
  if (given.json) {
    await printJson(made);
    return;
  }
  await print(`${made['flow-log-id']}\n`);
  log.info(`${made.name} is ${made.status}: ${made['traffic-type']} of ${made['resource-type']} ${made['resource-id']}, ${counted(made.enis, 'ENI')}, into ${made.logstore} every ${made.window}`);
}

async function list(given: ListArguments, log: CommandLog): Promise<void> {
  const query = { 'resource-id': given.resourceId, 'logstore': given.logstore, 'status': given.status };
  const flowLogs: FlowLogAnswer[] = [];
  let quota = '';
  for await (const page of pagesOf<FlowLogAnswer, 'flow-logs'>(CollectorClient.from(given, process.env), '/v1/flow-logs', 'flow-logs', query)) {
    flowLogs.push(...page['flow-logs']);
    const { used, quota: most } = page as unknown as { used: number; quota: number };
    quota = `${used} of ${most} flow logs`;
  }
  if (given.json) {
    await print(flowLogs.map((flowLog) => `${JSON.stringify(flowLog)}\n`).join(''));
    return;
  }
  await print(listTable(['id', 'name', 'status', 'resource', 'traffic', 'logstore', 'window', 'enis'], flowLogs.map((flowLog) => [
    flowLog['flow-log-id'], flowLog.name, flowLog.status, `${flowLog['resource-type']} ${flowLog['resource-id']}`, flowLog['traffic-type'], flowLog.logstore, flowLog.window, flowLog.enis,
  ])));
  log.info(quota);
}

async function show(given: NamedArguments): Promise<void> {
  const client = CollectorClient.from(given, process.env);
  const flowLog = await find(client, given.flowLog);
  if (given.json) {
    await printJson(flowLog);
    return;
  }
  const { created, updated, enis: count, ...fields } = flowLog;
  await print(fieldLines({ ...fields, enis: count, created: second(created), updated: second(updated) }));
  const enis: CoveredEni[] = [];
  for await (const eni of listed<CoveredEni>(client, `${pathOf(flowLog)}/enis`, 'enis', {}, { limit: SHOWN_ENIS })) enis.push(eni);
  if (enis.length === 0) return;
  await print(`\n${listTable(['eni', 'agent', 'state', 'because'], enis.map((eni) => [
    eni['eni-id'], eni['assigned-to'], eni['assigned-to'] === null ? 'no agent' : eni['agent-state'] ?? 'not reported', eni['unassigned-because'] ?? eni['agent-reason'],
  ]))}`);
  if (count > enis.length) await print(`and ${count - enis.length} more\n`);
}

async function update(given: NamedArguments & SettingArguments, log: CommandLog): Promise<void> {
  const body = settingsOf(given);
  if (Object.values(body).every((value) => value === undefined)) throw new WeirError('USAGE', 'name what is to change: --name, --description, --traffic-type, --logstore, --window or --[no-]analysis-report');
  const client = CollectorClient.from(given, process.env);
  const flowLog = await client.json<FlowLogAnswer>(['flow-log-id'], 'PATCH', pathOf(await find(client, given.flowLog)), { body });
  if (given.json) await printJson(flowLog);
  else log.info(`${label(flowLog)} is changed`);
}

async function switched(given: NamedArguments, verb: 'enable' | 'disable', log: CommandLog): Promise<void> {
  const client = CollectorClient.from(given, process.env);
  const flowLog = await client.json<FlowLogAnswer>(['flow-log-id', 'status'], 'POST', `${pathOf(await find(client, given.flowLog))}/${verb}`);
  if (given.json) await printJson(flowLog);
  else log.info(`${label(flowLog)} is ${flowLog.status}`);
}

async function remove(given: NamedArguments, log: CommandLog): Promise<void> {
  const client = CollectorClient.from(given, process.env);
  const flowLog = await find(client, given.flowLog);
  const { body } = await client.open('DELETE', pathOf(flowLog));
  await body.dump();
  if (given.json) await printJson({ 'flow-log-id': flowLog['flow-log-id'], 'deleted': true });
  else log.info(`${label(flowLog)} is deleted; its records stay in ${flowLog.logstore}`);
}

/** By its id, or by its name, which is its own. */
async function find(client: CollectorClient, text: string): Promise<FlowLogAnswer> {
  try {
    return await client.json<FlowLogAnswer>(['flow-log-id', 'name'], 'GET', `/v1/flow-logs/${encodeURIComponent(text)}`);
  } catch (error) {
    if (!(error instanceof RefusedRequest) || error.status !== 404) throw error;
    for await (const flowLog of listed<FlowLogAnswer>(client, '/v1/flow-logs', 'flow-logs')) if (flowLog.name === text) return flowLog;
    throw error;
  }
}

function pathOf(flowLog: FlowLogAnswer): string {
  return `/v1/flow-logs/${encodeURIComponent(flowLog['flow-log-id'])}`;
}

function label({ 'flow-log-id': id, name }: FlowLogAnswer): string {
  return name === id ? id : `${id} (${name})`;
}

function settingsOf({ name, description, trafficType, logstore, window, analysisReport }: SettingArguments): Record<string, unknown> {
  return { name, description, 'traffic-type': trafficType, logstore, 'window': window === undefined ? undefined : windowText(window), 'analysis-report': analysisReport };
}

function windowText(given: string): string {
  const seconds = parseSeconds(given, '--window');
  if (!FLOW_LOG_WINDOWS.includes(seconds)) throw new WeirError('USAGE', `--window is ${JSON.stringify(given)}; 1m, 5m and 10m are possible, and for tests 1s, 5s, 10s and 30s`);
  return `${seconds}s`;
}
