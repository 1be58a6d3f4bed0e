/** RFC 9457, as the API refuses. */
export interface ProblemDocument {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly type?: string;
  readonly errors?: readonly { readonly path: string; readonly text: string }[];
  /** Where a query is wrong. */
  readonly position?: { readonly offset: number; readonly line: number; readonly column: number };
}

export class ApiProblem extends Error {
  readonly document: ProblemDocument;

  constructor(document: ProblemDocument) {
    super(document.detail);
    this.document = document;
  }

  get status(): number {
    return this.document.status;
  }
}

export type Parameters = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface RequestParts {
  readonly parameters?: Parameters;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

let signedOut: (reason: string) => void = () => {};

/** `listener` hears that the session is over. */
export function onSignedOut(listener: (reason: string) => void): void {
  signedOut = listener;
}

/** The answer's JSON; null where it has none. Throws an ApiProblem where the API refuses or is out of reach. */
export async function request<T = unknown>(method: Method, path: string, parts: RequestParts = {}): Promise<T> {
  const response = await send(method, path, parts);
  return (response.status === 204 ? null : await response.json()) as T;
}

/** The answer as it is, for what is no JSON. */
export async function send(method: Method, path: string, { parameters = {}, body, headers = {}, signal }: RequestParts = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(withParameters(path, parameters), {
      method, credentials: 'same-origin', redirect: 'error', signal: signal ?? null,
      headers: { ...(method === 'GET' ? {} : { 'weir-console': '1' }), ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiProblem({ status: 0, title: 'No answer', detail: 'the collector does not answer; is it running, and is the network there?' });
  }
  if (response.ok) return response;
  const problem = new ApiProblem(await problemOf(response));
  if (problem.status === 401) signedOut(problem.message);
  throw problem;
}

async function problemOf(response: Response): Promise<ProblemDocument> {
  const { status, statusText } = response;
  try {
    const document = await response.json() as Partial<ProblemDocument>;
    if (typeof document.detail === 'string') return { title: statusText, ...document, detail: document.detail, status };
  } catch {
    // not from the collector, but from something on the way
  }
  return { status, title: statusText, detail: `the answer has the status ${status} ${statusText} and says no more` };
}

function withParameters(path: string, parameters: Parameters): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined).map(([name, value]): [string, string] => [name, String(value)]);
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
}

/** All items of a list, page by page, but no more than `most`. */
export async function listAll<T>(path: string, key: string, { parameters = {}, signal, most = 20_000 }: { parameters?: Parameters; signal?: AbortSignal; most?: number } = {}): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const page: Record<string, unknown> = await request('GET', path, { parameters: { limit: 1000, ...parameters, cursor }, signal });
    items.push(...page[key] as T[]);
    cursor = page['next'] as string | null;
  } while (cursor !== null && items.length < most);
  return items;
}
