import { createWriteStream } from 'node:fs';
import type { Dispatcher } from 'undici';
import type { Argv, CommandModule } from 'yargs';
import type { CommandLog } from '../../shared/command-log.ts';
import { withClientOptions, type ClientOptions } from '../client/client-options.ts';
import { CollectorClient, RefusedRequest } from '../client/collector-client.ts';
import type { Completeness } from '../logstore/catalog.ts';
import { parseQuery } from '../query/language/parser.ts';
import { QueryError, type QueryPosition } from '../query/query-error.ts';
import { printTable, type TableAnswer } from './query-table.ts';
import { OutputStream } from './output-stream.ts';

const FORMATS = ['table', 'json', 'csv', 'text', 'parquet'] as const;
type QueryFormat = (typeof FORMATS)[number];

export interface QueryArguments extends ClientOptions {
  logstore: string;
  query: string | undefined;
  from: string | undefined;
  to: string | undefined;
  format: QueryFormat;
  json: boolean;
  limit: number | undefined;
  fields: string | undefined;
  output: string | undefined;
  quiet: boolean;
}

/** Records that one request asks for, and rows of a SELECT without a LIMIT, where all are wanted. */
const PAGE_RECORDS = 10_000;
const ALL_ROWS = 100_000;
const TABLE_RECORDS = 100;

export function queryCommand(log: CommandLog): CommandModule<object, QueryArguments> {
  return {
    command: 'query <logstore> [query]',
    describe: "Ask a LogStore: 'search | SELECT …'",
    builder: options,
    handler: (given) => runQuery(given, log),
  };
}

function options(yargs: Argv): Argv<QueryArguments> {
  return withClientOptions(yargs)
    .positional('logstore', { type: 'string', demandOption: true, describe: 'name of the LogStore' })
    .positional('query', { type: 'string', describe: "such as 'action:REJECT dstport:22', or '* | SELECT srcaddr, count(*) GROUP BY 1'; every record unless given" })
    .option('from', { type: 'string', requiresArg: true, describe: 'windows that start at this time or later: Unix seconds, RFC 3339, or -1h; all time unless given' })
    .option('to', { type: 'string', requiresArg: true, describe: 'windows that start before this time' })
    .option('format', { choices: FORMATS, default: 'table' as const, describe: 'json is one object a line; parquet needs --output' })
    .option('json', { type: 'boolean', default: false, describe: 'the same as --format json' })
    .option('limit', { type: 'number', requiresArg: true, describe: `records at most; ${TABLE_RECORDS} in a table, all in other formats unless given` })
    .option('fields', { type: 'string', requiresArg: true, describe: 'names with commas; default, all' })
    .option('output', { alias: 'o', type: 'string', requiresArg: true, describe: 'write to this file instead of stdout' })
    .option('quiet', { alias: 'q', type: 'boolean', default: false, describe: 'no summary on stderr' })
    .check((given: Record<string, unknown>) => {
      const limit = given['limit'];
      if (limit !== undefined && !(Number.isSafeInteger(limit) && (limit as number) > 0)) throw new Error(`--limit is ${String(limit)}; it takes a whole number above 0`);
      if (given['format'] === 'parquet' && given['output'] === undefined) throw new Error('Parquet is not for a terminal: name a file with --output');
      if (given['output'] !== undefined && given['format'] === 'table' && given['json'] !== true) throw new Error('--output takes the formats json, csv, text and parquet');
      return true;
    }) as unknown as Argv<QueryArguments>;
}

async function runQuery(given: QueryArguments, log: CommandLog): Promise<void> {
  const text = given.query ?? '';
  const isSelect = asksSelect(text);
  const client = CollectorClient.from(given, process.env);
  const ask: Ask = (body) => askCollector(client, given, text, body);
  const format = given.json ? 'json' : given.format;
  const answers = () => (format === 'table' ? answerTable(client, ask, given) : format === 'parquet' ? answerParquet(ask, given) : answerLines(ask, given, format, isSelect));
  const answer = await answers().catch((error: unknown) => { throw client.brokenOff(error); });
  if (!given.quiet) log.info(summaryOf(answer));
}

function asksSelect(text: string): boolean {
  try {
    return parseQuery(text).select !== null;
  } catch (error) {
    throw pointed(error, text);
  }
}

type Ask = (body: Record<string, unknown>) => Promise<Dispatcher.ResponseData>;

/** What the summary is about. */
interface AnswerSummary { rows: number; truncated: boolean; completeness: Completeness | null }

async function askCollector(client: CollectorClient, given: QueryArguments, query: string, body: Record<string, unknown>): Promise<Dispatcher.ResponseData> {
  try {
    const response = await client.open('POST', `/v1/logstores/${encodeURIComponent(given.logstore)}/query`, {
      body: { query, ...present({ from: given.from, to: given.to, fields: given.fields }), ...present(body) },
    });
    if (headerOf(response, 'weir-completeness')?.startsWith('{')) return response;
    throw client.notACollector(await response.body.text());
  } catch (error) {
    throw pointed(error, query);
  }
}

