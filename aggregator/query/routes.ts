import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { FastifyInstance, FastifyReply, FastifySchema } from 'fastify';
import { Type, type Static } from 'typebox';
import { Problem } from '../api/problem.ts';
import { visibleCatalog } from '../api/visible-catalog.ts';
import type { Catalog } from '../logstore/catalog.ts';
import { histogramBuckets, histogramPlan, type HistogramRequest } from './histogram.ts';
import { QueryFailure } from './query-failure.ts';
import { queryProblem, statementError } from './query-problem.ts';
import { queryPlan, type QueryRequest } from './query-plan.ts';
import type { PoolAnswer, PoolJob, QueryPool } from './query-pool.ts';
import { MEDIA_TYPES, RESULT_FORMATS } from './result/result-format.ts';

export interface QueryRoutesOptions {
  readonly catalog: Catalog;
  readonly pool: QueryPool;
  /** Whether there may be questions about a LogStore; one that no inventory knows has nobody to forbid them. */
  readonly isSearchable?: (logStore: string) => boolean;
  /** Where failures go whose reason the one who asks must not see. */
  readonly log?: { error(message: string): unknown };
  readonly nowSeconds?: () => number;
}

const Time = Type.Union([Type.String({ maxLength: 64 }), Type.Number()], {
  description: 'Unix seconds, RFC 3339, now, or an offset from now such as -1h. A range holds the windows that start in [from, to).',
});
const QueryText = Type.String({ maxLength: 65_536, description: 'search | SELECT …; see docs/query.md. Empty: every record.' });
const LogStoreName = Type.Object({ name: Type.String({ maxLength: 200 }) });
const QueryParameters = Type.Object({
  query: Type.Optional(QueryText),
  from: Type.Optional(Time),
  to: Type.Optional(Time),
  limit: Type.Optional(Type.Integer({ description: 'Records of a page, or rows of a SELECT that has no LIMIT; 100 unless given.' })),
  cursor: Type.Optional(Type.String({ maxLength: 8192, description: 'From the answer before: the next page of the same search.' })),
  format: Type.Optional(Type.String({ maxLength: 16, description: `One of ${RESULT_FORMATS.join(', ')}; json unless given.` })),
  fields: Type.Optional(Type.String({ maxLength: 2000, description: 'Fields of the records, with commas between, or all.' })),
  order: Type.Optional(Type.Unsafe<'oldest' | 'newest'>({ type: 'string', enum: ['oldest', 'newest'], description: 'Which window of a search comes first; oldest unless given.' })),
}, { additionalProperties: false });
const HistogramParameters = Type.Object({
  query: Type.Optional(QueryText),
  from: Type.Optional(Time),
  to: Type.Optional(Time),
  interval: Type.Optional(Type.Integer({ description: 'Seconds of a bucket.' })),
  buckets: Type.Optional(Type.Integer({ description: 'At most how many buckets, where no interval is given; 60 unless given.' })),
}, { additionalProperties: false });

/** What the OpenAPI document says of a route, beside what it takes. */
function documented(summary: string, parts: FastifySchema): FastifySchema {
  return { params: LogStoreName, ...parts, summary, tags: ['query'] };
}

type Named = { Params: Static<typeof LogStoreName> };

