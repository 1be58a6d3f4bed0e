import type { Argv, CommandModule } from 'yargs';
import type { CommandLog } from '../../shared/command-log.ts';
import { CollectorClient } from '../client/collector-client.ts';
import { listed } from '../client/listed.ts';
import { commandGroup, noOptions, subcommand, type CollectorArguments } from './command-group.ts';
import { counted, fieldLines, listTable, print, printJson, second } from './printed.ts';

interface AgentArguments extends CollectorArguments {
  agentId: string;
}

interface AgentAnswer {
  readonly 'agent-id': string;
  readonly 'host': string | null;
  readonly 'version': string | null;
  readonly 'started': string | null;
  readonly 'created': string;
  readonly 'status': string;
  readonly 'last-seen': string;
  readonly 'revision': number | null;
  readonly 'up-to-date': boolean;
  readonly 'enis': readonly { readonly 'eni-id': string; readonly 'recorded': boolean; readonly 'state': string | null; readonly 'reason': string | null }[];
  readonly 'interfaces': readonly { readonly name: string; readonly mac: string | null; readonly up: boolean }[];
}

/** `weir agents …`: who watches, and what of it works. */
export function agentsCommand(log: CommandLog): CommandModule {
  return commandGroup('agents', 'Agents that are enrolled, what each watches, and the end of one', 'admin', [
    subcommand<CollectorArguments>(['list', 'ls'], 'Agents, and whether they are up to date', noOptions, (given) => list(given, log)),
    subcommand<AgentArguments>(['show <agent-id>', 'describe'], 'One agent, its ENIs and interfaces', withAgent, show),
    subcommand<AgentArguments>('revoke <agent-id>', 'Take away everything that lets the agent in', withAgent, (given) => revoke(given, log)),
  ]);
}

function withAgent(yargs: Argv): Argv {
  return yargs.positional('agent-id', { type: 'string', demandOption: true, describe: 'as list shows it' });
}

async function list(given: CollectorArguments, log: CommandLog): Promise<void> {
  const rows: (string | number | null)[][] = [];
  for await (const agent of listed<AgentAnswer>(CollectorClient.from(given, process.env), '/v1/agents', 'agents')) {
    if (given.json) {
      if (!await printJson(agent)) return;
    } else {
      rows.push([agent['agent-id'], agent.status, agent.host, agent.version, second(agent['last-seen']), agent.revision, agent['up-to-date'] ? 'yes' : 'no', capturing(agent)]);
    }
  }
  await print(listTable(['agent', 'status', 'host', 'version', 'last seen', 'revision', 'up to date', 'capturing'], rows));
  if (!given.json && rows.length === 0) log.info('there is no agent yet; weir token create --scope enrol makes the one-time token for one');
}

/** Of the ENIs of which something is recorded. */
function capturing({ enis }: AgentAnswer): string {
  const recorded = enis.filter((eni) => eni.recorded);
  return `${recorded.filter(({ state }) => state === 'capturing').length} of ${counted(recorded.length, 'ENI')}`;
}

async function show(given: AgentArguments): Promise<void> {
  const agent = await CollectorClient.from(given, process.env).json<AgentAnswer>(['agent-id', 'enis', 'interfaces'], 'GET', pathOf(given.agentId));
  if (given.json) {
    await printJson(agent);
    return;
  }
  const { enis, interfaces, created, started, 'last-seen': lastSeen, ...fields } = agent;
  await print(fieldLines({ ...fields, 'enrolled': second(created), 'started': second(started), 'last-seen': second(lastSeen) }));
  if (enis.length > 0) {
    await print(`\n${listTable(['eni', 'recorded', 'state', 'because'], enis.map((eni) => [eni['eni-id'], eni.recorded ? 'yes' : 'no', eni.state, eni.reason]))}`);
  }
  if (interfaces.length > 0) {
    await print(`\n${listTable(['interface', 'mac', 'state'], interfaces.map(({ name, mac, up }) => [name, mac, up ? 'up' : 'down']))}`);
  }
}

async function revoke(given: AgentArguments, log: CommandLog): Promise<void> {
  const answer = await CollectorClient.from(given, process.env).json<AgentAnswer>(['agent-id', 'status'], 'POST', `${pathOf(given.agentId)}/revoke`);
  if (given.json) await printJson(answer);
  else log.info(`${answer['agent-id']} is revoked and watches nothing any more; a new one-time token would let it in again`);
}

function pathOf(agentId: string): string {
  return `/v1/agents/${encodeURIComponent(agentId)}`;
}
