import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { Control } from '../control/control.ts';
import { ruleDiff } from '../control/rule-diff.ts';
import type { RuleRevisions } from '../control/rule-revisions.ts';
import { PAGE_PARAMETERS } from './pagination.ts';
import { Problem } from './problem.ts';

const Revision = Type.Integer({ minimum: 1 });
const Diff = Type.Object({ from: Revision, to: Revision }, { additionalProperties: false });
const One = Type.Object({ revision: Revision });
const Page = Type.Object(PAGE_PARAMETERS, { additionalProperties: false });
const DEFAULT_ITEMS = 100;

/** Every state that the rules have been in. */
export function ruleSetRoutes(app: FastifyInstance, { store: { revisions } }: Control): void {
  const tags = ['rules'];
  app.get<{ Querystring: Static<typeof Page> }>('/v1/rule-sets', { schema: { querystring: Page, summary: 'Revisions of the rules, newest first', tags } }, async (request) => {
    const { limit = DEFAULT_ITEMS, cursor } = request.query;
    const items = await revisions.history(before(cursor), limit + 1);
    return { 'rule-sets': items.slice(0, limit), 'next': items.length > limit ? String(items[limit - 1]!.revision) : null };
  });
  app.get<{ Params: Static<typeof One> }>('/v1/rule-sets/:revision', { schema: { params: One, summary: 'The rules as they were at a revision', tags } },
    async (request) => ruleSetDocument(await revisions.read(request.params.revision)));
  app.get<{ Querystring: Static<typeof Diff> }>('/v1/rule-sets/diff', { schema: { querystring: Diff, summary: 'What became different between two revisions', tags } }, async (request) => {
    const { from, to } = request.query;
    return { from, to, changes: ruleDiff(await revisions.read(from), await revisions.read(to)) };
  });
}

/** A cursor of a list that goes down by number. */
function before(cursor: string | undefined): number {
  if (cursor === undefined) return Infinity;
  if (!/^\d{1,15}$/.test(cursor)) throw new Problem(400, `the cursor ${JSON.stringify(cursor.slice(0, 40))} is none that this list gave`);
  return Number(cursor);
}

function ruleSetDocument({ revision, created, by, securityGroups, prefixLists, enis }: Awaited<ReturnType<RuleRevisions['read']>>): Record<string, unknown> {
  return {
    revision, created, by,
    'security-groups': [...securityGroups.values()],
    'prefix-lists': [...prefixLists.values()],
    'enis': Array.from(enis, ([id, eni]) => ({ 'eni-id': id, ...eni })),
  };
}
