import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { Control } from '../control/control.ts';
import { createLogStore, deleteLogStore, updateLogStore } from '../control/logstore-changes.ts';
import { Problem } from './problem.ts';
import { actorOf, IDEMPOTENCY_HEADER, repeatableOf } from './request-actor.ts';
import { LogStoreSettings } from './resource-schemas.ts';

const NewLogStore = Type.Object({ name: Type.String({ maxLength: 63 }), ...LogStoreSettings }, { additionalProperties: false });
const Change = Type.Object(LogStoreSettings, { additionalProperties: false, minProperties: 1 });
const Name = Type.Object({ name: Type.String({ maxLength: 63 }) });
const Confirmation = Type.Object({ confirm: Type.Optional(Type.String({ maxLength: 63, description: 'the LogStore\'s name once more: its data is deleted with it' })) }, { additionalProperties: false });

/** LogStores as resources; what is in them is told by other routes. `hasData`: whether there is one, known to the inventory or not. */
export function logStoreControlRoutes(app: FastifyInstance, control: Control, hasData: (name: string) => boolean): void {
  const { store, settings } = control;
  const tags = ['logstores'];
  app.post<{ Body: Static<typeof NewLogStore> }>('/v1/logstores', {
    schema: { body: NewLogStore, summary: 'Create a LogStore', tags, takesHeaders: IDEMPOTENCY_HEADER, answers: { 201: { description: 'Created.' } } },
  }, async (request, reply) => {
    const created = await store.change(actorOf(request), 'logstore.create', createLogStore(request.body, settings), repeatableOf(request));
    return reply.code(201).header('location', `/v1/logstores/${request.body.name}`).send(created);
  });
  app.patch<{ Params: Static<typeof Name>; Body: Static<typeof Change> }>('/v1/logstores/:name', {
    schema: { params: Name, body: Change, summary: 'Change retention or search of a LogStore', tags },
  }, (request) => store.change(actorOf(request), 'logstore.update', updateLogStore(request.params.name, request.body, settings)));
  app.delete<{ Params: Static<typeof Name>; Querystring: Static<typeof Confirmation> }>('/v1/logstores/:name', {
    schema: { params: Name, querystring: Confirmation, summary: 'Delete a LogStore with all its records', tags, answers: { 204: { description: 'Deleted.', type: null } } },
  }, async (request, reply) => {
    const { name } = request.params;
    if (request.query.confirm !== name) throw new Problem(400, `all records in ${name} would be deleted: say so with ?confirm=${name}`, { type: 'urn:weir:problem:confirmation' });
    await store.change(actorOf(request), 'logstore.delete', deleteLogStore(name, hasData(name), settings));
    await control.dropLogStores();
    return reply.code(204).send();
  });
}
