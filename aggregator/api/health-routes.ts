import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../metrics.ts';
import { Problem } from './problem.ts';

/** `unready`: why the collector should get no traffic now; null when it should. */
export function healthRoutes(app: FastifyInstance, metrics: Metrics, unready: () => string | null): void {
  const tags = ['service'];
  app.get('/healthz', { config: { scope: 'public' }, schema: { summary: 'Whether the collector lives', tags } }, async () => ({ status: 'ok' }));
  app.get('/readyz', { config: { scope: 'public' }, schema: { summary: 'Whether the collector should get requests; 503 where not', tags } }, async () => {
    const reason = unready();
    if (reason !== null) throw new Problem(503, reason, {}, { 'retry-after': '5' });
    return { status: 'ready' };
  });
  app.get('/metrics', {
    config: { scope: 'query' }, schema: { summary: 'Metrics of the collector', tags, answers: { 200: { description: 'The text format of Prometheus.', type: 'text/plain' } } },
  }, async (_request, reply) => reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()));
}
