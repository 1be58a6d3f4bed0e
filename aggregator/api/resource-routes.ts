import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { Control } from '../control/control.ts';
import { deleteResource, putResource, resourceView } from '../control/inventory.ts';
import { resourceKind, resourcesOf, type Resource, type ResourceKind } from '../control/resource-kinds.ts';
import { PAGE_PARAMETERS, pageOf, type PageRequest } from './pagination.ts';
import { actorOf } from './request-actor.ts';
import { RESOURCE_BODIES } from './resource-schemas.ts';

const Id = Type.Object({ id: Type.String({ maxLength: 512 }) });
type Named = { Params: Static<typeof Id> };
const Page = Type.Object(PAGE_PARAMETERS, { additionalProperties: false });

/** VPCs, VSwitches, prefix lists, security groups and ENIs, one by one: `/v1/enis/eni-1`. */
export function resourceRoutes(app: FastifyInstance, control: Control): void {
  for (const [key, body] of Object.entries(RESOURCE_BODIES)) routesOf(app, control, resourceKind(key), body);
}

function routesOf(app: FastifyInstance, control: Control, kind: ResourceKind, body: object): void {
  const { store, settings } = control;
  const tags = ['inventory'];
  const view = (id: string, item?: object): Resource => ({ ...resourceView(store.state, kind, id, item), ...(kind.name === 'eni' ? control.eniState(id) : {}) });
  app.get<{ Querystring: PageRequest }>(`/v1/${kind.key}`, { schema: { querystring: Page, summary: `All of the kind ${kind.name}`, tags } }, async (request) => {
    const { items, next } = pageOf(kind.key, resourcesOf(store.state.topology, kind), ([id]) => id, request.query);
    return { [kind.key]: items.map(([id, item]) => view(id, item)), next };
  });
  app.get<Named>(`/v1/${kind.key}/:id`, { schema: { params: Id, summary: `One ${kind.name}`, tags } }, async (request) => view(request.params.id));
  app.put<Named & { Body: Resource }>(`/v1/${kind.key}/:id`, {
    schema: { params: Id, body, summary: `Create a ${kind.name}, or make it what the body says`, tags, answers: { 200: { description: 'It is so now.' }, 201: { description: 'Created.' } } },
  }, async (request, reply) => {
    const { id } = request.params;
    const { isNew } = await store.change(actorOf(request), `${kind.name}.put`, putResource(kind, id, request.body, settings));
    return reply.code(isNew ? 201 : 200).send(view(id));
  });
  app.delete<Named>(`/v1/${kind.key}/:id`, {
    schema: { params: Id, summary: `Delete a ${kind.name} that nothing refers to`, tags, answers: { 204: { description: 'Deleted.', type: null } } },
  }, async (request, reply) => {
    await store.change(actorOf(request), `${kind.name}.delete`, deleteResource(kind, request.params.id, settings));
    return reply.code(204).send();
  });
}
