import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { Control } from '../control/control.ts';
import { coveredEnis } from '../control/coverage.ts';
import { createFlowLog, deleteFlowLog, findFlowLog, flowLogView, updateFlowLog } from '../control/flow-logs.ts';
import { authorize, authorizationView, withdrawAuthorization } from '../control/authorizations.ts';
import { seesLogStore } from './authorization.ts';
import { NEXT_CURSOR, PAGE_PARAMETERS, pageOf, type PageRequest } from './pagination.ts';
import { actorOf, IDEMPOTENCY_HEADER, repeatableOf } from './request-actor.ts';
import { FlowLogPlace, FlowLogSettings } from './resource-schemas.ts';

const NewFlowLog = Type.Object({ ...FlowLogPlace, ...FlowLogSettings }, { additionalProperties: false });
const FlowLogChange = Type.Object({ ...FlowLogSettings, logstore: Type.Optional(Type.String({ maxLength: 512, description: 'where records go from now on' })) },
  { additionalProperties: false, minProperties: 1 });
const Id = Type.Object({ id: Type.String({ maxLength: 512 }) });
type Named = { Params: Static<typeof Id> };
const Page = Type.Object(PAGE_PARAMETERS, { additionalProperties: false });
const List = Type.Object({
  ...PAGE_PARAMETERS,
  'resource-id': Type.Optional(Type.String({ maxLength: 512 })),
  'logstore': Type.Optional(Type.String({ maxLength: 512 })),
  'status': Type.Optional(Type.Union([Type.Literal('Active'), Type.Literal('Inactive')])),
}, { additionalProperties: false });

export function flowLogRoutes(app: FastifyInstance, control: Control): void {
  const { store, settings } = control;
  const tags = ['flow logs'];
  const admin = { scope: 'admin' } as const;
  const query = { scope: 'query', honoursLogStores: true } as const;

  app.get<{ Querystring: Static<typeof List> }>('/v1/flow-logs', {
    config: query, schema: { querystring: List, summary: 'Flow logs, and how many there may be', tags, answers: { 200: { description: 'Flow logs.', schema: Type.Object({ next: NEXT_CURSOR }) } } },
  }, async (request) => {
    const { 'resource-id': resourceId, logstore, status } = request.query;
    const { flowLogs } = store.state.topology;
    const shown = flowLogs.filter((flowLog) => seesLogStore(request.token, flowLog.logStore) && (resourceId ?? flowLog.resourceId) === flowLog.resourceId &&
      (logstore ?? flowLog.logStore) === flowLog.logStore && (status ?? flowLog.status) === flowLog.status);
    const { items, next } = pageOf('flow-logs', shown, ({ flowLogId }) => flowLogId, request.query);
    return { 'flow-logs': items.map((flowLog) => flowLogView(store.state, flowLog)), 'quota': settings.flowLogQuota, 'used': flowLogs.length, next };
  });
  app.get<Named>('/v1/flow-logs/:id', { config: query, schema: { params: Id, summary: 'One flow log', tags } }, async (request) => {
    const flowLog = findFlowLog(store.state, request.params.id, (logStore) => seesLogStore(request.token, logStore));
    return flowLogView(store.state, flowLog);
  });
  app.get<Named & { Querystring: PageRequest }>('/v1/flow-logs/:id/enis', {
    config: query,
    schema: { params: Id, querystring: Page, summary: 'ENIs that a flow log covers, and who watches them', tags, answers: { 200: { description: 'ENIs.', schema: Type.Object({ next: NEXT_CURSOR }) } } },
  }, async (request) => {
    const { resourceType, resourceId } = findFlowLog(store.state, request.params.id, (logStore) => seesLogStore(request.token, logStore));
    const { items, next } = pageOf('covered-enis', coveredEnis(store.state.topology, resourceType, resourceId), ({ eniId }) => eniId, request.query);
    return { enis: items.map(({ eniId }) => ({ 'eni-id': eniId, ...control.eniState(eniId) })), next };
  });
  app.post<{ Body: Static<typeof NewFlowLog> }>('/v1/flow-logs', {
    config: admin,
    schema: { body: NewFlowLog, summary: 'Create a flow log; its agents start recording within seconds', tags, takesHeaders: IDEMPOTENCY_HEADER, answers: { 201: { description: 'Created, and active.' } } },
  }, async (request, reply) => {
    const flowLog = await store.change(actorOf(request), 'flow-log.create', createFlowLog(request.body, settings), repeatableOf(request));
    return reply.code(201).header('location', `/v1/flow-logs/${flowLog['flow-log-id']}`).send(flowLog);
  });
  app.patch<Named & { Body: Static<typeof FlowLogChange> }>('/v1/flow-logs/:id', {
    config: admin, schema: { params: Id, body: FlowLogChange, summary: 'Change a flow log, from now on', tags },
  }, (request) => store.change(actorOf(request), 'flow-log.update', updateFlowLog(request.params.id, request.body, settings)));
  for (const [verb, status, summary] of [
    ['enable', 'Active', 'Record again'], ['disable', 'Inactive', 'Stop recording; what was recorded stays'],
  ] as const) {
    app.post<Named>(`/v1/flow-logs/:id/${verb}`, { config: admin, schema: { params: Id, summary, tags } },
      (request) => store.change(actorOf(request), `flow-log.${verb}`, updateFlowLog(request.params.id, { status }, settings)));
  }
  app.delete<Named>('/v1/flow-logs/:id', {
    config: admin, schema: { params: Id, summary: 'Delete a flow log; what was recorded stays', tags, answers: { 204: { description: 'Deleted.', type: null } } },
  }, async (request, reply) => {
    await store.change(actorOf(request), 'flow-log.delete', deleteFlowLog(request.params.id, settings));
    return reply.code(204).send();
  });

  app.get('/v1/authorization', { config: query, schema: { summary: 'Whether the account allows flow logs to write to LogStores', tags } }, async () => authorizationView(store.state));
  app.put('/v1/authorization', { config: admin, schema: { summary: 'Allow the account\'s flow logs to write to LogStores', tags } },
    (request) => store.change(actorOf(request), 'authorization.grant', authorize(actorOf(request))));
  app.delete('/v1/authorization', {
    config: admin, schema: { summary: 'Withdraw it: no flow log can be created any more; those that there are go on', tags, answers: { 204: { description: 'Withdrawn.', type: null } } },
  }, async (request, reply) => {
    await store.change(actorOf(request), 'authorization.withdraw', withdrawAuthorization);
    return reply.code(204).send();
  });
}
