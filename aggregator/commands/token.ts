import type { Argv, CommandModule } from 'yargs';
import type { CommandLog } from '../../shared/command-log.ts';
import { WeirError } from '../../shared/errors.ts';
import { withClientOptions, type ClientOptions } from '../client/client-options.ts';
import { CollectorClient } from '../client/collector-client.ts';
import { SCOPES } from '../control/token-text.ts';
import { printTable } from './query-table.ts';

interface TokenArguments extends ClientOptions {
  json: boolean;
}
interface CreateArguments extends TokenArguments {
  scope: string;
  agentId: string | undefined;
  logstore: string[] | undefined;
  name: string | undefined;
  expires: string | undefined;
}
interface IdArguments extends TokenArguments {
  id: string;
}
interface RotateArguments extends IdArguments {
  overlap: string | undefined;
}

interface TokenAnswer {
  readonly 'id': string;
  readonly 'name': string;
  readonly 'scope': string;
  readonly 'agent-id': string | null;
  readonly 'logstores': readonly string[] | null;
  readonly 'state': string;
  readonly 'created': string;
  readonly 'expires': string | null;
  readonly 'last-used': string | null;
  readonly 'rotated-from': string | null;
}
interface NewTokenAnswer extends TokenAnswer {
  readonly token: string;
}

const PAGE_TOKENS = 1000;

/** `weir token create|list|rotate|revoke`: who may send, ask, command, and let agents in. */
export function tokenCommand(log: CommandLog): CommandModule {
  return {
    command: 'token',
    describe: 'Create, list, rotate and revoke tokens of the collector',
    builder: (yargs) => withClientOptions(yargs, 'admin')
      .option('json', { type: 'boolean', default: false, describe: 'print the answer as JSON' })
      .command({
        command: 'create',
        describe: 'Make a token; it is shown once, on stdout',
        builder: (create: Argv) => create
          .option('scope', { choices: SCOPES, demandOption: true, describe: 'what it allows; enrol: to make one agent known, once' })
          .option('agent-id', { type: 'string', requiresArg: true, describe: "ingest: the one agent that may use it, '*' for any; enrol: the one agent that may enrol with it" })
          .option('logstore', { type: 'string', array: true, requiresArg: true, describe: 'query: the LogStores that it may read; all unless given' })
          .option('expires', { type: 'string', requiresArg: true, describe: 'such as 30d, or a time in RFC 3339; never unless given, a one-time token in an hour' })
          .option('name', { type: 'string', requiresArg: true, describe: 'what it is for' }) as unknown as Argv<CreateArguments>,
        handler: (given: CreateArguments) => create(given, log),
      })
      .command({ command: 'list', describe: 'Tokens, and when they were last used', builder: (list: Argv) => list as unknown as Argv<TokenArguments>, handler: (given: TokenArguments) => list(given) })
      .command({
        command: 'rotate <id>',
        describe: 'Make a token that takes the place of this one; both are valid for a while',
        builder: (rotate: Argv) => withId(rotate)
          .option('overlap', { type: 'string', requiresArg: true, describe: 'so long the old one goes on; 24h unless given, 0 ends it at once' }) as unknown as Argv<RotateArguments>,
        handler: (given: RotateArguments) => rotate(given, log),
      })
      .command({ command: 'revoke <id>', describe: 'Make a token invalid, at once', builder: (revoke: Argv) => withId(revoke) as unknown as Argv<IdArguments>, handler: (given: IdArguments) => revoke(given, log) })
      .demandCommand(1, 'name what to do: create, list, rotate or revoke'),
    handler: () => {},
  };
}

function withId(yargs: Argv): Argv {
  return yargs.positional('id', { type: 'string', demandOption: true, describe: 'as list shows it' });
}

async function create(given: CreateArguments, log: CommandLog): Promise<void> {
  const { scope, name, agentId, logstore, expires } = given;
  const body = { scope, name, 'agent-id': agentId, 'logstores': logstore, expires };
  printOnce(given, await CollectorClient.from(given, process.env).json<NewTokenAnswer>(['id', 'token'], 'POST', '/v1/tokens', { body }), log);
}

async function rotate(given: RotateArguments, log: CommandLog): Promise<void> {
  const answer = await CollectorClient.from(given, process.env).json<NewTokenAnswer>(['id', 'token'], 'POST', `${pathOf(given.id)}/rotate`, { body: { overlap: given.overlap } });
  printOnce(given, answer, log);
}

function printOnce({ json }: TokenArguments, answer: NewTokenAnswer, log: CommandLog): void {
  process.stdout.write(`${json ? JSON.stringify(answer) : answer.token}\n`);
  const place = answer['rotated-from'] === null ? '' : ` takes the place of ${answer['rotated-from']}`;
  if (!json) log.info(`${answer.id}${place}: ${answer.scope}, ${limitsOf(answer)}, expires ${answer.expires ?? 'never'}; keep it now, it is not shown again`);
}

async function list(given: TokenArguments): Promise<void> {
  const client = CollectorClient.from(given, process.env);
  const tokens: TokenAnswer[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await client.json<{ tokens: TokenAnswer[]; next: string | null }>(['tokens', 'next'], 'GET', '/v1/tokens', { query: { limit: PAGE_TOKENS, cursor } });
    tokens.push(...page.tokens);
    cursor = page.next;
  }
  if (given.json) {
    for (const token of tokens) process.stdout.write(`${JSON.stringify(token)}\n`);
    return;
  }
  const columns = ['id', 'scope', 'limits', 'created', 'expires', 'last used', 'name'].map((name) => ({ name, type: 'VARCHAR' }));
  process.stdout.write(printTable({ columns, rows: tokens.map((token) => [
    token.id, token.scope, limitsOf(token), minute(token.created), token.state === 'valid' ? minute(token.expires) : token.state, minute(token['last-used']), token.name,
  ]) }));
}

function limitsOf({ 'agent-id': agentId, logstores }: TokenAnswer): string {
  return agentId !== null ? `agent ${agentId === '*' ? 'any' : agentId}` : logstores !== null ? `logstores ${logstores.join(', ')}` : 'no limits';
}

function minute(time: string | null): string | null {
  return time && `${time.slice(0, 16)}Z`;
}

async function revoke(given: IdArguments, log: CommandLog): Promise<void> {
  const { body } = await CollectorClient.from(given, process.env).open('DELETE', pathOf(given.id));
  await body.dump();
  if (given.json) process.stdout.write(`${JSON.stringify({ id: given.id, revoked: true })}\n`);
  else log.info(`${given.id} is revoked`);
}

/** A token in the place of its id would stand in the logs of proxies. */
function pathOf(id: string): string {
  if (!/^tok-[0-9a-f]{1,64}$/.test(id)) throw new WeirError('USAGE', 'this is no id of a token; weir token list shows them, tok-…');
  return `/v1/tokens/${id}`;
}
