/** A collector as an agent sees it: enrolment, assignments, reports, batches, over real HTTP. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import type { AssignmentDocument } from '../../../shared/assignment.ts';
import { decodeColumnar } from '../../../shared/wire/decode-columnar.ts';
import { isValid, numberColumn, symbolColumn } from '../../../shared/wire/column-batch.ts';
import type { WireSeal } from '../../../shared/wire/wire-seal.ts';
import type { ReportDocument } from '../../../agent/assignment/control-channel.ts';

const PATIENCE_MS = 60_000;

export interface SeenRequest {
  /** `GET /v1/agents/self/assignment`. */
  readonly what: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
  /** performance.now() */
  readonly atMs: number;
}

export interface ShippedRow {
  readonly eniId: string;
  readonly action: string | null;
  readonly revision: number | null;
  readonly packets: number;
  readonly start: number;
  readonly windowSeconds: number;
}

interface Scripted {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

export class ControlServer {
  readonly requests: SeenRequest[] = [];
  readonly reports: ReportDocument[] = [];
  readonly rows: ShippedRow[] = [];
  readonly seals: WireSeal[] = [];
  readonly batchHeaders: IncomingMessage['headers'][] = [];
  /** One-time tokens, each with the credential that it made, if any. */
  readonly oneTime = new Map<string, string | null>();
  /** Credentials that are good, with what is known of each. */
  readonly credentials = new Map<string, { readonly agentId: string; isUsed: boolean }>();
  /** The answer to the next enrolment is lost on its way. */
  losesNextEnrolment = false;
  /** In place of the next answers to questions for an assignment. */
  readonly script: Scripted[] = [];
  /** Whether it holds a question while nothing changes. */
  holds = true;
  private readonly server: Server;
  private assignment: { readonly etag: string; readonly text: string } | null = null;
  private waiters: (() => void)[] = [];
  private port = 0;

  private constructor(tls: ServerOptions | null) {
    const answer = (request: IncomingMessage, response: ServerResponse): void => void this.answer(request, response);
    this.server = tls === null ? createServer(answer) : createTlsServer(tls, answer);
    // a connection that is closed just when it is used again is a failure, which tests count
    this.server.keepAliveTimeout = 600_000;
  }

  static async start(t: ExecutionContext, tls: ServerOptions | null = null): Promise<ControlServer> {
    const server = new ControlServer(tls);
    await server.listen(0);
    t.teardown(() => server.stop());
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** After a stop, where it was. */
  async restart(): Promise<void> {
    await this.listen(this.port);
  }

  private async listen(port: number): Promise<void> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }

  makeOneTimeToken(): string {
    const token = `weir_enrol_${randomBytes(8).toString('hex')}`;
    this.oneTime.set(token, null);
    return token;
  }

  assign(document: AssignmentDocument | string): string {
    const text = typeof document === 'string' ? document : JSON.stringify(document);
    this.assignment = { etag: randomBytes(8).toString('hex'), text };
    this.wakeAll();
    return this.assignment.etag;
  }

  /** Nobody's credential is good any more. */
  revokeAll(): void {
    this.credentials.clear();
    this.wakeAll();
  }

  /** Until the requests, rows or reports that have come are as wanted. */
  async until(holds: () => boolean, what: string): Promise<void> {
    for (const limit = performance.now() + PATIENCE_MS; !holds(); await sleep(10)) {
      if (performance.now() > limit) throw new Error(`no ${what}; requests: ${this.requests.map((request) => request.what).join(', ')}; last report: ${JSON.stringify(this.reports.at(-1))}`);
    }
  }

