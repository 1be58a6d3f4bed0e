import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type, type Static } from 'typebox';
import { AGENT_ID, MAC } from '../../shared/topology/spelling.ts';
import type { AgentReport } from '../control/agent-registry.ts';
import type { Control } from '../control/control.ts';
import type { Tokens } from '../control/tokens.ts';
import { revokedAgent, speaksFor } from './authorization.ts';
import { nullable } from './nullable.ts';
import { NEXT_CURSOR, PAGE_PARAMETERS, pageOf, type PageRequest } from './pagination.ts';
import { Problem } from './problem.ts';
import { actorOf } from './request-actor.ts';

const AgentId = Type.String({ maxLength: 512, description: AGENT_ID.expected });
const Enrolment = Type.Object({
  'agent-id': AgentId,
  'host': Type.String({ maxLength: 256 }),
  'version': Type.String({ maxLength: 64 }),
}, { additionalProperties: false });
const Report = Type.Object({
  'host': Type.String({ maxLength: 256 }),
  'version': Type.String({ maxLength: 64 }),
  'started': Type.String({ maxLength: 40, description: 'ISO 8601' }),
  'interfaces': Type.Array(Type.Object({
    name: Type.String({ maxLength: 64 }), mac: nullable(Type.String({ maxLength: 17 })), up: Type.Boolean(),
  }, { additionalProperties: false }), { maxItems: 4096 }),
  'revision': nullable(Type.Integer({ minimum: 0 }), 'rule-set revision in force'),
  'assignment': nullable(Type.String({ maxLength: 128 }), 'ETag of the assignment in force'),
  'enis': Type.Array(Type.Object({
    'eni-id': Type.String({ maxLength: 512 }), 'state': Type.Union([Type.Literal('capturing'), Type.Literal('missing')]), 'reason': Type.Optional(Type.String({ maxLength: 512 })),
  }, { additionalProperties: false }), { maxItems: 65_536 }),
}, { additionalProperties: false });
const MAX_WAIT_SECONDS = 55;
const Wait = Type.Object({ wait: Type.Optional(Type.Number({ minimum: 0, maximum: MAX_WAIT_SECONDS, description: 'seconds to wait for a change; 0 unless given' })) }, { additionalProperties: false });
const Page = Type.Object(PAGE_PARAMETERS, { additionalProperties: false });
const Id = Type.Object({ id: Type.String({ maxLength: 512 }) });
const REPORT_BYTES = 4 * 1024 * 1024;
const HEADERS = { 'weir-agent-id': { description: 'The agent that asks.', required: true } } as const;

