import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { CommittedCatalog } from '../logstore/committed-catalog.ts';
import type { Publisher } from '../publish/publisher.ts';
import { seesLogStore } from './authorization.ts';
import { Problem } from './problem.ts';

const Range = Type.Object({
  logstore: Type.String({ maxLength: 63 }),
  from: Type.Optional(Type.Number({ minimum: 0 })),
  to: Type.Optional(Type.Number({ minimum: 0 })),
}, { additionalProperties: false });

export function logStoreRoutes(app: FastifyInstance, catalog: CommittedCatalog, publisher: Publisher): void {
  const config = { scope: 'query', honoursLogStores: true } as const;
  const tags = ['logstores'];
  app.get('/v1/logstores', { config, schema: { summary: 'List LogStores', tags } }, async (request) => ({ logstores: catalog.logStores().filter(({ name }) => seesLogStore(request.token, name)) }));
  app.get<{ Querystring: Static<typeof Range> }>('/v1/completeness', { config, schema: { querystring: Range, summary: 'Which windows are complete', tags } }, async (request) => {
    const { logstore, from = 0, to = Number.MAX_SAFE_INTEGER } = request.query;
    if (!seesLogStore(request.token, logstore)) throw new Problem(404, `there is no LogStore ${JSON.stringify(logstore)}`);
    const windows = catalog.windows(logstore, from, to).map(({ start, seconds, rows, counts }) => ({ start, seconds, rows, ...counts }));
    return { logstore, summary: catalog.completeness(logstore, from, to), windows };
  });
  app.post('/v1/publish', { config: { scope: 'admin' }, schema: { summary: 'Publish what is pending, now', tags: ['service'] } }, async () => {
    await publisher.flush();
    return { status: 'published' };
  });
}
