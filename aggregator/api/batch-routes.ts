import type { FastifyInstance, FastifyRequest } from 'fastify';
import { LOGSTORE_NAME } from '../logstore/layout.ts';
import type { Metrics } from '../metrics.ts';
import type { BatchProgress } from '../receive/batch-progress.ts';
import type { BodyLimits } from '../receive/inflate.ts';
import { COLUMNAR_TYPE, NDJSON_TYPE, type IncomingBatch, type Receiver } from '../receive/receiver.ts';
import { speaksFor } from './authorization.ts';
import { Problem } from './problem.ts';

export const DEFAULT_LOGSTORE = 'default';
/** Those with `!` in front are the collector's own. */
const AGENT_ID = /^[\x22-\x7e][\x21-\x7e]{0,127}$/;
/** In the place of a LogStore: rows go where flow logs say, and nowhere else. */
const NO_LOGSTORE = '-';

const BATCHES = {
  summary: 'Send records and seals', tags: ['batches'], bodyTypes: [COLUMNAR_TYPE, NDJSON_TYPE],
  answers: { 200: { description: 'The batch is on the disk: `status` is `stored`, or `duplicate` where it was before.' } },
  takesHeaders: {
    'weir-agent-id': { description: 'Who sends.', required: true },
    'weir-epoch': { description: 'Larger after every start of the sender.', required: true },
    'weir-sequence': { description: 'Number of the batch within the epoch, from 1, without gaps.', required: true },
    'weir-logstore': { description: `LogStore of rows from before their ENI's first flow log, ${DEFAULT_LOGSTORE} unless given; ${NO_LOGSTORE}: they go nowhere.` },
    'content-encoding': { description: 'gzip or zstd.' },
  },
};

/** POST /v1/batches: the agent, its epoch and sequence number stand in headers, so that they can be judged before the body. */
export function batchRoutes(app: FastifyInstance, receiver: Receiver, limits: BodyLimits, metrics: Metrics): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser([COLUMNAR_TYPE, NDJSON_TYPE], { parseAs: 'buffer', bodyLimit: limits.compressedBytes }, (_request, body, done) => done(null, body));
  app.addHook('onRequest', async (request, reply) => {
    const type = mediaType(request);
    if (type !== COLUMNAR_TYPE && type !== NDJSON_TYPE) {
      throw new Problem(415, `Content-Type is ${JSON.stringify(type)}; ${COLUMNAR_TYPE} and ${NDJSON_TYPE} are taken`);
    }
    const agent = senderOf(request);
    // a body without a length may become as long as one may be
    const length = Number(request.headers['content-length'] ?? limits.compressedBytes);
    const share = await receiver.admit(agent, length);
    if (reply.raw.closed) share.release();
    else reply.raw.once('close', () => share.release());
  });
  app.post('/v1/batches', { config: { scope: 'ingest' }, schema: BATCHES }, async (request) => {
    const batch = readRequest(request);
    try {
      const { status, rows } = await receiver.receive(batch);
      metrics.batches.inc({ result: status });
      metrics.rows.inc(rows);
      metrics.bodyBytes.inc(batch.body.length);
      return { status };
    } catch (error) {
      metrics.batches.inc({ result: error instanceof Problem ? 'refused' : 'failed' });
      throw error;
    }
  });
}

const PROGRESS = {
  summary: 'What has become of the batches that an agent has sent', tags: ['batches'],
  answers: { 200: { description: 'Per epoch the number up to which all are published, and those that are damaged and wanted again under their numbers.' } },
  takesHeaders: { 'weir-agent-id': { description: 'Who sent them.', required: true } },
};

/** GET /v1/batches: what an agent that holds its batches until they are published asks now and then. */
export function batchProgressRoutes(app: FastifyInstance, progressOf: (agent: string) => BatchProgress): void {
  app.get('/v1/batches', { config: { scope: 'ingest' }, schema: PROGRESS }, async (request) => {
    const { epochs, wanted } = progressOf(senderOf(request));
    return { epochs: epochs.map(({ epoch, publishedThrough }) => ({ epoch, 'published-through': publishedThrough })), wanted };
  });
}

function readRequest(request: FastifyRequest): IncomingBatch {
  const named = header(request, 'weir-logstore') ?? DEFAULT_LOGSTORE;
  const logStore = named === NO_LOGSTORE ? null : named;
  if (logStore !== null && !LOGSTORE_NAME.test(logStore)) throw new Problem(400, `weir-logstore is ${JSON.stringify(logStore.slice(0, 80))}; a LogStore's name has 1 to 63 of a-z, 0-9, - and _, and - alone stands for none`);
  return {
    agent: readAgent(request),
    epoch: whole(request, 'weir-epoch', 0),
    sequence: whole(request, 'weir-sequence', 1),
    logStore,
    contentType: mediaType(request),
    contentEncoding: header(request, 'content-encoding')?.toLowerCase(),
    body: request.body instanceof Uint8Array ? request.body : new Uint8Array(0),
  };
}

/** Throws where the token speaks for another. */
function senderOf(request: FastifyRequest): string {
  const agent = readAgent(request);
  if (!speaksFor(request.token!, agent)) throw new Problem(403, `the token belongs to the agent ${request.token!.agentId}, but ${agent} is named as the sender`);
  return agent;
}

function readAgent(request: FastifyRequest): string {
  const agent = header(request, 'weir-agent-id') ?? '';
  if (!AGENT_ID.test(agent)) throw new Problem(400, 'the header weir-agent-id must name the agent, in 1 to 128 visible ASCII characters, the first of them no !');
  return agent;
}

function whole(request: FastifyRequest, name: string, least: number): number {
  const text = header(request, name) ?? '';
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!(Number.isSafeInteger(value) && value >= least)) throw new Problem(400, `the header ${name} is ${JSON.stringify(text.slice(0, 40))}; it must be a whole number from ${least} to 2^53`);
  return value;
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function mediaType(request: FastifyRequest): string {
  return (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
}