  count(what: string): number {
    return this.requests.filter((request) => request.what === what).length;
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private wakeAll(): void {
    const { waiters } = this;
    this.waiters = [];
    for (const wake of waiters) wake();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const url = new URL(request.url!, this.url);
    const what = `${request.method} ${url.pathname}`;
    const isJson = request.headers['content-type'] === 'application/json';
    this.requests.push({ what, headers: request.headers, body: isJson ? JSON.parse(body.toString()) : null, atMs: performance.now() });
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (what === 'GET /healthz') send(response, 200, { status: 'ok' });
    else if (what === 'POST /v1/agents/enrol') this.enrol(request, response, token, JSON.parse(body.toString())['agent-id']);
    else if (what === 'GET /v1/agents/self/assignment' && this.script.length > 0) {
      const { status, headers, body: text } = this.script.shift()!;
      response.writeHead(status, headers).end(text);
    } else if (this.credentials.get(token)?.agentId !== request.headers['weir-agent-id']) refuse(response, 401, 'the token is not valid');
    else {
      this.credentials.get(token)!.isUsed = true;
      if (what === 'GET /v1/agents/self/assignment') await this.assignmentAnswer(request, response, Number(url.searchParams.get('wait')), token);
      else if (what === 'POST /v1/agents/self/report') {
        this.reports.push(JSON.parse(body.toString()) as ReportDocument);
        response.writeHead(204).end();
      } else if (what === 'GET /v1/batches') response.writeHead(200, { 'content-type': 'application/json' }).end('{"epochs":[],"wanted":[]}');
      else this.batch(request, response, body);
    }
  }

  private enrol(request: IncomingMessage, response: ServerResponse, token: string, agentId: string): void {
    const made = this.oneTime.get(token);
    if (made === undefined || (made !== null && (this.credentials.get(made)?.isUsed ?? true))) {
      refuse(response, 401, 'the one-time token is used up');
      return;
    }
    if (made !== null) this.credentials.delete(made);
    const credential = `weir_ingest_${randomBytes(8).toString('hex')}`;
    this.oneTime.set(token, credential);
    this.credentials.set(credential, { agentId, isUsed: false });
    if (this.losesNextEnrolment) {
      this.losesNextEnrolment = false;
      request.socket.destroy();
    } else send(response, 201, { 'agent-id': agentId, 'token': credential });
  }

  private async assignmentAnswer(request: IncomingMessage, response: ServerResponse, waitSeconds: number, token: string): Promise<void> {
    const known = request.headers['if-none-match'];
    const isNew = (): boolean => this.assignment !== null && `"${this.assignment.etag}"` !== known;
    if (!isNew() && waitSeconds > 0 && this.holds) await new Promise<void>((resolve) => this.waiters.push(resolve));
    if (!this.credentials.has(token)) refuse(response, 401, 'the agent was revoked');
    else if (isNew()) response.writeHead(200, { 'content-type': 'application/json', 'etag': `"${this.assignment!.etag}"` }).end(this.assignment!.text);
    else response.writeHead(304).end();
  }

  private batch({ headers }: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const { batches, seals } = decodeColumnar(gunzipSync(body));
    this.batchHeaders.push(headers);
    this.seals.push(...seals);
    for (const batch of batches) {
      for (let row = 0; row < batch.rows; row++) {
        const number = (name: string): number | null => {
          const { values, valid } = numberColumn(batch, name);
          return isValid(valid, row) ? Number(values[row]) : null;
        };
        const text = (name: string): string | null => {
          const { dictionary, index } = symbolColumn(batch, name);
          return dictionary[index[row]!] ?? null;
        };
        const start = number('start')!;
        this.rows.push({ eniId: text('eni_id')!, action: text('action'), revision: number('ruleset_rev'), packets: number('packets')!, start, windowSeconds: number('end')! - start });
      }
    }
    send(response, 200, { status: 'stored' });
  }
}

function send(response: ServerResponse, status: number, document: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(document));
}

function refuse(response: ServerResponse, status: number, detail: string): void {
  response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ title: 'no', status, detail }));
}

/** An assignment that is sound: one ENI, the rules given. */
export function assignmentDocument(agentId: string, revision: number, changes: Partial<AssignmentDocument> = {}): AssignmentDocument {
  return {
    'agent-id': agentId, revision, 'window': 1,
    'topology': { 'account-id': 'test', 'enis': [{ 'eni-id': 'eni-here', 'interface': 'eth0' }] },
    'members': {}, 'watch': { 'eni-here': 'All' }, ...changes,
  };
}
