import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import { ANY_AGENT, type Scope, type TokenEntry, type Tokens } from '../control/tokens.ts';
import { Problem } from './problem.ts';

export type RouteScope = Scope | 'public';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route. There is no default: a route without one keeps the server from starting. */
    scope?: RouteScope;
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
 * I2. `admin` may do everything; the others only what is theirs.
 */
export function requireTokens(app: FastifyInstance, tokens: Tokens, onRefused: () => void): void {
  const routes: RouteOptions[] = [];
  app.decorateRequest('token', null);
  app.addHook('onRoute', (route) => void routes.push(route));
  app.addHook('onReady', async () => {
    const unscoped = routes.filter(({ config }) => !config?.scope).map(({ method, url }) => `${String(method)} ${url}`);
    if (unscoped.length > 0) throw new Error(`routes without a scope: ${unscoped.join(', ')}`);
  });
  app.addHook('onRequest', async (request) => {
    if (request.is404) return;
    const scope = request.routeOptions.config.scope;
    if (scope === 'public') return;
    try {
      request.token = authorize(request, tokens, scope);
    } catch (error) {
      onRefused();
      throw error;
    }
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

function authorize(request: FastifyRequest, tokens: Tokens, scope: Scope | undefined): TokenEntry {
  const match = /^Bearer ([\x21-\x7e]{1,256})$/i.exec(request.headers.authorization ?? '');
  if (!match) throw unauthorized('no token: send the header Authorization: Bearer <token>');
  const entry = tokens.find(match[1]!);
  if (!entry) throw unauthorized('the token is not valid: it was mistyped, revoked, or made by another collector');
  if (scope === undefined || (entry.scope !== 'admin' && entry.scope !== scope)) {
    throw new Problem(403, `this needs a token with the scope ${scope ?? 'admin'}; yours has the scope ${entry.scope}`);
  }
  return entry;
}

function unauthorized(detail: string): Problem {
  return new Problem(401, detail, {}, { 'www-authenticate': 'Bearer' });
}

/** Whether the token may speak for the agent. */
export function speaksFor(token: TokenEntry, agentId: string): boolean {
  return token.scope === 'admin' || token.agentId === ANY_AGENT || token.agentId === agentId;
}
