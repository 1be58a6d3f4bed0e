import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ANY_AGENT, type TokenEntry } from '../control/token-entry.ts';
import type { Scope } from '../control/token-text.ts';
import type { TokenCheck, Tokens } from '../control/tokens.ts';
import type { RegisteredRoute } from './openapi.ts';
import { Problem } from './problem.ts';
import { requireSameOrigin, sessionCookie } from './session-cookie.ts';
import type { Sessions } from './sessions.ts';

export type RouteScope = Scope | 'public';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route. There is no default: a route without one keeps the server from starting. */
    scope?: RouteScope;
    /** The route shows a token that is limited to some LogStores nothing of others: it asks `seesLogStore`, or `visibleCatalog`. */
    honoursLogStores?: boolean;
  }
  interface FastifyRequest {
    /** The token of the caller; null on public routes. */
    token: TokenEntry | null;
  }
}

/**
 * Checks the token before anything of the body is read.
 *
 * I1. A route without a scope does not start.
 * I2. `admin` may do everything but enrol, which takes a one-time token; the others only what is theirs.
 * I3. A token that is limited to LogStores is refused by routes that do not say that they heed it.
 * I4. A browser's session is worth what its token is worth at the moment of the request, and only to its own origin.
 */
export function requireTokens(app: FastifyInstance, tokens: Tokens, sessions: Sessions, routes: () => RegisteredRoute[], onRefused: () => void): void {
  app.decorateRequest('token', null);
  app.addHook('onReady', async () => {
    const unscoped = routes().filter(({ scope }) => !scope).map(({ method, url }) => `${method} ${url}`);
    if (unscoped.length > 0) throw new Error(`routes without a scope: ${unscoped.join(', ')}`);
  });
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) return;
    const { scope, honoursLogStores = false } = request.routeOptions.config;
    if (scope === 'public') return;
    // what a browser keeps would still be there after signing out
    if (request.headers.cookie !== undefined) void reply.header('cache-control', 'no-store');
    try {
      request.token = authorize(callerOf(request, tokens, sessions), scope, honoursLogStores);
    } catch (error) {
      onRefused();
      throw error;
    }
    await tokens.noteUse(request.token);
  });
}

/** Gives every route that `plugin` registers this scope. */
export function withScope(app: FastifyInstance, scope: RouteScope, plugin: (child: FastifyInstance) => void): void {
  void app.register((child, _options, done) => {
    child.addHook('onRoute', (route) => {
      route.config = { ...route.config, scope: route.config?.scope ?? scope };
    });
    plugin(child);
    done();
  });
}

/** A token in the header goes before a cookie. */
function callerOf(request: FastifyRequest, tokens: Tokens, sessions: Sessions): TokenCheck {
  const cookie = request.headers.authorization === undefined ? sessionCookie(request) : null;
  if (cookie !== null) {
    requireSameOrigin(request);
    const session = sessions.find(cookie);
    return session ? tokens.checkId(session.tokenId) : { entry: null, reason: 'the session is over: sign in again' };
  }
  const match = /^Bearer ([\x21-\x7e]{1,256})$/i.exec(request.headers.authorization ?? '');
  return match ? tokens.check(match[1]!) : { entry: null, reason: 'no token: send the header Authorization: Bearer <token>' };
}

function authorize(checked: TokenCheck, scope: Scope | undefined, honoursLogStores: boolean): TokenEntry {
  if (checked.entry === null) throw unauthorized(checked.reason);
  const { entry } = checked;
  if (scope === undefined || !(entry.scope === scope || (entry.scope === 'admin' && scope !== 'enrol'))) {
    throw new Problem(403, `this needs a token with the scope ${scope ?? 'admin'}; yours has the scope ${entry.scope}`);
  }
  if (entry.logStores && !honoursLogStores) throw new Problem(403, `this is not about one LogStore, and your token is limited to ${entry.logStores.join(', ')}; it needs a token with the scope ${scope} that is not`);
  return entry;
}

function unauthorized(detail: string): Problem {
  return new Problem(401, detail, {}, { 'www-authenticate': 'Bearer' });
}

/** Nobody speaks for an agent that was revoked, whatever the token: one for all agents is not voided with it. */
export function refuseRevokedAgents(app: FastifyInstance, isRevoked: (agentId: string) => boolean): void {
  app.addHook('onRequest', async (request) => {
    const agentId = request.headers['weir-agent-id'];
    if (typeof agentId === 'string' && request.routeOptions.config.scope === 'ingest' && isRevoked(agentId)) throw revokedAgent(agentId);
  });
}

export function revokedAgent(agentId: string): Problem {
  return new Problem(401, `the agent ${agentId} was revoked; to let it in again, give it a new one-time token: weir token create --scope enrol`, { type: 'urn:weir:problem:agent-revoked' });
}

/** Whether the token may speak for the agent. */
export function speaksFor(token: TokenEntry, agentId: string): boolean {
  return token.scope === 'admin' || token.agentId === ANY_AGENT || token.agentId === agentId;
}

/** Whether there is such a LogStore, as far as the token's holder is to know. */
export function seesLogStore(token: TokenEntry | null, logStore: string): boolean {
  return !token?.logStores || token.logStores.includes(logStore);
}
