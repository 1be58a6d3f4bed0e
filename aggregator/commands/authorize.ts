import type { CommandModule } from 'yargs';
import type { CommandLog } from '../../shared/command-log.ts';
import { CollectorClient } from '../client/collector-client.ts';
import { collectorCommand, type CollectorArguments } from './command-group.ts';
import { printJson } from './printed.ts';

interface AuthorizeArguments extends CollectorArguments {
  withdraw: boolean;
}

interface AuthorizationAnswer {
  readonly 'account-id': string;
  readonly 'authorized': boolean;
}

const PATH = '/v1/authorization';

/** `weir authorize`: once per account, before the first flow log. */
export function authorizeCommand(log: CommandLog): CommandModule {
  return collectorCommand<AuthorizeArguments>('authorize', 'Allow the account\'s flow logs to write to LogStores; needed once', 'admin', (yargs) => yargs
    .option('withdraw', { type: 'boolean', default: false, describe: 'allow it no more: none can be created, those that there are go on' }),
  (given) => authorize(given, log));
}

async function authorize(given: AuthorizeArguments, log: CommandLog): Promise<void> {
  const client = CollectorClient.from(given, process.env);
  if (given.withdraw) await (await client.open('DELETE', PATH)).body.dump();
  const answer = await client.json<AuthorizationAnswer>(['account-id', 'authorized'], given.withdraw ? 'GET' : 'PUT', PATH);
  if (given.json) await printJson(answer);
  else log.info(`flow logs of account ${answer['account-id']} ${answer.authorized ? 'may write to LogStores' : 'can be created no more; those that there are go on'}`);
}
