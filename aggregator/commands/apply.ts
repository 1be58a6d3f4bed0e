import { readFileSync } from 'node:fs';
import type { CommandModule } from 'yargs';
import { WeirError, refusedBySystem } from '../../shared/errors.ts';
import { ConfigurationError, type Problem } from '../../shared/topology/document.ts';
import type { CommandLog } from '../../shared/command-log.ts';
import { CollectorClient, RefusedRequest } from '../client/collector-client.ts';
import { changeLine, type ShownChange } from './change-line.ts';
import { collectorCommand, type CollectorArguments } from './command-group.ts';
import { print, printJson } from './printed.ts';

interface ApplyArguments extends CollectorArguments {
  file: string;
  dryRun: boolean;
  prune: boolean;
}

interface AppliedAnswer {
  readonly 'revision': number;
  readonly 'changed': boolean;
  readonly 'dry-run': boolean;
  readonly 'changes': readonly ShownChange[];
}

/** What the command line makes of `-`. */
const STANDARD_INPUT = '/dev/stdin';

/** `weir apply -f vpc.yaml`. The collector checks the document: it knows what the document may refer to. */
export function applyCommand(log: CommandLog): CommandModule {
  return collectorCommand<ApplyArguments>('apply', 'Bring the inventory to what a document says, and show what changes', 'admin', (yargs) => yargs
    .option('file', { alias: 'f', type: 'string', demandOption: true, requiresArg: true, describe: 'YAML or JSON document; - is standard input' })
    .option('dry-run', { type: 'boolean', default: false, describe: 'only show what would change' })
    .option('prune', { type: 'boolean', default: false, describe: 'of the kinds that the document lists, delete what it does not name; LogStores stay' }),
  (given) => apply(given, log));
}

async function apply(given: ApplyArguments, log: CommandLog): Promise<void> {
  const yaml = readDocument(given.file);
  const client = CollectorClient.from(given, process.env);
  const answer = await client
    .json<AppliedAnswer>(['revision', 'changes'], 'PUT', '/v1/inventory', { query: { 'dry-run': String(given.dryRun), 'prune': String(given.prune) }, yaml })
    .catch((error: unknown) => { throw documentError(error, given.file === STANDARD_INPUT ? 'standard input' : given.file); });
  if (given.json) {
    await printJson(answer);
    return;
  }
  await print(answer.changes.map((change) => `${changeLine(change)}\n`).join(''));
  log.info(summary(answer));
}

function summary({ revision, changes, 'dry-run': isDryRun }: AppliedAnswer): string {
  const parts = [
    `${changes.filter(({ before }) => before === null).length} created`,
    `${changes.filter(({ before, after }) => before !== null && after !== null).length} changed`,
    `${changes.filter(({ after }) => after === null).length} deleted`,
  ].filter((part) => !part.startsWith('0 '));
  if (changes.length === 0) return `nothing to change; rule-set revision ${revision}`;
  return isDryRun ? `dry run, nothing was changed: would be ${parts.join(', ')}` : `${parts.join(', ')}; rule-set revision ${revision}`;
}

/** What is wrong with the document, under the name of its file. */
function documentError(error: unknown, file: string): unknown {
  if (!(error instanceof RefusedRequest) || (error.status !== 422 && error.status !== 413)) return error;
  const { errors } = error.problem;
  if (Array.isArray(errors) && errors.every(isProblem)) return new ConfigurationError(file, errors);
  return new WeirError('CONFIGURATION', `${file}: ${error.message}`, { cause: error });
}

function isProblem(value: unknown): value is Problem {
  const { path, line, text } = (value ?? {}) as Partial<Problem>;
  return typeof path === 'string' && typeof line === 'number' && typeof text === 'string';
}

function readDocument(path: string): string {
  try {
    // by its number: what is connected there may be a socket, which has no name
    return readFileSync(path === STANDARD_INPUT ? 0 : path, 'utf8');
  } catch (cause) {
    throw refusedBySystem('CONFIGURATION', `the inventory ${path} cannot be read`, cause);
  }
}
