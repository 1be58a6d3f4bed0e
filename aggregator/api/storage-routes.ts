import type { FastifyInstance } from 'fastify';
import type { StorageReport } from '../logstore/storage-report.ts';

/** How the data directory is. */
export function storageRoutes(app: FastifyInstance, report: StorageReport): void {
  app.get('/v1/storage', {
    config: { scope: 'admin' },
    schema: { summary: 'The data directory: room on its disk, what the last start found damaged, and what was set aside', tags: ['service'] },
  }, async () => report.document());
}
