import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { createLogger } from 'winston';
import { answerErrors } from '../../../aggregator/api/error-answers.ts';
import { QueryPool } from '../../../aggregator/query/query-pool.ts';
import { DEFAULT_QUERY_SETTINGS, type QuerySettings } from '../../../aggregator/query/query-settings.ts';
import { queryRoutes } from '../../../aggregator/query/routes.ts';
import { SampleStore } from './sample-store.ts';

/** Query routes over a store of sample records, as the collector serves them but for the token. */
export class QueryServer {
  readonly store = new SampleStore();
  readonly pool: QueryPool;
  /** What its workers write for a moment. */
  readonly temporary = mkdtempSync(join(tmpdir(), 'weir-query-test-'));
  readonly app: FastifyInstance;

  constructor(settings: Partial<QuerySettings> = {}) {
    this.pool = new QueryPool({ ...DEFAULT_QUERY_SETTINGS, niceness: 0, ...settings }, this.temporary);
    this.app = Fastify({ routerOptions: { maxParamLength: 200 }, bodyLimit: 1024 * 1024 });
    this.pool.start();
    answerErrors(this.app, createLogger({ silent: true }));
    void this.app.register(queryRoutes, { catalog: this.store, pool: this.pool, nowSeconds: () => 1_700_000_400 });
  }

  /** A POST to the query route; `json` is the body parsed, where it is JSON. */
  async ask(body: Record<string, unknown>, route = 'query') {
    const response = await this.app.inject({ method: 'POST', url: `/v1/logstores/test/${route}`, payload: body });
    const isJson = String(response.headers['content-type']).startsWith('application/json') || String(response.headers['content-type']).includes('problem');
    return { status: response.statusCode, headers: response.headers, text: response.body, raw: response.rawPayload, json: isJson ? response.json() as any : null };
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.pool.stop();
    this.store.remove();
    rmSync(this.temporary, { recursive: true, force: true });
  }
}