/** Questions about a LogStore. Who may ask is for the server that these routes are registered on. */
export function queryRoutes(app: FastifyInstance, options: QueryRoutesOptions, done: (error?: Error) => void): void {
  const { catalog, pool } = options;
  const config = { honoursLogStores: true };
  const now = options.nowSeconds ?? (() => Math.floor(Date.now() / 1000));
  const requireSearch = (logStore: string): void => {
    if (options.isSearchable?.(logStore) ?? true) return;
    throw new Problem(409, `search of the LogStore ${logStore} is off; a flow log with an analysis report turns it on, or weir logstore update ${logStore} --search on`,
      { type: 'urn:weir:problem:search-off' });
  };

  // The server's own handler writes the document.
  app.setErrorHandler((error) => {
    if (error instanceof QueryFailure && error.reason === 'internal') options.log?.error(`query: ${String(error.cause)}`);
    throw queryProblem(error) ?? error;
  });

  const query = async (logStore: string, asked: QueryRequest, reply: FastifyReply) => {
    const plan = queryPlan(visibleCatalog(catalog, reply.request.token), pool.settings, logStore, asked, now());
    requireSearch(logStore);
    let result: PoolAnswer;
    try {
      result = await runWhileConnected(pool, plan.job, reply);
    } catch (error) {
      throw statementError(error, plan.query);
    }
    const { answer } = result;
    void reply.headers({
      'content-type': MEDIA_TYPES[plan.format],
      'content-length': answer.bodyBytes,
      'weir-rows': answer.rows,
      'weir-truncated': String(answer.truncated),
      'weir-completeness': JSON.stringify(plan.envelope['completeness']),
      'weir-scanned': JSON.stringify(plan.envelope['scanned']),
      ...(answer.cursor === null ? {} : { 'weir-cursor': answer.cursor }),
    });
    return sendBody(result, reply);
  };

  const histogram = async (logStore: string, asked: HistogramRequest, reply: FastifyReply) => {
    const plan = histogramPlan(visibleCatalog(catalog, reply.request.token), logStore, asked, now());
    requireSearch(logStore);
    const startedMs = performance.now();
    const result = await runWhileConnected(pool, plan.job, reply).catch((error: unknown) => { throw statementError(error, plan.query); });
    const body = await bodyText(result);
    return {
      range: plan.range,
      intervalSeconds: plan.intervalSeconds,
      buckets: histogramBuckets(plan, body),
      elapsedMs: Math.round(performance.now() - startedMs),
      scanned: plan.scanned,
      completeness: catalog.completeness(logStore, plan.range.from, plan.range.to),
    };
  };

  app.get<Named & { Querystring: Static<typeof QueryParameters> }>('/v1/logstores/:name/query',
    { config, schema: documented('Search records, or ask a SELECT', { querystring: QueryParameters }) },
    (request, reply) => query(request.params.name, request.query, reply));
  app.post<Named & { Body: Static<typeof QueryParameters> }>('/v1/logstores/:name/query',
    { config, schema: documented('Search records, or ask a SELECT', { body: QueryParameters }) },
    (request, reply) => query(request.params.name, request.body, reply));
  app.get<Named & { Querystring: Static<typeof HistogramParameters> }>('/v1/logstores/:name/histogram',
    { config, schema: documented('Counts and sums of a search over time', { querystring: HistogramParameters }) },
    (request, reply) => histogram(request.params.name, request.query, reply));
  app.post<Named & { Body: Static<typeof HistogramParameters> }>('/v1/logstores/:name/histogram',
    { config, schema: documented('Counts and sums of a search over time', { body: HistogramParameters }) },
    (request, reply) => histogram(request.params.name, request.body, reply));
  done();
}

/** A query stops when nobody waits for its answer. */
async function runWhileConnected(pool: QueryPool, job: PoolJob, reply: FastifyReply): Promise<PoolAnswer> {
  const gone = new AbortController();
  const leave = () => gone.abort();
  reply.raw.once('close', leave);
  try {
    return await pool.run(job, gone.signal, reply.request.token?.id);
  } finally {
    reply.raw.removeListener('close', leave);
  }
}

async function bodyText({ answer, dispose }: PoolAnswer): Promise<string> {
  const text = answer.path === null ? Buffer.from(answer.body!).toString() : await readFile(answer.path, 'utf8');
  await dispose();
  return text;
}

async function sendBody({ answer, dispose }: PoolAnswer, reply: FastifyReply): Promise<FastifyReply> {
  if (answer.path === null) {
    await dispose();
    return reply.send(Buffer.from(answer.body!));
  }
  const stream = createReadStream(answer.path);
  stream.once('close', () => void dispose());
  return reply.send(stream);
}
