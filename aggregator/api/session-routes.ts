import type { FastifyInstance } from 'fastify';
import type { Tokens } from '../control/tokens.ts';
import { Problem } from './problem.ts';
import { sessionCookie, setSessionCookie } from './session-cookie.ts';
import type { Session, Sessions } from './sessions.ts';

const tags = ['sessions'];
const config = { scope: 'query', honoursLogStores: true } as const;

/** Signing in with a browser: the token is shown once, and a cookie that no script can read stands for it from then on. */
export function sessionRoutes(app: FastifyInstance, tokens: Tokens, sessions: Sessions): void {
  app.get('/v1/session', {
    config: { scope: 'public' }, schema: { summary: 'Who the cookie of a browser speaks for; session is null where for nobody', tags },
  }, async (request, reply) => {
    const session = sessions.find(sessionCookie(request) ?? '');
    void reply.header('cache-control', 'no-store');
    return { session: session && tokens.checkId(session.tokenId).entry && document(tokens, session) };
  });

  app.post('/v1/session', {
    config,
    schema: {
      summary: 'Sign a browser in with the token of the Authorization header', tags,
      answers: { 201: { description: 'Who has signed in.', headers: { 'set-cookie': 'The session, for 12 hours or until the collector is restarted.' } } },
    },
  }, async (request, reply) => {
    if (request.headers.authorization === undefined) throw new Problem(400, 'a session begins with a token: send the header Authorization: Bearer <token>');
    sessions.close(sessionCookie(request) ?? '');
    const session = sessions.open(request.token!.id);
    setSessionCookie(request, reply, session.id);
    return reply.code(201).send({ session: document(tokens, session) });
  });

  app.delete('/v1/session', {
    config, schema: { summary: 'Sign a browser out', tags, answers: { 204: { description: 'The session is over.', type: null } } },
  }, async (request, reply) => {
    sessions.close(sessionCookie(request) ?? '');
    setSessionCookie(request, reply, null);
    return reply.code(204).send();
  });
}

function document(tokens: Tokens, { tokenId, openedMs, expiresMs }: Session): Record<string, unknown> {
  const { id, name, scope, logStores } = tokens.get(tokenId);
  return {
    'token-id': id, name, scope, 'logstores': logStores,
    'opened': new Date(openedMs).toISOString(), 'expires': new Date(expiresMs).toISOString(),
  };
}
