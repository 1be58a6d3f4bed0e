import { WeirError } from '../../shared/errors.ts';
import { DEFAULT_FIELD_NAMES, FIELDS, findField } from '../../shared/fields.ts';
import { nearestName } from '../../shared/nearest-name.ts';
import type { Catalog, LogStoreFile } from '../logstore/catalog.ts';
import { decodeCursor, queryHash } from './cursor.ts';
import { parseQuery, type Query } from './language/parser.ts';
import { searchPredicate } from './language/search-sql.ts';
import { inPageOrder, pageSteps } from './page-steps.ts';
import { UnknownLogStore } from './query-problem.ts';
import type { PoolJob } from './query-pool.ts';
import type { QuerySettings } from './query-settings.ts';
import { RESULT_FORMATS, type ResultFormat } from './result/result-format.ts';
import { timeRange, type TimeRange } from './time-range.ts';

/** A question as it comes over HTTP. */
export interface QueryRequest {
  readonly query?: string | undefined;
  readonly from?: string | number | undefined;
  readonly to?: string | number | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
  readonly format?: string | undefined;
  /** Names with commas between; `all` and `default` stand for several. */
  readonly fields?: string | undefined;
  readonly order?: 'oldest' | 'newest' | undefined;
}

/** What is to be read, found out without reading it. */
export interface QueryScope {
  readonly query: Query;
  readonly range: TimeRange;
  readonly files: readonly LogStoreFile[];
  readonly predicate: string;
}

export interface Scanned { readonly files: number; readonly rows: number; readonly bytes: number }

/** The query's text parsed, its times resolved, its files found. Only files with windows in the range are opened. */
export function queryScope(catalog: Catalog, logStore: string, query: Query, range: TimeRange): QueryScope {
  const files = catalog.files(logStore, range.from, range.to);
  // Most files lie within the range as a whole: then no row has to be looked at for it.
  const within = files.every((file) => file.windowStart >= range.from && file.windowStart + file.windowSeconds <= range.to);
  const inRange = within ? '' : `("start" >= ${range.from} AND "start" < ${range.to}) AND `;
  return { query, range, files, predicate: `${inRange}(${searchPredicate(query.search, query.text)})` };
}

export function scannedBy(files: readonly LogStoreFile[]): Scanned {
  const total = { files: files.length, rows: 0, bytes: 0 };
  for (const file of files) {
    total.rows += file.rows;
    total.bytes += file.bytes;
  }
  return total;
}

export interface QueryPlan {
  readonly job: PoolJob;
  readonly query: Query;
  readonly format: ResultFormat;
  readonly envelope: Readonly<Record<string, unknown>>;
}

/** The job that answers the request. Throws QueryError or WeirError USAGE where the request is wrong. */
export function queryPlan(
  catalog: Catalog, settings: QuerySettings, logStore: string, request: QueryRequest, nowSeconds: number,
): QueryPlan {
  checkLogStore(catalog, logStore);
  const format = resultFormat(request.format);
  const text = request.query ?? '';
  const query = parseQuery(text);
  const newestFirst = request.order === 'newest';
  const cursor = request.cursor === undefined || request.cursor === '' ? null : decodeCursor(request.cursor, text, newestFirst);
  if (cursor && query.select) throw new WeirError('USAGE', 'a SELECT has no cursor: use LIMIT and OFFSET in the statement');
  const range = cursor ?? timeRange(asText(request.from), asText(request.to), nowSeconds);
  const scope = queryScope(catalog, logStore, query, range);
  const files = inPageOrder(cursor ? scope.files.filter((file) => mayHold(file, cursor.key[0], newestFirst)) : scope.files, newestFirst);
  const envelope = {
    scanned: scannedBy(files),
    range: { from: range.from, to: range.to },
    completeness: catalog.completeness(logStore, range.from, range.to),
  };
  const fields = fieldNames(request.fields);
  const limit = rowLimit(request.limit, settings, format);
  const question: PoolJob['question'] = query.select
    ? { kind: 'select', text: query.select.text, defaultRows: limit, maximumRows: maximumRows(settings, format) }
    : {
      kind: 'records', steps: pageSteps(files), fields, limit, newestFirst, after: cursor && { key: cursor.key, given: cursor.given },
      cursor: { queryHash: queryHash(text, newestFirst), from: range.from, to: range.to },
    };
  return { job: { files: files.map((file) => file.path), predicate: scope.predicate, question, format, envelope }, query, format, envelope };
}

/** Whether the file may hold records that start at `start`, or on the other side of it that is still to come. */
function mayHold(file: LogStoreFile, start: unknown, newestFirst: boolean): boolean {
  return typeof start !== 'number' || (newestFirst ? file.windowStart <= start : file.windowStart + file.windowSeconds > start);
}

export function checkLogStore(catalog: Catalog, name: string): void {
  const names = catalog.logStores().map((logStore) => logStore.name);
  if (names.includes(name)) return;
  const nearest = nearestName(name, names);
  const known = names.length === 0 ? 'there is none yet' : `there are ${names.slice(0, 10).join(', ')}`;
  throw new UnknownLogStore(`there is no LogStore "${name.slice(0, 60)}": ${nearest ? `did you mean ${nearest}?` : known}`);
}

function resultFormat(format: string | undefined): ResultFormat {
  if (format === undefined || format === '') return 'json';
  const known = RESULT_FORMATS.find((name) => name === format);
  if (!known) throw new WeirError('USAGE', `format "${format.slice(0, 40)}" is none of ${RESULT_FORMATS.join(', ')}`);
  return known;
}

function fieldNames(fields: string | undefined): readonly string[] {
  if (fields === undefined || fields === '') return DEFAULT_FIELD_NAMES;
  const names = fields.split(',').map((name) => name.trim()).filter((name) => name !== '').flatMap((name) => {
    if (name === 'default') return DEFAULT_FIELD_NAMES;
    if (name === 'all') return FIELDS.map((field) => field.name);
    const field = findField(name);
    if (field) return [field.name];
    const nearest = nearestName(name, FIELDS.map((known) => known.name));
    throw new WeirError('USAGE', `there is no field "${name.slice(0, 60)}"${nearest ? `: did you mean ${nearest}?` : ''}`);
  });
  if (names.length === 0) throw new WeirError('USAGE', 'an empty list of fields: name some, or default, or all');
  return [...new Set(names)];
}

function rowLimit(limit: number | undefined, settings: QuerySettings, format: ResultFormat): number {
  const most = maximumRows(settings, format);
  if (limit === undefined) return format === 'parquet' ? most : settings.defaultRows;
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > most) {
    throw new WeirError('USAGE', `limit ${limit} is not between 1 and ${most}`);
  }
  return limit;
}

function maximumRows(settings: QuerySettings, format: ResultFormat): number {
  return format === 'parquet' ? settings.maximumParquetRows : settings.maximumRows;
}

function asText(value: string | number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}
