import { readFileSync } from 'node:fs';
import { request, type Dispatcher } from 'undici';
import { WeirError } from '../../shared/errors.ts';

export const DEFAULT_COLLECTOR = 'http://127.0.0.1:8790';
const HEADERS_TIMEOUT_MS = 120_000;
const MAXIMUM_PROBLEM_CHARACTERS = 64 * 1024;

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

export interface CollectorOptions {
  /** Base URL; else WEIR_COLLECTOR, else the collector on this machine. */
  readonly collector?: string | undefined;
  /** File with the token; else WEIR_TOKEN, else the file that WEIR_TOKEN_FILE names. */
  readonly tokenFile?: string | undefined;
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

  constructor(baseUrl: string, token: string | null) {
    this.baseUrl = parseBaseUrl(baseUrl);
    this.token = token;
  }

  static from(options: CollectorOptions, environment: NodeJS.ProcessEnv): CollectorClient {
    return new CollectorClient(options.collector ?? environment['WEIR_COLLECTOR'] ?? DEFAULT_COLLECTOR, tokenOf(options, environment));
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
      });
    } catch (error) {
      throw this.unreachable(error);
    }
    if (response.statusCode >= 200 && response.statusCode < 300) return response;
    throw await refusal(response);
  }

  async json(method: Dispatcher.HttpMethod, path: string, given: CollectorRequest = {}): Promise<unknown> {
    const response = await this.open(method, path, given);
    return response.statusCode === 204 ? null : response.body.json();
  }

  private unreachable(error: unknown): WeirError {
    const { code, message } = error as NodeJS.ErrnoException;
    return new WeirError('NETWORK',
      `no answer from the collector at ${this.baseUrl.origin} (${code ?? message}): is it running, and does --collector or WEIR_COLLECTOR name it?`,
      { cause: error });
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

function tokenOf(options: CollectorOptions, environment: NodeJS.ProcessEnv): string | null {
  const given = environment['WEIR_TOKEN'];
  if (options.tokenFile === undefined && given) return checkedToken(given, 'WEIR_TOKEN');
  const path = options.tokenFile ?? environment['WEIR_TOKEN_FILE'];
  if (!path) return null;
  try {
    return checkedToken(readFileSync(path, 'utf8').trim(), path);
  } catch (error) {
    if (error instanceof WeirError) throw error;
    throw new WeirError('CONFIGURATION', `the token file ${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** The token itself must not show up in an error. */
function checkedToken(token: string, source: string): string {
  if (!/^[\x21-\x7e]{1,256}$/.test(token)) throw new WeirError('CONFIGURATION', `${source} holds no token: expected one line of letters, digits and _`);
  return token;
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
  return new RefusedRequest(response.statusCode, problem, detail);
}
