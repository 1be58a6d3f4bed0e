import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import { stringify } from 'yaml';
import { MAX_DOCUMENT_BYTES } from '../../shared/topology/document.ts';
import { topologyDocument } from '../../shared/topology/export.ts';
import type { Control } from '../control/control.ts';
import { applyDocument } from '../control/inventory.ts';
import { actorOf } from './request-actor.ts';

const Apply = Type.Object({
  'dry-run': Type.Optional(Type.Boolean({ description: 'only tell what would change' })),
  'prune': Type.Optional(Type.Boolean({ description: 'of the kinds that the document lists, delete what it does not name; LogStores stay' })),
}, { additionalProperties: false });
const Format = Type.Object({ format: Type.Optional(Type.Union([Type.Literal('yaml'), Type.Literal('json')], { description: 'yaml unless given' })) }, { additionalProperties: false });

/** The inventory document, as a whole: YAML, or the JSON that is also YAML. */
export function inventoryRoutes(app: FastifyInstance, { store, settings }: Control): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: MAX_DOCUMENT_BYTES }, (_request, body, done) => done(null, body));
  app.get<{ Querystring: Static<typeof Format> }>('/v1/inventory', {
    schema: {
      querystring: Format, summary: 'The inventory as one document, as weir apply takes it', tags: ['inventory'],
      answers: { 200: { description: 'The document.', type: ['application/yaml', 'application/json'], headers: { 'weir-revision': 'Rule-set revision in force.' } } },
    },
  }, async (request, reply) => {
    const { topology, revision, change } = store.state;
    const document = topologyDocument(topology);
    const isJson = request.query.format === 'json';
    return reply.headers({ 'weir-revision': String(revision), 'etag': `"${change}"` })
      .type(isJson ? 'application/json' : 'application/yaml').send(isJson ? JSON.stringify(document) : stringify(document));
  });
  app.put<{ Querystring: Static<typeof Apply> }>('/v1/inventory', {
    schema: {
      querystring: Apply, summary: 'Bring the inventory to what a document says, as a whole or not at all', tags: ['inventory'],
      bodyTypes: ['application/yaml', 'application/json'], takesHeaders: { 'weir-source': { description: 'Name of the document in errors.' } },
      answers: { 200: { description: 'What changed, or would change: kind, id, before and after of each resource.' } },
    },
  }, async (request) => {
    const { 'dry-run': isDryRun = false, prune = false } = request.query;
    const source = ((request.headers['weir-source'] as string | undefined) ?? 'inventory').slice(0, 200);
    const work = applyDocument(typeof request.body === 'string' ? request.body : '', source, prune, settings);
    const changes = isDryRun ? await store.preview(work) : await store.change(actorOf(request), 'inventory.apply', work);
    return { 'revision': store.state.revision, 'changed': changes.length > 0, 'dry-run': isDryRun, changes };
  });
}
