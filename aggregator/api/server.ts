import fastify, { type FastifyHttpsOptions, type FastifyInstance, type FastifyReply, type FastifyServerOptions } from 'fastify';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { Logger } from 'winston';
import type { Control } from '../control/control.ts';
import type { Tokens } from '../control/tokens.ts';
import type { CommittedCatalog } from '../logstore/committed-catalog.ts';
import type { LogStores } from '../logstore/log-stores.ts';
import type { StorageReport } from '../logstore/storage-report.ts';
import type { Metrics } from '../metrics.ts';
import type { CompletenessGrid } from '../publish/completeness-grid.ts';
import type { Publisher } from '../publish/publisher.ts';
import type { QueryPool } from '../query/query-pool.ts';
import { queryRoutes } from '../query/routes.ts';
import type { BodyLimits } from '../receive/inflate.ts';
import type { BatchProgress } from '../receive/batch-progress.ts';
import type { Receiver } from '../receive/receiver.ts';
import type { TlsContext } from '../tls.ts';
import { agentRoutes } from './agent-routes.ts';
import { auditRoutes } from './audit-routes.ts';
import { refuseRevokedAgents, requireTokens, withScope } from './authorization.ts';
import { batchProgressRoutes, batchRoutes } from './batch-routes.ts';
import { completenessRoutes } from './completeness-routes.ts';
import { consoleRoutes } from './console-routes.ts';
import { answerClientError, answerErrors, problemOf, sendProblem } from './error-answers.ts';
import { flowLogRoutes } from './flow-log-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { inventoryRoutes } from './inventory-routes.ts';
import { logStoreControlRoutes } from './logstore-control-routes.ts';
import { logStoreRoutes } from './logstore-routes.ts';
import { collectRoutes, openApiRoutes, type RegisteredRoute } from './openapi.ts';
import { resourceRoutes } from './resource-routes.ts';
import { ruleSetRoutes } from './rule-set-routes.ts';
import { savedQueryRoutes } from './saved-query-routes.ts';
import { sessionRoutes } from './session-routes.ts';
import { Sessions } from './sessions.ts';
import { storageRoutes } from './storage-routes.ts';
import { tokenRoutes } from './token-routes.ts';

export interface ServerParts {
  readonly receiver: Receiver;
  readonly batchProgress: (agent: string) => BatchProgress;
  readonly limits: BodyLimits;
  readonly requestTimeoutMs: number;
  readonly control: Control;
  readonly tokens: Tokens;
  readonly catalog: CommittedCatalog;
  readonly logStores: LogStores;
  readonly grid: CompletenessGrid;
  readonly publisher: Publisher;
  readonly pool: QueryPool;
  readonly metrics: Metrics;
  readonly report: StorageReport;
  readonly log: Logger;
  readonly unready: () => string | null;
  /** null: in clear text. */
  readonly tls: TlsContext | null;
}

declare module 'fastify' {
  interface FastifyInstance {
    readonly registeredRoutes: () => RegisteredRoute[];
  }
}

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** A connection on which nothing moves; longer than any answer keeps its client waiting. */
const STALL_TIMEOUT_MS = 300_000;
/** Files and connections to the store must stay possible, however many clients there are. */
const CONNECTIONS_MOST = 10_000;
const DESCRIPTORS_KEPT = 512;

/** The HTTP side of the collector: who may call what, and who answers. */
export function createServer(parts: ServerParts): FastifyInstance {
  const app = newServer(parts.tls, parts.requestTimeoutMs, {
    logger: false,
    requestTimeout: parts.requestTimeoutMs,
    connectionTimeout: STALL_TIMEOUT_MS,
    // a misspelt parameter is told, not dropped
    ajv: { customOptions: { removeAdditional: false } },
    frameworkErrors: (error, _request, reply) => void sendProblem(reply as unknown as FastifyReply, problemOf(error)),
    clientErrorHandler: answerClientError,
  });
  const routes = collectRoutes(app);
  app.decorate('registeredRoutes', routes);
  app.server.maxConnections = connectionLimit();
  app.server.on('tlsClientError', ({ message }: Error, { remoteAddress }: Socket) => parts.log.debug(`TLS with ${remoteAddress ?? 'a client that left'}: ${message}`));
  const isSearchable = (name: string): boolean => parts.control.store.state.topology.logStores.find((logStore) => logStore.name === name)?.search ?? true;
  const hasLogStore = (name: string): boolean => parts.catalog.logStores().some((logStore) => logStore.name === name);
  answerErrors(app, parts.log);
  const sessions = new Sessions();
  app.addHook('onRequest', async (_request, reply) => void reply.header('x-content-type-options', 'nosniff'));
  requireTokens(app, parts.tokens, sessions, routes, () => parts.metrics.refusedTokens.inc());
  refuseRevokedAgents(app, (agentId) => parts.control.agents.find(agentId)?.isRevoked ?? false);
  withScope(app, 'ingest', (child) => batchRoutes(child, parts.receiver, parts.limits, parts.metrics));
  withScope(app, 'ingest', (child) => batchProgressRoutes(child, parts.batchProgress));
  withScope(app, 'admin', (child) => inventoryRoutes(child, parts.control));
  withScope(app, 'admin', (child) => resourceRoutes(child, parts.control));
  withScope(app, 'admin', (child) => flowLogRoutes(child, parts.control));
  withScope(app, 'admin', (child) => logStoreControlRoutes(child, parts.control, hasLogStore));
  withScope(app, 'admin', (child) => savedQueryRoutes(child, parts.control, hasLogStore));
  withScope(app, 'admin', (child) => ruleSetRoutes(child, parts.control));
  withScope(app, 'admin', (child) => auditRoutes(child, parts.control));
  withScope(app, 'admin', (child) => agentRoutes(child, parts.control, parts.tokens));
  withScope(app, 'admin', (child) => tokenRoutes(child, parts.control, parts.tokens));
  withScope(app, 'admin', (child) => storageRoutes(child, parts.report));
  withScope(app, 'query', (child) => logStoreRoutes(child, parts.logStores, () => parts.control.store.state.topology, parts.publisher));
  withScope(app, 'query', (child) => completenessRoutes(child, parts.catalog, parts.grid));
  withScope(app, 'query', (child) => sessionRoutes(child, parts.tokens, sessions));
  withScope(app, 'public', (child) => openApiRoutes(child, routes));
  withScope(app, 'public', (child) => healthRoutes(child, parts.metrics, parts.unready));
  withScope(app, 'query', (child) => void child.register(queryRoutes, { catalog: parts.catalog, pool: parts.pool, isSearchable, log: parts.log }));
  withScope(app, 'public', (child) => consoleRoutes(child));
  return app;
}

function newServer(tls: TlsContext | null, requestTimeoutMs: number, options: FastifyServerOptions): FastifyInstance {
  const limits = { headersTimeout: requestTimeoutMs, connectionsCheckingInterval: Math.min(5_000, requestTimeoutMs) };
  if (tls === null) return fastify({ ...options, http: limits });
  const https = { ...limits, ...tls.options, requestCert: tls.asksClients, rejectUnauthorized: tls.asksClients, handshakeTimeout: HANDSHAKE_TIMEOUT_MS };
  const secured = { ...options, https } as unknown as FastifyHttpsOptions<Server>;
  return fastify(secured) as unknown as FastifyInstance;
}

function connectionLimit(): number {
  try {
    const descriptors = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity);
    return Math.max(64, Math.min(CONNECTIONS_MOST, descriptors - DESCRIPTORS_KEPT));
  } catch {
    return CONNECTIONS_MOST; // not Linux
  }
}
