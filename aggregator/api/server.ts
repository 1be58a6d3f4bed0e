import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { Logger } from 'winston';
import type { Inventory } from '../control/inventory.ts';
import type { Tokens } from '../control/tokens.ts';
import type { CommittedCatalog } from '../logstore/committed-catalog.ts';
import type { Metrics } from '../metrics.ts';
import type { Publisher } from '../publish/publisher.ts';
import type { QueryPool } from '../query/query-pool.ts';
import { queryRoutes } from '../query/routes.ts';
import type { BodyLimits } from '../receive/inflate.ts';
import type { Receiver } from '../receive/receiver.ts';
import { requireTokens, withScope } from './authorization.ts';
import { batchRoutes } from './batch-routes.ts';
import { answerClientError, answerErrors, problemOf, sendProblem } from './error-answers.ts';
import { healthRoutes } from './health-routes.ts';
import { inventoryRoutes } from './inventory-routes.ts';
import { logStoreRoutes } from './logstore-routes.ts';
import { tokenRoutes } from './token-routes.ts';

export interface ServerParts {
  readonly receiver: Receiver;
  readonly limits: BodyLimits;
  readonly inventory: Inventory;
  readonly tokens: Tokens;
  readonly catalog: CommittedCatalog;
  readonly publisher: Publisher;
  readonly pool: QueryPool;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly unready: () => string | null;
}

const REQUEST_TIMEOUT_MS = 60_000;

/** The HTTP side of the collector: who may call what, and who answers. */
export function createServer(parts: ServerParts): FastifyInstance {
  const app = fastify({
    logger: false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: REQUEST_TIMEOUT_MS },
    // a misspelt parameter is told, not dropped
    ajv: { customOptions: { removeAdditional: false } },
    frameworkErrors: (error, _request, reply) => void sendProblem(reply as unknown as FastifyReply, problemOf(error)),
    clientErrorHandler: answerClientError,
  });
  answerErrors(app, parts.log);
  requireTokens(app, parts.tokens, () => parts.metrics.refusedTokens.inc());
  withScope(app, 'ingest', (child) => batchRoutes(child, parts.receiver, parts.limits, parts.metrics));
  withScope(app, 'admin', (child) => inventoryRoutes(child, parts.inventory));
  withScope(app, 'admin', (child) => tokenRoutes(child, parts.tokens));
  withScope(app, 'query', (child) => logStoreRoutes(child, parts.catalog, parts.publisher));
  withScope(app, 'public', (child) => healthRoutes(child, parts.metrics, parts.unready));
  withScope(app, 'query', (child) => void child.register(queryRoutes, { catalog: parts.catalog, pool: parts.pool, log: parts.log }));
  return app;
}