/** What agents ask and say about themselves. */
export function agentRoutes(app: FastifyInstance, control: Control, tokens: Tokens): void {
  const { agents, board } = control;
  const tags = ['agents'];
  const ingest = { scope: 'ingest' } as const;

  app.post<{ Body: Static<typeof Enrolment> }>('/v1/agents/enrol', {
    config: { scope: 'enrol' },
    schema: { body: Enrolment, summary: 'Exchange a one-time token for the agent\'s own', tags, answers: { 201: { description: 'The agent\'s token; it is shown once.' } } },
  }, async (request, reply) => {
    const agentId = request.body['agent-id'];
    if (AGENT_ID.parse(agentId) === null) throw new Problem(400, `agent-id ${JSON.stringify(agentId)} is not ${AGENT_ID.expected}`);
    const { token } = await tokens.enrol(actorOf(request), request.token!, agentId);
    await agents.enrol(agentId);
    return reply.code(201).send({ 'agent-id': agentId, token });
  });

  app.get<{ Querystring: Static<typeof Wait> }>('/v1/agents/self/assignment', {
    config: ingest,
    schema: {
      querystring: Wait, summary: 'What the agent is to do; waits for a change where If-None-Match names what it knows', tags,
      takesHeaders: { ...HEADERS, 'if-none-match': { description: 'ETag of the assignment that is known.' } },
      answers: { 200: { description: 'The assignment.', headers: { etag: 'Changes with the assignment.' } }, 304: { description: 'Nothing has changed.', type: null } },
    },
  }, async (request, reply) => {
    const agentId = ownAgentId(request);
    const known = /^(?:W\/)?"([^"]{1,128})"$/.exec(request.headers['if-none-match'] ?? '')?.[1] ?? null;
    agents.seen(agentId);
    const gone = new AbortController();
    const leave = (): void => gone.abort();
    reply.raw.once('close', leave);
    await board.changed(agentId, known, (request.query.wait ?? 0) * 1000, gone.signal);
    reply.raw.removeListener('close', leave);
    // meanwhile it may have been revoked
    if (agents.find(agentId)?.isRevoked) throw revokedAgent(agentId);
    const etag = board.plan.etag(agentId);
    void reply.header('etag', `"${etag}"`);
    if (etag === known) return reply.code(304).send();
    return reply.type('application/json').send(board.plan.text(agentId));
  });

  app.post<{ Body: Static<typeof Report> }>('/v1/agents/self/report', {
    config: ingest, bodyLimit: REPORT_BYTES,
    schema: { body: Report, summary: 'What the agent says of itself', tags, takesHeaders: HEADERS, answers: { 204: { description: 'Noted.', type: null } } },
  }, async (request, reply) => {
    const agentId = ownAgentId(request);
    agents.report(agentId, reportOf(request.body));
    return reply.code(204).send();
  });

  app.get<{ Querystring: PageRequest }>('/v1/agents', {
    config: { scope: 'admin' }, schema: { querystring: Page, summary: 'Agents, and what each has', tags, answers: { 200: { description: 'Agents.', schema: Type.Object({ next: NEXT_CURSOR }) } } },
  }, async (request) => {
    const { items, next } = pageOf('agents', agents.list(), ({ agentId }) => agentId, request.query);
    return { agents: items.map((agent) => control.agentView(agent)), next };
  });
  app.get<{ Params: Static<typeof Id> }>('/v1/agents/:id', { config: { scope: 'admin' }, schema: { params: Id, summary: 'One agent', tags } }, async (request) => {
    const agent = agents.find(request.params.id);
    if (!agent) throw unknown(request.params.id);
    return control.agentView(agent);
  });
  app.post<{ Params: Static<typeof Id> }>('/v1/agents/:id/revoke', {
    config: { scope: 'admin' }, schema: { params: Id, summary: 'Take away everything that lets the agent in', tags },
  }, async (request) => {
    const { id } = request.params;
    if (!agents.find(id)) throw unknown(id);
    const voided = await tokens.revokeAgent(actorOf(request), id);
    await control.setAgentRevoked(actorOf(request), id, true);
    return { ...control.agentView(agents.find(id)!), 'tokens-revoked': voided };
  });
}

function ownAgentId(request: FastifyRequest): string {
  const header = request.headers['weir-agent-id'];
  if (typeof header !== 'string' || AGENT_ID.parse(header) === null) throw new Problem(400, `the header weir-agent-id must name the agent: ${AGENT_ID.expected}`);
  if (!speaksFor(request.token!, header)) throw new Problem(403, `the token belongs to the agent ${request.token!.agentId}, but ${header} is named`);
  return header;
}

function unknown(id: string): Problem {
  return new Problem(404, `there is no agent ${JSON.stringify(id.slice(0, 100))}; weir agents list shows those that there are`);
}

function reportOf(body: Static<typeof Report>): AgentReport {
  const { enis, interfaces, ...rest } = body;
  const assignment = body.assignment === null ? null : body.assignment.replaceAll('"', '');
  // as the inventory spells it
  return { ...rest, assignment, interfaces: interfaces.map((one) => ({ ...one, mac: one.mac === null ? null : MAC.parse(one.mac) })), enis: enis.map(({ 'eni-id': eniId, state, reason = null }) => ({ eniId, state, reason })) };
}
