import { setImmediate as nextTurn } from 'node:timers/promises';
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

const YAML_ITEMS = 100;

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
    const { topology, revision } = store.state;
    const document = topologyDocument(topology);
    const isJson = request.query.format === 'json';
    return reply.header('weir-revision', String(revision)).type(isJson ? 'application/json' : 'application/yaml').send(isJson ? JSON.stringify(document) : await yamlOf(document));
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
    const work = applyDocument({ text: typeof request.body === 'string' ? request.body : '', source, prune, statePath: store.path }, settings);
    const changes = isDryRun ? await store.preview(work) : await store.change(actorOf(request), 'inventory.apply', work);
    return { 'revision': store.state.revision, 'changed': changes.length > 0, 'dry-run': isDryRun, changes };
  });
}

/** A part at a time, so that others get their turns meanwhile: the library takes a second for 10,000 ENIs. */
async function yamlOf(document: Readonly<Record<string, unknown>>): Promise<string> {
  let text = '';
  for (const [key, value] of Object.entries(document)) {
    const parts = Array.isArray(value) && value.length > 0 ? Array.from({ length: Math.ceil(value.length / YAML_ITEMS) }, (_, at): unknown => value.slice(at * YAML_ITEMS, (at + 1) * YAML_ITEMS)) : [value];
    for (const [at, part] of parts.entries()) {
      const lines = stringify({ [key]: part });
      // the key stands above the first part
      text += at === 0 ? lines : lines.slice(lines.indexOf('\n') + 1);
      await nextTurn();
    }
  }
  return text;
}
