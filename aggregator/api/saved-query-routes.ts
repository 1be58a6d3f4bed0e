import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { Control } from '../control/control.ts';
import { CHARTS, type Chart, type SavedQuery } from '../control/control-state.ts';
import { deleteSavedQuery, saveQuery } from '../control/saved-queries.ts';
import { parseQuery } from '../query/language/parser.ts';
import { queryProblem } from '../query/query-problem.ts';
import { seesLogStore } from './authorization.ts';
import { nullable } from './nullable.ts';
import { NEXT_CURSOR, PAGE_PARAMETERS, pageOf } from './pagination.ts';
import { Problem } from './problem.ts';
import { actorOf, IDEMPOTENCY_HEADER, repeatableOf } from './request-actor.ts';

const Given = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 256 }),
  description: Type.Optional(Type.String({ maxLength: 4096 })),
  logstore: Type.String({ maxLength: 63 }),
  query: Type.String({ maxLength: 8192 }),
  chart: Type.Optional(Type.Unsafe<Chart>({ type: 'string', enum: CHARTS })),
  dashboard: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 256 }), 'shown together with the others of that dashboard')),
}, { additionalProperties: false });
const Id = Type.Object({ id: Type.String({ maxLength: 512 }) });
const List = Type.Object({
  ...PAGE_PARAMETERS, logstore: Type.Optional(Type.String({ maxLength: 63 })), dashboard: Type.Optional(Type.String({ maxLength: 256 })),
}, { additionalProperties: false });

/** Questions that are worth keeping, and dashboards made of them. `hasLogStore`: whether there is one of that name, known to the inventory or not. */
export function savedQueryRoutes(app: FastifyInstance, { store }: Control, hasLogStore: (name: string) => boolean): void {
  const check = ({ query, logStore }: Omit<SavedQuery, 'id'>): void => {
    checkText(query);
    if (!hasLogStore(logStore)) throw new Problem(422, `there is no LogStore ${JSON.stringify(logStore)}; weir logstore list shows those that there are`, { type: 'urn:weir:problem:no-such-logstore' });
  };
  const tags = ['saved queries'];
  app.get<{ Querystring: Static<typeof List> }>('/v1/saved-queries', {
    config: { scope: 'query', honoursLogStores: true },
    schema: { querystring: List, summary: 'Saved queries', tags, answers: { 200: { description: 'Saved queries.', schema: Type.Object({ next: NEXT_CURSOR }) } } },
  }, async (request) => {
    const { logstore, dashboard } = request.query;
    const shown = store.state.savedQueries.filter((query) => seesLogStore(request.token, query.logStore) &&
      (logstore ?? query.logStore) === query.logStore && (dashboard === undefined || query.dashboard === dashboard));
    const { items, next } = pageOf('saved-queries', shown, ({ id }) => id, request.query);
    return { 'saved-queries': items.map(document), next };
  });
  app.post<{ Body: Static<typeof Given> }>('/v1/saved-queries', {
    config: { scope: 'admin' }, schema: { body: Given, summary: 'Save a query', tags, takesHeaders: IDEMPOTENCY_HEADER, answers: { 201: { description: 'Saved.' } } },
  }, async (request, reply) => {
    const saved = await store.change(actorOf(request), 'saved-query.create', saveQuery(null, savedQuery(request.body), check), repeatableOf(request));
    return reply.code(201).send(document(saved));
  });
  app.put<{ Params: Static<typeof Id>; Body: Static<typeof Given> }>('/v1/saved-queries/:id', {
    config: { scope: 'admin' }, schema: { params: Id, body: Given, summary: 'Change a saved query', tags },
  }, async (request) => document(await store.change(actorOf(request), 'saved-query.update', saveQuery(request.params.id, savedQuery(request.body), check))));
  app.delete<{ Params: Static<typeof Id> }>('/v1/saved-queries/:id', {
    config: { scope: 'admin' }, schema: { params: Id, summary: 'Delete a saved query', tags, answers: { 204: { description: 'Deleted.', type: null } } },
  }, async (request, reply) => {
    await store.change(actorOf(request), 'saved-query.delete', deleteSavedQuery(request.params.id));
    return reply.code(204).send();
  });
}

function savedQuery({ name, description = '', logstore, query, chart = 'table', dashboard = null }: Static<typeof Given>): Omit<SavedQuery, 'id'> {
  return { name, description, logStore: logstore, query, chart, dashboard };
}

function document({ logStore, ...query }: SavedQuery): Record<string, unknown> {
  return { ...query, logstore: logStore };
}

function checkText(text: string): void {
  try {
    parseQuery(text);
  } catch (error) {
    throw queryProblem(error) ?? error;
  }
}
