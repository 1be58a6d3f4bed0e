import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { AuditEntry } from '../control/audit-log.ts';
import type { Control } from '../control/control.ts';
import { PAGE_PARAMETERS } from './pagination.ts';
import { Problem } from './problem.ts';

const Page = Type.Object(PAGE_PARAMETERS, { additionalProperties: false });
const DEFAULT_ITEMS = 100;

export function auditRoutes(app: FastifyInstance, { store: { audit } }: Control): void {
  app.get<{ Querystring: Static<typeof Page> }>('/v1/audit', { schema: { querystring: Page, summary: 'What was changed, by whom and when, newest first', tags: ['audit'] } }, async (request) => {
    const { limit = DEFAULT_ITEMS, cursor } = request.query;
    if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) throw new Problem(400, `the cursor ${JSON.stringify(cursor.slice(0, 40))} is none that this list gave`);
    const { entries, isMore } = audit.read(cursor === undefined ? Infinity : Number(cursor), limit);
    return { entries: entries.map(entryDocument), next: isMore ? String(entries.at(-1)!.number) : null };
  });
}

function entryDocument({ number, time, actor, action, changes, remark }: AuditEntry): Record<string, unknown> {
  return { number, time, 'token-id': actor.tokenId, 'token-name': actor.name, 'from': actor.from, action, changes, remark: remark ?? null };
}
