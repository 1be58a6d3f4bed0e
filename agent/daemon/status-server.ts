import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WeirError } from '../../shared/errors.ts';
import type { ListenAddress } from '../config/setting-kinds.ts';
import type { AgentMetrics } from '../metrics.ts';
import type { AgentStatus } from './agent-status.ts';

const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 64;

export interface StatusAnswers {
  readonly metrics: AgentMetrics;
  status(): AgentStatus;
  /** null: all is well; else what is not. */
  illness(): string | null;
}

/** `/metrics` for Prometheus, `/status` as JSON, `/healthz`. */
export class StatusServer {
  private readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
  }

  /** Throws CONFIGURATION where the address cannot be had. */
  static async start({ host, port }: ListenAddress, answers: StatusAnswers): Promise<StatusServer> {
    const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      const path = (request.url ?? '').split('?', 1)[0];
      if (request.method !== 'GET' && request.method !== 'HEAD') answer(response, 405, 'text/plain', 'only GET\n');
      else answerPath(path ?? '', response, answers).catch((error: Error) => answer(response, 500, 'text/plain', `${error.message}\n`));
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.listen(port, host);
    try {
      await once(server, 'listening');
    } catch (error) {
      throw new WeirError('CONFIGURATION', `metrics cannot listen on ${host} port ${port}: ${(error as Error).message}`, { cause: error });
    }
    return new StatusServer(server);
  }

  get url(): string {
    const { address, port, family } = this.server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }
}

async function answerPath(path: string, response: ServerResponse, answers: StatusAnswers): Promise<void> {
  if (path === '/metrics') {
    const { registry } = answers.metrics;
    answer(response, 200, registry.contentType, await registry.metrics());
  } else if (path === '/status') {
    answer(response, 200, 'application/json', `${JSON.stringify(answers.status())}\n`);
  } else if (path === '/healthz') {
    const illness = answers.illness();
    answer(response, illness === null ? 200 : 503, 'text/plain', `${illness ?? 'ok'}\n`);
  } else {
    answer(response, 404, 'text/plain', 'here are /metrics, /status and /healthz\n');
  }
}

function answer(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType }).end(body);
}
