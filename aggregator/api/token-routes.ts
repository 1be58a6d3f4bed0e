import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import { SCOPES, type Scope, type TokenEntry, type Tokens } from '../control/tokens.ts';
import { Problem } from './problem.ts';

const NewToken = Type.Object({
  scope: Type.Unsafe<Scope>({ type: 'string', enum: SCOPES }),
  name: Type.Optional(Type.String({ maxLength: 128 })),
  'agent-id': Type.Optional(Type.String({ pattern: '^[\\x21-\\x7e]{1,128}$' })),
}, { additionalProperties: false });

export function tokenRoutes(app: FastifyInstance, tokens: Tokens): void {
  app.post<{ Body: Static<typeof NewToken> }>('/v1/tokens', { config: { scope: 'admin' }, schema: { body: NewToken } }, async (request, reply) => {
    const { scope, name, 'agent-id': agentId } = request.body;
    if (agentId !== undefined && scope !== 'ingest') throw new Problem(400, `agent-id is for tokens with the scope ingest, not ${scope}`);
    const { token, entry } = await tokens.create(scope, name ?? '', agentId ?? null);
    return reply.code(201).send({ ...publicPart(entry), token });
  });
  app.get('/v1/tokens', { config: { scope: 'admin' } }, async () => ({ tokens: tokens.list().map(publicPart) }));
  app.delete<{ Params: { id: string } }>('/v1/tokens/:id', { config: { scope: 'admin' } }, async (request, reply) => {
    if (request.params.id === request.token?.id) throw new Problem(409, 'a token cannot revoke itself; use another admin token');
    if (!(await tokens.revoke(request.params.id))) throw new Problem(404, `there is no token ${JSON.stringify(request.params.id.slice(0, 80))}`);
    return reply.code(204).send();
  });
}

function publicPart({ id, name, scope, agentId, created }: TokenEntry): Record<string, unknown> {
  return { id, name, scope, 'agent-id': agentId, created };
}
