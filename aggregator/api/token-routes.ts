import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import { parseSeconds } from '../../shared/duration.ts';
import type { Control } from '../control/control.ts';
import type { MadeToken } from '../control/token-changes.ts';
import { SCOPES, type Scope } from '../control/token-text.ts';
import type { Tokens } from '../control/tokens.ts';
import { LOGSTORE_NAME } from '../logstore/layout.ts';
import { NEXT_CURSOR, PAGE_PARAMETERS, pageOf } from './pagination.ts';
import { Problem } from './problem.ts';
import { actorOf } from './request-actor.ts';

const ScopeName = Type.Unsafe<Scope>({ type: 'string', enum: SCOPES });
const AgentId = Type.String({ pattern: '^[\\x21-\\x7e]{1,128}$' });
const LogStores = Type.Array(Type.String({ pattern: LOGSTORE_NAME.source }), { minItems: 1, maxItems: 100 });
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

const NewToken = Type.Object({
  'scope': ScopeName,
  'name': Type.Optional(Type.String({ maxLength: 128, description: 'What it is for.' })),
  'agent-id': Type.Optional({ ...AgentId, description: 'Ingest: the one agent that may use it, or * for all. Enrol: the one agent that may enrol with it; any unless given.' }),
  'logstores': Type.Optional({ ...LogStores, description: 'Query: what it may read; all unless given.' }),
  'expires': Type.Optional(Type.String({ maxLength: 64, description: 'A duration from now such as 12h or 30d, or RFC 3339. Never unless given; a one-time token in an hour.' })),
}, { additionalProperties: false });

const Rotation = Type.Object({
  overlap: Type.Optional(Type.String({ maxLength: 32, description: 'So long the old token goes on: a duration such as 24h, which it is unless given; 0 ends it at once.' })),
}, { additionalProperties: false });

const Token = Type.Object({
  'id': Type.String(), 'name': Type.String(), 'scope': ScopeName, 'agent-id': Nullable(Type.String()), 'logstores': Nullable(Type.Array(Type.String())),
  'state': Type.Unsafe<string>({ type: 'string', enum: ['valid', 'expired', 'used'], description: 'used: a one-time token that has done its work.' }),
  'created': Type.String(), 'expires': Nullable(Type.String()), 'last-used': Type.Union([Type.String(), Type.Null()], { description: 'To the minute.' }),
  'rotated-from': Nullable(Type.String()),
});
const ShownOnce = { description: 'The token itself is in this answer and nowhere else.', schema: Type.Intersect([Token, Type.Object({ token: Type.String() })]) };
const List = { description: 'In the order in which they were made.', schema: Type.Object({ tokens: Type.Array(Token), next: NEXT_CURSOR }) };
const Id = Type.Object({ id: Type.String({ maxLength: 200, description: 'tok-…' }) });
const PageQuery = Type.Object(PAGE_PARAMETERS, { additionalProperties: false });

const MAXIMUM_LIFETIME_MS = 10 * 365 * 86_400_000;
const DEFAULT_OVERLAP = '24h';
const MAXIMUM_OVERLAP_MS = 30 * 86_400_000;

type Named = { Params: Static<typeof Id> };

export function tokenRoutes(app: FastifyInstance, control: Control, tokens: Tokens): void {
  const config = { scope: 'admin' } as const;
  const tags = ['tokens'];
  const shown = ({ token, entry }: MadeToken) => ({ ...tokens.document(entry), token });

  app.post<{ Body: Static<typeof NewToken> }>('/v1/tokens', { config, schema: { body: NewToken, tags, summary: 'Make a token', answers: { 201: ShownOnce } } }, async (request, reply) => {
    const { scope, name, 'agent-id': agentId, logstores: logStores, expires } = request.body;
    const lifetimeMs = expires === undefined ? undefined : lifetimeOf(expires);
    const made = await tokens.create(actorOf(request), { scope, name, agentId, logStores, lifetimeMs });
    // whoever makes a token for an agent that was revoked wants it back
    if (scope === 'ingest' && agentId !== undefined) await control.setAgentRevoked(actorOf(request), agentId, false);
    return reply.code(201).send(shown(made));
  });

  app.get<{ Querystring: Static<typeof PageQuery> }>('/v1/tokens', { config, schema: { querystring: PageQuery, tags, summary: 'List tokens', answers: { 200: List } } }, async (request) => {
    const { items, next } = pageOf('tokens', tokens.list(), ({ created, id }) => `${created} ${id}`, request.query);
    return { tokens: items.map((entry) => tokens.document(entry)), next };
  });

  app.get<Named>('/v1/tokens/:id', { config, schema: { params: Id, tags, summary: 'Show a token', answers: { 200: { description: 'What is known of it.', schema: Token } } } }, async (request) => {
    return tokens.document(tokens.get(request.params.id));
  });

  app.post<Named & { Body: Static<typeof Rotation> | null }>('/v1/tokens/:id/rotate', {
    config, schema: { params: Id, body: Nullable(Rotation), tags, summary: 'Make a token that takes the place of this one', answers: { 201: ShownOnce } },
  }, async (request, reply) => {
    const overlapMs = Math.round(parseSeconds(request.body?.overlap ?? DEFAULT_OVERLAP, 'overlap') * 1000);
    if (overlapMs > MAXIMUM_OVERLAP_MS) throw new Problem(400, 'overlap is longer than 30d');
    return reply.code(201).send(shown(await tokens.rotate(actorOf(request), request.params.id, overlapMs)));
  });

  app.delete<Named>('/v1/tokens/:id', { config, schema: { params: Id, tags, summary: 'Revoke a token, at once', answers: { 204: { description: 'It is void.', type: null } } } }, async (request, reply) => {
    await tokens.revoke(actorOf(request), request.params.id);
    return reply.code(204).send();
  });
}

function lifetimeOf(expires: string): number {
  const lifetimeMs = /^\d{4}-/.test(expires) ? Date.parse(expires) - Date.now() : parseSeconds(expires, 'expires') * 1000;
  if (!(lifetimeMs > 0 && lifetimeMs <= MAXIMUM_LIFETIME_MS)) throw new Problem(400, `expires is ${JSON.stringify(expires)}; write a time in the next 10 years, such as 30d or 2030-01-01T00:00:00Z`);
  return lifetimeMs;
}
