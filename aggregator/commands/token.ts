import type { Argv, CommandModule } from 'yargs';
import type { CommandLog } from '../../shared/command-log.ts';
import { CollectorClient } from '../client/collector-client.ts';
import { SCOPES } from '../control/token-text.ts';

interface ClientArguments {
  json: boolean;
  collector: string | undefined;
  tokenFile: string | undefined;
}
interface CreateArguments extends ClientArguments {
  scope: string;
  agentId: string | undefined;
  name: string | undefined;
}
interface RevokeArguments extends ClientArguments {
  id: string;
}

interface TokenAnswer {
  readonly id: string;
  readonly name: string;
  readonly scope: string;
  readonly 'agent-id': string | null;
  readonly created: string;
  readonly token?: string;
}

/** `weir token create|list|revoke`: who may send, ask, and command. */
export function tokenCommand(log: CommandLog): CommandModule {
  return {
    command: 'token',
    describe: 'Create, list and revoke tokens of the collector',
    builder: (yargs) => yargs
      .option('json', { type: 'boolean', default: false, describe: 'print the answer as JSON' })
      .option('collector', { type: 'string', requiresArg: true, describe: 'URL of the collector (or WEIR_COLLECTOR)' })
      .option('token-file', { type: 'string', requiresArg: true, describe: 'file with an admin token (or WEIR_TOKEN, WEIR_TOKEN_FILE)' })
      .command({
        command: 'create',
        describe: 'Make a token; it is shown once, on stdout',
        builder: (create: Argv) => create
          .option('scope', { choices: SCOPES, demandOption: true, describe: 'what it allows' })
          .option('agent-id', { type: 'string', requiresArg: true, describe: 'ingest: the one agent that may use it; any, unless given' })
          .option('name', { type: 'string', requiresArg: true, describe: 'what it is for' }) as unknown as Argv<CreateArguments>,
        handler: (given: CreateArguments) => create(given, log),
      })
      .command({ command: 'list', describe: 'Tokens that are valid', builder: (list: Argv) => list as unknown as Argv<ClientArguments>, handler: (given: ClientArguments) => list(given) })
      .command({
        command: 'revoke <id>',
        describe: 'Make a token invalid, at once',
        builder: (revoke: Argv) => revoke.positional('id', { type: 'string', demandOption: true, describe: 'as list shows it' }) as unknown as Argv<RevokeArguments>,
        handler: (given: RevokeArguments) => revoke(given, log),
      })
      .demandCommand(1, 'name what to do: create, list or revoke'),
    handler: () => {},
  };
}

async function create(given: CreateArguments, log: CommandLog): Promise<void> {
  const body = { scope: given.scope, ...(given.name === undefined ? {} : { name: given.name }), ...(given.agentId === undefined ? {} : { 'agent-id': given.agentId }) };
  const answer = await CollectorClient.from(given, process.env).json<TokenAnswer>(['id', 'scope', 'agent-id'], 'POST', '/v1/tokens', { body });
  process.stdout.write(`${given.json ? JSON.stringify(answer) : answer.token}\n`);
  if (!given.json) log.info(`${answer.id}, scope ${answer.scope}${answer['agent-id'] === null ? '' : `, agent ${answer['agent-id']}`}: keep it now, it is not shown again`);
}

async function list(given: ClientArguments): Promise<void> {
  const { tokens } = await CollectorClient.from(given, process.env).json<{ tokens: TokenAnswer[] }>(['tokens'], 'GET', '/v1/tokens');
  for (const token of tokens) {
    process.stdout.write(`${given.json ? JSON.stringify(token) : [token.id, token.scope, token['agent-id'] ?? '-', token.created, token.name].join('  ')}\n`);
  }
}

async function revoke(given: RevokeArguments, log: CommandLog): Promise<void> {
  const { body } = await CollectorClient.from(given, process.env).open('DELETE', `/v1/tokens/${encodeURIComponent(given.id)}`);
  await body.dump();
  log.info(`${given.id} is revoked`);
}
