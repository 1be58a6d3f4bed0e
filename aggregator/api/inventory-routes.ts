import type { FastifyInstance } from 'fastify';
import { MAX_DOCUMENT_BYTES } from '../../shared/topology/document.ts';
import type { Inventory } from '../control/inventory.ts';
import { Problem } from './problem.ts';

/** The inventory document, as a whole: YAML, or the JSON that is also YAML. */
export function inventoryRoutes(app: FastifyInstance, inventory: Inventory): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: MAX_DOCUMENT_BYTES }, (_request, body, done) => done(null, body));
  app.get('/v1/inventory', { config: { scope: 'admin' } }, async (_request, reply) => {
    const text = inventory.text;
    if (text === null) throw new Problem(404, 'no inventory was applied yet; weir apply -f vpc.yaml does');
    const { revision, sha256 } = inventory.status;
    return reply.headers({ 'weir-revision': String(revision), 'etag': `"${sha256}"` }).type('application/yaml').send(text);
  });
  app.put('/v1/inventory', { config: { scope: 'admin' } }, async (request) => {
    const source = (request.headers['weir-source'] as string | undefined) ?? 'inventory';
    return inventory.apply(typeof request.body === 'string' ? request.body : '', source.slice(0, 200));
  });
}
