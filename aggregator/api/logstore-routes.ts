import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { Topology } from '../../shared/topology/topology.ts';
import type { LogStoreSummary } from '../logstore/catalog.ts';
import type { LogStores } from '../logstore/log-stores.ts';
import { dayOf, type UsageEntry } from '../logstore/usage.ts';
import type { Publisher } from '../publish/publisher.ts';
import { seesLogStore } from './authorization.ts';
import { Problem } from './problem.ts';

const Day = Type.String({ pattern: '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$', description: 'A day, UTC, such as 2026-01-31.' });
const Days = Type.Object({ from: Type.Optional(Day), to: Type.Optional(Day) }, { additionalProperties: false });
const Name = Type.Object({ name: Type.String({ maxLength: 200 }) });
type DayRange = { Querystring: Static<typeof Days> };

const DAY_MS = 24 * 3600 * 1000;
/** Days told unless others are asked for. */
const DAYS_SHOWN = 31;
const tags = ['logstores'];
const config = { scope: 'query', honoursLogStores: true } as const;

/** What LogStores hold, and what is used of them. */
export function logStoreRoutes(app: FastifyInstance, logStores: LogStores, topology: () => Topology, publisher: Publisher): void {
  app.get('/v1/logstores', { config, schema: { summary: 'List LogStores', tags } }, async (request) => (
    { logstores: logStores.list().filter(({ name }) => seesLogStore(request.token, name)).map((summary) => ({ ...summary, ...settings(topology(), summary) })) }
  ));
  app.get<DayRange & { Params: Static<typeof Name> }>('/v1/logstores/:name', {
    config, schema: { params: Name, querystring: Days, summary: 'One LogStore: what it holds, and its usage by day', tags },
  }, async (request) => {
    const { name } = request.params;
    const summary = seesLogStore(request.token, name) ? logStores.summary(name) : null;
    if (!summary) throw new Problem(404, `there is no LogStore ${JSON.stringify(name)}`);
    const { from, to } = dayRange(request.query);
    return { ...summary, ...settings(topology(), summary), usage: logStores.usage(from, to, [name]).map((entry) => ({ day: entry.day, ...amounts([entry]) })) };
  });
  app.get<DayRange>('/v1/usage', {
    config, schema: { querystring: Days, summary: 'Usage of the account by day: rows and bytes taken in, bytes stored at the end of the day', tags },
  }, async (request) => {
    const { from, to } = dayRange(request.query);
    const days = new Map<string, UsageEntry[]>();
    for (const entry of logStores.usage(from, to)) if (seesLogStore(request.token, entry.logStore)) days.set(entry.day, [...(days.get(entry.day) ?? []), entry]);
    return {
      'account-id': topology().accountId, from, to,
      'days': [...days].map(([day, entries]) => ({ day, ...amounts(entries), logstores: entries.map((entry) => ({ logstore: entry.logStore, ...amounts([entry]) })) })),
    };
  });
  app.post('/v1/publish', { config: { scope: 'admin' }, schema: { summary: 'Publish what is pending, now', tags: ['service'] } }, async () => {
    await publisher.flush();
    return { status: 'published' };
  });
}

/** As the inventory has it; a LogStore that only has data has no limits and can be searched. */
function settings({ logStores }: Topology, { name }: LogStoreSummary): Record<string, unknown> {
  const known = logStores.find((logStore) => logStore.name === name);
  return { 'retention-days': known?.retentionDays ?? null, 'retention-bytes': known?.retentionBytes ?? null, 'search': known?.search ?? true };
}

function amounts(entries: readonly UsageEntry[]): Record<string, number> {
  const sum = (of: (entry: UsageEntry) => number): number => entries.reduce((total, entry) => total + of(entry), 0);
  return { 'rows': sum(({ rows }) => rows), 'ingested-bytes': sum(({ ingestedBytes }) => ingestedBytes), 'stored-bytes': sum(({ storedBytes }) => storedBytes) };
}

function dayRange({ from, to = dayOf(Date.now()) }: Static<typeof Days>): { from: string; to: string } {
  if (Number.isNaN(Date.parse(to)) || (from !== undefined && Number.isNaN(Date.parse(from)))) throw new Problem(400, `there is no day ${from ?? ''} ${to}`);
  return { from: from ?? dayOf(Date.parse(to) - (DAYS_SHOWN - 1) * DAY_MS), to };
}
