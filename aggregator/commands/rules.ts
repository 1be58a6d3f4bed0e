import type { Argv, CommandModule } from 'yargs';
import type { CommandLog } from '../../shared/command-log.ts';
import { CollectorClient } from '../client/collector-client.ts';
import { listed } from '../client/listed.ts';
import { differences, type ShownChange } from './change-line.ts';
import { commandGroup, subcommand, withLimit, type CollectorArguments } from './command-group.ts';
import { clean } from './query-table.ts';
import { counted, listTable, print, printJson, second } from './printed.ts';

interface HistoryArguments extends CollectorArguments {
  limit: number | undefined;
}
interface DiffArguments extends CollectorArguments {
  from: number;
  to: number;
}
interface ShowArguments extends CollectorArguments {
  revision: number;
}

interface RevisionAnswer {
  readonly 'revision': number;
  readonly 'created': string;
  readonly 'by': string;
  readonly 'security-groups': number;
  readonly 'prefix-lists': number;
  readonly 'rules': number;
  readonly 'members': number;
}

interface RuleChangeAnswer {
  readonly kind: string;
  /** Of the group or prefix list. */
  readonly id: string;
  /** null: the group or list itself. */
  readonly item: string | null;
  readonly before: unknown;
  readonly after: unknown;
}

type Fields = Readonly<Record<string, unknown>>;
interface RuleSetAnswer {
  readonly 'revision': number;
  readonly 'created': string;
  readonly 'by': string;
  readonly 'security-groups': readonly Fields[];
  readonly 'prefix-lists': readonly Fields[];
}

/** `weir rules …`: every state that the security groups have been in. */
export function rulesCommand(log: CommandLog): CommandModule {
  return commandGroup('rules', 'Revisions of the rules: each change of security groups makes one', 'admin', [
    subcommand<HistoryArguments>('history', 'Revisions, newest first', (yargs) => withLimit(yargs, 'revisions'), (given) => history(given, log)),
    subcommand<DiffArguments>('diff <from> <to>', 'What became different between two revisions', (yargs) => revision(revision(yargs, 'from'), 'to'), (given) => diff(given, log)),
    subcommand<ShowArguments>('show <revision>', 'The rules at a revision, as weir apply takes them', (yargs) => revision(yargs, 'revision'), show),
  ]);
}

function revision(yargs: Argv, name: string): Argv {
  return yargs.positional(name, { type: 'number', demandOption: true, describe: 'number of a revision' }).check((given) => {
    const value = given[name];
    if (!Number.isSafeInteger(value) || (value as number) < 1) throw new Error(`${name} must be the number of a revision; weir rules history shows them`);
    return true;
  });
}

async function history(given: HistoryArguments, log: CommandLog): Promise<void> {
  const rows: (string | number)[][] = [];
  for await (const one of listed<RevisionAnswer>(CollectorClient.from(given, process.env), '/v1/rule-sets', 'rule-sets', {}, { limit: given.limit })) {
    if (given.json) {
      if (!await printJson(one)) return;
    } else {
      rows.push([one.revision, second(one.created)!, one.by, one['security-groups'], one.rules, one['prefix-lists'], one.members]);
    }
  }
  await print(listTable(['revision', 'created', 'by', 'groups', 'rules', 'prefix lists', 'members'], rows));
  if (!given.json && rows.length === 0) log.info('there are no rules yet; weir apply brings them');
}

async function diff(given: DiffArguments, log: CommandLog): Promise<void> {
  const { from, to } = given;
  const answer = await CollectorClient.from(given, process.env).json<{ changes: RuleChangeAnswer[] }>(['changes'], 'GET', '/v1/rule-sets/diff', { query: { from, to } });
  if (given.json) {
    await printJson(answer);
    return;
  }
  await print(answer.changes.map((change) => `${ruleChangeLine(change)}\n`).join(''));
  log.info(`from revision ${from} to ${to}: ${counted(answer.changes.length, 'change')}`);
}

function ruleChangeLine({ kind, id, item, before, after }: RuleChangeAnswer): string {
  const named = clean(`${kind} ${id}${item === null ? '' : ` ${item}`}`);
  const [old, now] = [fieldsOf(before), fieldsOf(after)];
  if (old && now) return `~ ${named} (${differences(old, now).join(', ')})`;
  return `${old ? '-' : '+'} ${named}${kind === 'rule' ? ` (${ruleText((old ?? now)!)})` : ''}`;
}

/** Of entries, the text is all there is; of a prefix list, its name. */
function fieldsOf(value: unknown): ShownChange['before'] {
  if (value === null) return null;
  return typeof value === 'object' ? value as Fields : { name: value };
}

function ruleText({ 'rule-id': _id, ...rule }: Fields): string {
  return Object.entries(rule).map(([key, value]) => `${key} ${clean(String(value))}`).join(', ');
}

async function show(given: ShowArguments): Promise<void> {
  const client = CollectorClient.from(given, process.env);
  const ruleSet = await client.json<RuleSetAnswer>(['revision', 'security-groups', 'prefix-lists'], 'GET', `/v1/rule-sets/${given.revision}`);
  if (given.json) {
    await printJson(ruleSet);
    return;
  }
  const { Document, isMap, visit } = await import('yaml');
  const document = new Document({ 'prefix-lists': ruleSet['prefix-lists'], 'security-groups': ruleSet['security-groups'] });
  document.commentBefore = ` revision ${ruleSet.revision} of ${second(ruleSet.created)}, by ${ruleSet.by}`;
  // a rule is a line
  visit(document, { Map: (_key, map) => { if (isMap(map) && map.has('rule-id')) map.flow = true; } });
  await print(document.toString({ lineWidth: 0 }));
}
