import { Agent, request, type Dispatcher } from 'undici';
import { WeirError } from '../../shared/errors.ts';
import type { CollectorTls } from '../ship/collector-tls.ts';
import { connectionReason, isRetriedStatus, problemDetail, retryAfterMs } from '../ship/retry-wait.ts';

const ANSWER_TIMEOUT_MS = 30_000;
/** A bound, not an expectation: 10,000 rules take some 2 MB. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** One waits for the next assignment, the other one reports. */
const CONNECTIONS = 2;
const TOKEN = /^[\x21-\x7e]{1,256}$/;
/** RFC 9110 section 8.8.3, within bounds. */
const ETAG = /^(?:W\/)?"([\x21\x23-\x7e]{1,256})"$/;
const PROBLEM_TYPE = /^application\/problem\+json\b/;

/** What the agent did not get from its collector, and why. */
export class ControlFailure extends WeirError {
  /** null: no collector has answered, or one that could not just then; a later try may have more luck. */
  readonly status: number | null;
  /** What the collector asked for; 0 where it did not. */
  readonly afterMs: number;

  constructor(message: string, status: number | null, afterMs = 0) {
    super(status === null ? 'NETWORK' : 'REFUSED', message);
    this.status = status;
    this.afterMs = afterMs;
  }
}

/** An assignment's text, unread. */
export interface ReceivedAssignment {
  readonly etag: string;
  readonly text: string;
}

/** What a collector takes of a report. */
const MAX_INTERFACES = 4096;
const MAX_REASON_CHARACTERS = 512;

/** What an agent says of its host and of what it makes of its assignment. */
export interface ReportDocument {
  readonly 'host': string;
  readonly 'version': string;
  /** ISO 8601. */
  readonly 'started': string;
  readonly 'interfaces': readonly { readonly name: string; readonly mac: string | null; readonly up: boolean }[];
  /** Of the rules in force; 0 where there are none. */
  readonly 'revision': number;
  /** ETag of the assignment in force. */
  readonly 'assignment': string | null;
  readonly 'enis': readonly { readonly 'eni-id': string; readonly 'state': 'capturing' | 'missing'; readonly 'reason'?: string }[];
}

interface Answer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly text: string;
}

interface Question {
  readonly token: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * An agent's side of the control protocol: one request, one answer. Everything throws ControlFailure, and what the
 * signal gives where that ended the request.
 */
export class ControlChannel {
  private readonly url: string;
  private readonly agentId: string;
  private readonly dispatcher: Agent;

  constructor(url: string, agentId: string, tls: CollectorTls) {
    this.url = url;
    this.agentId = agentId;
    this.dispatcher = new Agent({ connections: CONNECTIONS, maxResponseSize: MAX_ANSWER_BYTES, bodyTimeout: ANSWER_TIMEOUT_MS, connect: { ...tls } });
  }

  /** The agent's own token for a one-time token. The same one does it again as long as the answer was not used. */
  async enrol(oneTimeToken: string, host: string, version: string, signal?: AbortSignal): Promise<string> {
    const { text } = await this.ask('POST', 'v1/agents/enrol', [201], {
      token: oneTimeToken, body: { 'agent-id': this.agentId, host, version }, ...(signal ? { signal } : {}),
    });
    const answer = objectIn(text);
    const token = answer['token'];
    if (answer['agent-id'] !== this.agentId || typeof token !== 'string' || !TOKEN.test(token)) throw this.notACollector('it enrols without a token for this agent');
    return token;
  }

  /** The assignment, once it is another one than that of the ETag; null when it still is the same after the wait. */
  async nextAssignment(token: string | null, etag: string | null, waitSeconds: number, signal?: AbortSignal): Promise<ReceivedAssignment | null> {
    const { status, headers, text } = await this.ask('GET', `v1/agents/self/assignment?wait=${waitSeconds}`, [200, 304], {
      token, headers: etag === null ? {} : { 'if-none-match': `"${etag}"` }, timeoutMs: waitSeconds * 1000 + ANSWER_TIMEOUT_MS, ...(signal ? { signal } : {}),
    });
    if (status === 304) return null;
    const [, received] = ETAG.exec(String(headers['etag'] ?? '')) ?? [];
    if (received === undefined) throw this.notACollector('its assignment has no ETag');
    return { etag: received, text };
  }

  async report(token: string | null, document: ReportDocument, signal?: AbortSignal): Promise<void> {
    const body: ReportDocument = {
      ...document, interfaces: document.interfaces.slice(0, MAX_INTERFACES),
      enis: document.enis.map((eni) => (eni.reason === undefined ? eni : { ...eni, reason: eni.reason.slice(0, MAX_REASON_CHARACTERS) })),
    };
    await this.ask('POST', 'v1/agents/self/report', [204], { token, body, ...(signal ? { signal } : {}) });
  }

  /** Whether a collector answers, without saying who asks. */
  async probe(): Promise<void> {
    await this.ask('GET', 'healthz', [200], { token: null });
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private async ask(method: 'GET' | 'POST', path: string, expected: readonly number[], question: Question): Promise<Answer> {
    const { token, headers = {}, body, timeoutMs = ANSWER_TIMEOUT_MS, signal } = question;
    let answer: Answer;
    try {
      const response = await request(new URL(path, this.url.endsWith('/') ? this.url : `${this.url}/`), {
        method, dispatcher: this.dispatcher, headersTimeout: timeoutMs, signal: signal ?? null,
        headers: {
          'weir-agent-id': this.agentId, ...headers,
          ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: body === undefined ? null : JSON.stringify(body),
      });
      answer = { status: response.statusCode, headers: response.headers, text: await response.body.text() };
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ControlFailure(`no answer from the collector at ${this.url}: ${connectionReason(error)}`, null);
    }
    if (expected.includes(answer.status)) return answer;
    throw this.failure(answer);
  }

  /** A status without a problem document is some other program's: a proxy must not revoke an agent. */
  private failure({ status, headers, text }: Answer): ControlFailure {
    const isCollector = PROBLEM_TYPE.test(String(headers['content-type'] ?? ''));
    const said = `${status} ${problemDetail(text)}`;
    if (!isCollector) return this.notACollector(said, retryAfterMs(headers['retry-after']));
    return new ControlFailure(`the collector at ${this.url} says ${said}`, isRetriedStatus(status) ? null : status, retryAfterMs(headers['retry-after']));
  }

  private notACollector(said: string, afterMs = 0): ControlFailure {
    return new ControlFailure(`what answers at ${this.url} is no Weir collector that manages agents: ${said}`, null, afterMs);
  }
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
