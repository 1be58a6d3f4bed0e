import type { CommandModule } from 'yargs';
import type { CommandLog } from '../../shared/command-log.ts';
import { CollectorClient } from '../client/collector-client.ts';
import { listed } from '../client/listed.ts';
import { changeLine, type ShownChange } from './change-line.ts';
import { collectorCommand, withLimit, type CollectorArguments } from './command-group.ts';
import { clean } from './query-table.ts';
import { print, printJson, second } from './printed.ts';

interface AuditArguments extends CollectorArguments {
  limit: number | undefined;
}

interface AuditAnswer {
  readonly 'number': number;
  readonly 'time': string;
  readonly 'token-id': string | null;
  readonly 'token-name': string;
  readonly 'from': string | null;
  readonly 'action': string;
  readonly 'changes': readonly ShownChange[];
  readonly 'remark': string | null;
}

const SHOWN_CHANGES = 10;

/** `weir audit`: what was changed, by whom and when. */
export function auditCommand(log: CommandLog): CommandModule {
  return collectorCommand<AuditArguments>('audit', 'What was changed, by whom and when, newest first', 'admin', (yargs) => withLimit(yargs, 'entries'), (given) => audit(given, log));
}

async function audit(given: AuditArguments, log: CommandLog): Promise<void> {
  let entries = 0;
  for await (const entry of listed<AuditAnswer>(CollectorClient.from(given, process.env), '/v1/audit', 'entries', {}, { limit: given.limit })) {
    entries++;
    if (!await (given.json ? printJson(entry) : print(entryText(entry)))) return;
  }
  if (!given.json && entries === 0) log.info('nothing was changed yet');
}

/** A line for the entry, and below it one for each change. */
function entryText({ number, time, action, changes, remark, from, 'token-id': tokenId, 'token-name': tokenName }: AuditAnswer): string {
  const who = tokenId === null ? tokenName : `${tokenId}${tokenName === '' ? '' : ` (${tokenName})`}`;
  const lines = [`${number}  ${second(time)}  ${action}  ${who}${from === null ? '' : ` from ${from}`}`, ...changes.slice(0, SHOWN_CHANGES).map((change) => `    ${changeLine(change)}`)];
  if (changes.length > SHOWN_CHANGES) lines.push(`    and ${changes.length - SHOWN_CHANGES} more`);
  if (remark !== null) lines.push(`    ${remark}`);
  return lines.map((line) => `${clean(line)}\n`).join('');
}
