import { readFileSync } from 'node:fs';
import { Agent, request, type Dispatcher } from 'undici';
import { accessToken } from '../../shared/access-token.ts';
import { WeirError } from '../../shared/errors.ts';
import { clientTls, type ClientOptions, type ClientTls } from './client-options.ts';

export const DEFAULT_COLLECTOR = 'http://127.0.0.1:8790';
const HEADERS_TIMEOUT_MS = 120_000;
/** A document may have 1000 mistakes. */
const MAXIMUM_PROBLEM_CHARACTERS = 1024 * 1024;
const SHOWN_CHARACTERS = 60;
/** By the code of the error. */
const TLS_WAYS_OUT: readonly (readonly [RegExp, string])[] = [
  [/SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)/, 'no authority that is known here signed its certificate; --ca or WEIR_CA names one'],
  [/ALTNAME_INVALID/, 'its certificate is for another name; use the one that it is for'],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/, 'its certificate is not valid at this time'],
  [/_ALERT_/, 'it wants a certificate of an authority that it knows; --client-cert and --client-key give one'],
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/, 'it speaks no TLS: is its URL http://…?'],
];
const CLOSED = /^(UND_ERR_SOCKET|ECONNRESET)$/;
const CONNECTION_ERRORS = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT']);

/** What the collector said no to. PERMISSION where it was the token. */
export class RefusedRequest extends WeirError {
  readonly status: number;
  /** RFC 9457, where the other side gave one. */
  readonly problem: Readonly<Record<string, unknown>>;

  constructor(status: number, problem: Readonly<Record<string, unknown>>, message: string) {
    super(status === 401 || status === 403 ? 'PERMISSION' : 'REFUSED', message);
    this.name = 'RefusedRequest';
    this.status = status;
    this.problem = problem;
  }
}

export interface CollectorRequest {
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, in the place of `body`. */
  readonly yaml?: string;
  readonly signal?: AbortSignal;
}

/** The collector's API, as commands use it. Not for agents: it does not try again. */
export class CollectorClient {
  readonly baseUrl: URL;
  private readonly token: string | null;
  private readonly dispatcher: Dispatcher | null;

  constructor(baseUrl: string, token: string | null, tls: ClientTls | null = null) {
    this.baseUrl = parseBaseUrl(baseUrl);
    this.token = token;
    this.dispatcher = tls && new Agent({ connect: { ...tls } });
  }

  static from(options: ClientOptions, environment: NodeJS.ProcessEnv): CollectorClient {
    const token = accessToken(options.tokenFile, environment, (path) => readFileSync(path, 'utf8'));
    return new CollectorClient(options.collector ?? environment['WEIR_COLLECTOR'] ?? DEFAULT_COLLECTOR, token, clientTls(options, environment));
  }

  /** An answer of 2xx, its body not read yet. Anything else throws. */
  async open(method: Dispatcher.HttpMethod, path: string, given: CollectorRequest = {}): Promise<Dispatcher.ResponseData> {
    const url = new URL(path.replace(/^\//, ''), this.baseUrl);
    for (const [name, value] of Object.entries(given.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    let response: Dispatcher.ResponseData;
    try {
      response = await request(url, {
        method,
        headersTimeout: HEADERS_TIMEOUT_MS,
        headers: {
          ...(this.token === null ? {} : { authorization: `Bearer ${this.token}` }),
          ...(given.yaml !== undefined ? { 'content-type': 'application/yaml' } : given.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: given.yaml ?? (given.body === undefined ? null : JSON.stringify(given.body)),
        ...(given.signal ? { signal: given.signal } : {}),
        ...(this.dispatcher ? { dispatcher: this.dispatcher } : {}),
      });
    } catch (error) {
      throw this.unreachable(error);
    }
    if (response.statusCode >= 200 && response.statusCode < 300) return response;
    throw await refusal(response);
  }

  /** The object that the collector answers with; `members` are those that it must have. */
  async json<T extends object>(members: readonly (keyof T & string)[], method: Dispatcher.HttpMethod, path: string, given: CollectorRequest = {}): Promise<T> {
    return this.objectIn<T>(await this.open(method, path, given), members);
  }

  /** The object in an answer's body. NETWORK where there is another thing. */
  async objectIn<T extends object>(response: Dispatcher.ResponseData, members: readonly (keyof T & string)[]): Promise<T> {
    let text: string;
    try {
      text = await response.body.text();
    } catch (error) {
      throw this.brokenOff(error);
    }
    try {
      const answer = JSON.parse(text) as T;
      if (members.every((member) => member in answer)) return answer;
    } catch {
      // no object: said below
    }
    throw this.notACollector(text);
  }

  /** Something answers at the address, but not as the API does. */
  notACollector(text: string): WeirError {
    const shown = JSON.stringify(text.slice(0, SHOWN_CHARACTERS));
    return new WeirError('NETWORK', `what answers at ${this.baseUrl.origin} is no Weir collector: it says ${shown}; does --collector or WEIR_COLLECTOR name the right one?`);
  }

  /** The error of reading an answer's body; our own errors and those of files pass as they are. */
  brokenOff(error: unknown): unknown {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (error instanceof WeirError || !(code.startsWith('UND_ERR') || CONNECTION_ERRORS.has(code))) return error;
    return new WeirError('NETWORK', `the answer of the collector at ${this.baseUrl.origin} broke off (${(error as Error).message}): what was written is not whole`, { cause: error });
  }

  private unreachable(error: unknown): WeirError {
    const { code, message } = error as NodeJS.ErrnoException;
    const closed = this.baseUrl.protocol === 'https:' ? 'it may want a certificate, which --client-cert and --client-key give' : 'it may speak TLS: is its URL https://…?';
    const wayOut = CLOSED.test(code ?? '') ? `it closed the connection; ${closed}` : TLS_WAYS_OUT.find(([pattern]) => pattern.test(code ?? ''))?.[1] ?? 'is it running, and does --collector or WEIR_COLLECTOR name it?';
    return new WeirError('NETWORK', `no answer from the collector at ${this.baseUrl.origin} (${code ?? message}): ${wayOut}`, { cause: error });
  }
}

function parseBaseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new WeirError('USAGE', `the collector "${text}" is no URL such as ${DEFAULT_COLLECTOR}`);
  }
  if (url.username !== '' || url.password !== '') throw new WeirError('USAGE', 'a token does not belong into the URL: use --token-file or WEIR_TOKEN');
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

async function refusal(response: Dispatcher.ResponseData): Promise<RefusedRequest> {
  const text = (await response.body.text().catch(() => '')).slice(0, MAXIMUM_PROBLEM_CHARACTERS);
  let problem: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) problem = parsed as Record<string, unknown>;
  } catch {
    // No document: the status has to do.
  }
  const detail = typeof problem['detail'] === 'string' ? problem['detail'] : `the collector answered with status ${response.statusCode}`;
  const wayOut = response.statusCode === 401 ? ' (name its file with --token-file, or put it into WEIR_TOKEN)' : '';
  return new RefusedRequest(response.statusCode, problem, detail + wayOut);
}
