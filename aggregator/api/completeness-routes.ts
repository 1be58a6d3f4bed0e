import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import { lostPackets } from '../../shared/seal.ts';
import type { CommittedCatalog } from '../logstore/committed-catalog.ts';
import type { Cell, CellPlace, CompletenessGrid } from '../publish/completeness-grid.ts';
import type { AgentStatus } from '../publish/window-status.ts';
import { seesLogStore } from './authorization.ts';
import type { CellAgent, CompletenessCell } from './completeness-answer.ts';
import { cursorAt, foreignCursor, keyAfter, NEXT_CURSOR } from './pagination.ts';
import { Problem } from './problem.ts';

const MAX_CELLS = 10_000;

const Parameters = Type.Object({
  logstore: Type.Optional(Type.String({ maxLength: 63, description: 'None: all that agents sealed, wherever it went.' })),
  eni: Type.Optional(Type.String({ maxLength: 512, description: 'Cells of this ENI only.' })),
  from: Type.Optional(Type.Number({ minimum: 0, description: 'Unix seconds; windows that overlap [from, to).' })),
  to: Type.Optional(Type.Number({ minimum: 0 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_CELLS, description: `Cells of a page at most; ${MAX_CELLS} unless given.` })),
  cursor: Type.Optional(Type.String({ maxLength: 8192, description: '`next` of the answer before. A page may have few cells, or none, and not be the last.' })),
}, { additionalProperties: false });

const SCHEMA = {
  querystring: Parameters, summary: 'Which windows of which ENI are complete', tags: ['logstores'],
  description: 'A cell for each ENI and published window. `summary` and `windows`, the counts of the LogStore over all its ENIs, come with the first page.',
  answers: { 200: { description: 'Cells in order of time.', schema: Type.Object({ next: NEXT_CURSOR }) } },
};

export function completenessRoutes(app: FastifyInstance, catalog: CommittedCatalog, grid: CompletenessGrid): void {
  app.get<{ Querystring: Static<typeof Parameters> }>('/v1/completeness', { config: { scope: 'query', honoursLogStores: true }, schema: SCHEMA }, async (request) => {
    const { logstore = null, eni = null, from = 0, to = Number.MAX_SAFE_INTEGER, limit = MAX_CELLS, cursor } = request.query;
    const only = request.token?.logStores ?? null;
    if (logstore === null && only) throw new Problem(403, `your token is limited to some LogStores; name one with logstore=: ${only.join(', ')}`);
    if (logstore !== null && !(seesLogStore(request.token, logstore) && catalog.knows(logstore))) throw new Problem(404, `there is no LogStore ${JSON.stringify(logstore)}`);
    const list = `completeness ${logstore ?? ''}`;
    const after = cursor === undefined || cursor === '' ? null : placeIn(keyAfter(list, cursor));
    const { cells, next } = await grid.page({ logStore: logstore, eniId: eni, from, to, limit, after });
    const isFirst = after === null && logstore !== null;
    return {
      logstore,
      summary: isFirst ? catalog.completeness(logstore, from, to) : null,
      windows: isFirst ? catalog.windows(logstore, from, to).map(({ start, seconds, rows, counts }) => ({ start, seconds, rows, ...counts })) : [],
      cells: cells.map(cellDocument),
      next: next && cursorAt(list, JSON.stringify(next)),
    };
  });
}

/** Of a cursor, which comes from outside. */
function placeIn(key: string): CellPlace {
  let place: unknown;
  try {
    place = JSON.parse(key);
  } catch {
    throw foreignCursor();
  }
  if (!Array.isArray(place) || place.length !== 3 || !Number.isSafeInteger(place[0]) || !Number.isSafeInteger(place[1]) || typeof place[2] !== 'string') throw foreignCursor();
  return place as unknown as CellPlace;
}

function cellDocument({ eniId, start, seconds, state, lostPackets: lost, isLossUnknown, isNoData, agents }: Cell): CompletenessCell {
  return {
    'eni-id': eniId, start, seconds, state, 'lost-packets': lost, 'loss-unknown': isLossUnknown, 'nodata': isNoData, 'agents': agents.map(agentDocument),
  };
}

function agentDocument({ agentId, seal, isUnsealed, rows, expected }: AgentStatus): CellAgent {
  const undecodable = seal && Object.values(seal.undecodable).reduce((sum, packets) => sum + packets, 0);
  return {
    'agent-id': agentId, 'expected': expected !== null, 'sealed': !isUnsealed, 'partial': seal?.partial ?? null,
    'packets-seen': seal?.packetsSeen ?? null, 'rows': rows, 'records': seal?.records ?? null, 'lost-packets': seal && lostPackets(seal),
    'ring-drops': seal?.ringDrops ?? null, 'gap-packets': seal?.gapPackets ?? null, 'late-packets': seal?.latePackets ?? null,
    'overflow-packets': seal?.overflowPackets ?? null, 'undecodable-packets': undecodable,
  };
}