function present(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

async function answerTable(client: CollectorClient, ask: Ask, given: QueryArguments): Promise<AnswerSummary> {
  const response = await ask({ limit: given.limit ?? TABLE_RECORDS });
  const summary = summaryIn(response);
  await new OutputStream(process.stdout).write(printTable(await client.objectIn<TableAnswer>(response, ['columns'])));
  return summary;
}

async function answerParquet(ask: Ask, given: QueryArguments): Promise<AnswerSummary> {
  const response = await ask({ limit: given.limit, format: 'parquet' });
  const summary = summaryIn(response);
  const file = openOutput(given.output);
  await file.copy(response.body, false);
  await file.end();
  return summary;
}

/** Formats that can be cut into pages: page after page until the limit, or the end. */
async function answerLines(ask: Ask, given: QueryArguments, format: 'json' | 'csv' | 'text', isSelect: boolean): Promise<AnswerSummary> {
  const total: AnswerSummary = { rows: 0, truncated: false, completeness: null };
  const wanted = given.limit ?? Infinity;
  let output: OutputStream | null = null;
  for (let cursor: string | undefined, isFirst = true; isFirst || (cursor !== undefined && total.rows < wanted); isFirst = false) {
    const limit = Math.min(isSelect ? ALL_ROWS : PAGE_RECORDS, wanted - total.rows);
    const response = await ask({ limit, cursor, format: format === 'json' ? 'ndjson' : format });
    const page = summaryIn(response);
    total.rows += page.rows;
    total.truncated = page.truncated;
    total.completeness ??= page.completeness;
    output ??= openOutput(given.output);
    if (!await output.copy(response.body, format === 'csv' && !isFirst)) break;
    cursor = headerOf(response, 'weir-cursor') ?? undefined;
  }
  if (given.output !== undefined) await output?.end();
  return total;
}

/** A file that is there keeps its content until there is an answer. */
function openOutput(path: string | undefined): OutputStream {
  return path === undefined ? new OutputStream(process.stdout) : new OutputStream(createWriteStream(path), path);
}

function summaryIn(response: Dispatcher.ResponseData): AnswerSummary {
  const completeness = headerOf(response, 'weir-completeness');
  return {
    rows: Number(headerOf(response, 'weir-rows') ?? 0),
    truncated: headerOf(response, 'weir-truncated') === 'true',
    completeness: completeness === null ? null : JSON.parse(completeness) as Completeness,
  };
}

function headerOf(response: Dispatcher.ResponseData, name: string): string | null {
  const value = response.headers[name];
  return typeof value === 'string' ? value : null;
}

function summaryOf({ rows, truncated, completeness }: AnswerSummary): string {
  const count = `${rows} row${rows === 1 ? '' : 's'}${truncated ? ', and there are more (--limit, or LIMIT in the SELECT)' : ''}`;
  return completeness === null ? count : `${count}; ${describeCompleteness(completeness)}`;
}

/** One line that says whether the answer rests on everything that passed. */
export function describeCompleteness(c: Completeness): string {
  const pending = c.pendingWindows > 0 ? `, ${c.pendingWindows} window${c.pendingWindows === 1 ? '' : 's'} not published yet` : '';
  if (c.state === 'NONE') return `no window was published in this time${pending}`;
  const all = c.complete + c.partial + c.missing;
  if (c.state === 'COMPLETE') return `COMPLETE: all ${all} ENI windows${pending}`;
  const parts = [`${c.complete} of ${all} ENI windows complete`];
  if (c.partial > 0) parts.push(`${c.partial} partial (${c.lostPackets} packets lost${c.lossUnknown > 0 ? `, uncounted in ${c.lossUnknown}` : ''})`);
  if (c.missing > 0) parts.push(`${c.missing} missing`);
  return `${c.state}: ${parts.join(', ')}${pending}`;
}

/** An error that names a place in the query, with the line and a mark under the place. */
function pointed(error: unknown, query: string): unknown {
  if (error instanceof QueryError && error.position) return new QueryError(error.message + mark(query, error.position), error.position);
  if (!(error instanceof RefusedRequest)) return error;
  const position = error.problem['position'] as Partial<QueryPosition> | undefined;
  if (typeof position?.line !== 'number' || typeof position.column !== 'number') return error;
  return new RefusedRequest(error.status, error.problem, error.message + mark(query, { line: position.line, column: position.column }));
}

function mark(query: string, { line, column }: Pick<QueryPosition, 'line' | 'column'>): string {
  return `\n  ${query.split('\n')[line - 1] ?? ''}\n  ${' '.repeat(column - 1)}^`;
}
