import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { CommittedCatalog } from '../logstore/committed-catalog.ts';
import type { Publisher } from '../publish/publisher.ts';

const Range = Type.Object({
  logstore: Type.String({ maxLength: 63 }),
  from: Type.Optional(Type.Number({ minimum: 0 })),
  to: Type.Optional(Type.Number({ minimum: 0 })),
}, { additionalProperties: false });

export function logStoreRoutes(app: FastifyInstance, catalog: CommittedCatalog, publisher: Publisher): void {
  app.get('/v1/logstores', { config: { scope: 'query' } }, async () => ({ logstores: catalog.logStores() }));
  app.get<{ Querystring: Static<typeof Range> }>('/v1/completeness', { config: { scope: 'query' }, schema: { querystring: Range } }, async (request) => {
    const { logstore, from = 0, to = Number.MAX_SAFE_INTEGER } = request.query;
    const windows = catalog.windows(logstore, from, to).map(({ start, seconds, rows, counts }) => ({ start, seconds, rows, ...counts }));
    return { logstore, summary: catalog.completeness(logstore, from, to), windows };
  });
  app.post('/v1/publish', { config: { scope: 'admin' } }, async () => {
    await publisher.flush();
    return { status: 'published' };
  });
}
