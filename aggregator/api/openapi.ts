import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify';
import type { RouteScope } from './authorization.ts';
import { PROBLEM_TYPE } from './problem.ts';

type JsonSchema = object;

/** What a route answers when all is well. */
export interface DocumentedAnswer {
  readonly description: string;
  readonly schema?: JsonSchema;
  /** application/json unless given; null: no body. */
  readonly type?: string | readonly string[] | null;
  /** By name, what they say. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface DocumentedHeader {
  readonly description: string;
  readonly required?: boolean;
}

/** Beside what is validated, what the OpenAPI document says of a route. */
declare module 'fastify' {
  interface FastifySchema {
    summary?: string;
    description?: string;
    tags?: readonly string[];
    /** By status; 200 with any JSON unless given. Nothing of an answer is changed by it. */
    answers?: Readonly<Record<number, DocumentedAnswer>>;
    /** Media types of a body that no schema validates. */
    bodyTypes?: readonly string[];
    /** Headers that the route reads by itself. */
    takesHeaders?: Readonly<Record<string, DocumentedHeader>>;
  }
}

export interface RegisteredRoute {
  readonly method: string;
  readonly url: string;
  readonly scope: RouteScope | undefined;
  readonly schema: FastifySchema;
}

/** Every route that is registered from now on. Their scopes are known when all are. */
export function collectRoutes(app: FastifyInstance): () => RegisteredRoute[] {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => void routes.push(route));
  return () => routes.flatMap(({ method, url, config, schema = {} }) => [method].flat().map((one) => ({ method: one, url, scope: config?.scope, schema })));
}

/** `/v1/openapi.json`: what is registered, from the schemas that validate. */
export function openApiRoutes(app: FastifyInstance, routes: () => RegisteredRoute[]): void {
  let text: string | null = null;
  app.get('/v1/openapi.json', {
    config: { scope: 'public' },
    schema: { summary: 'This description of the API', tags: ['service'], answers: { 200: { description: 'An OpenAPI 3.1 document.' } } },
  }, async (_request, reply) => reply.type('application/json').send(text ??= JSON.stringify(openApiDocument(routes()))));
}

type Operation = Readonly<Record<string, unknown>>;

/** HEAD goes with every GET and is not named. */
export function openApiDocument(routes: readonly RegisteredRoute[]): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes.filter(({ method }) => method !== 'HEAD')) {
    (paths[documentedPath(route.url)] ??= {})[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Weir collector', version: '1', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description: 'Flow logs: what is recorded of which interface, the records, and what is known of their completeness.',
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: { Problem: PROBLEM },
      responses: {
        Problem: problemAnswer('What was wrong, and what to do.'),
        Unauthorized: problemAnswer('No token, or one that is not valid.'),
        Forbidden: problemAnswer('The token has another scope, or is limited to other things.'),
      },
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'Authorization: Bearer weir_…; an operation names the scope that it needs.' } },
    },
  };
}

function operation({ method, url, scope, schema }: RegisteredRoute): Operation {
  const { summary, description, tags, body, bodyTypes, answers = { 200: { description: 'Done.' } } } = schema;
  const content = body !== undefined ? { 'application/json': { schema: body } } : bodyTypes ? Object.fromEntries(bodyTypes.map((type) => [type, {}])) : null;
  const refusals = scope === 'public' ? {} : { 401: answerNamed('Unauthorized'), 403: answerNamed('Forbidden') };
  return {
    operationId: operationId(method, url),
    ...(summary === undefined ? {} : { summary }),
    ...(description === undefined ? {} : { description }),
    ...(tags === undefined ? {} : { tags }),
    parameters: parameters(url, schema),
    ...(content ? { requestBody: { required: isRequired(body), content } } : {}),
    responses: { ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, answerOf(answer)])), ...refusals, default: answerNamed('Problem') },
    security: scope === 'public' ? [] : [{ token: [scope] }],
  };
}

/** A body that has no member which must be there may be left out. */
function isRequired(body: unknown): boolean {
  return body === undefined || ((body as { required?: readonly string[] }).required?.length ?? 0) > 0;
}

function parameters(url: string, { params, querystring, takesHeaders = {} }: FastifySchema): unknown[] {
  const inPath = propertiesOf(params);
  return [
    ...pathParameters(url).map((name) => described('path', name, inPath.properties[name] ?? { type: 'string' }, true)),
    ...Object.entries(propertiesOf(querystring).properties).map(([name, schema]) => described('query', name, schema, propertiesOf(querystring).required.includes(name))),
    ...Object.entries(takesHeaders).map(([name, { description, required = false }]) => ({ in: 'header', name, required, description, schema: { type: 'string' } })),
  ];
}

function described(place: string, name: string, schema: JsonSchema, required: boolean): Operation {
  const { description } = schema as { description?: string };
  return { in: place, name, required, ...(description === undefined ? {} : { description }), schema };
}

function propertiesOf(schema: unknown): { properties: Readonly<Record<string, JsonSchema>>; required: readonly string[] } {
  const { properties = {}, required = [] } = (schema ?? {}) as { properties?: Record<string, JsonSchema>; required?: string[] };
  return { properties, required };
}

function answerOf({ description, schema = {}, type = 'application/json', headers }: DocumentedAnswer): Operation {
  return {
    description,
    ...(headers ? { headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, { description: text, schema: { type: 'string' } }])) } : {}),
    ...(type === null ? {} : { content: Object.fromEntries([type].flat().map((one) => [one, one.endsWith('json') ? { schema } : {}])) }),
  };
}

const PROBLEM = {
  type: 'object',
  description: 'RFC 9457. Some have members of their own.',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: { type: 'string', description: 'about:blank, or a name that programs can tell apart.' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What is wrong in this case, and what to do.' },
  },
};

function problemAnswer(description: string): Operation {
  return { description, content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } } };
}

function answerNamed(name: string): Operation {
  return { $ref: `#/components/responses/${name}` };
}

const PATH_PARAMETER = /:([A-Za-z0-9_]+)/g;

/** `/v1/tokens/:id` as OpenAPI writes it: `/v1/tokens/{id}`. */
export function documentedPath(url: string): string {
  return url.replaceAll(PATH_PARAMETER, '{$1}');
}

function pathParameters(url: string): string[] {
  return Array.from(url.matchAll(PATH_PARAMETER), (match) => match[1]!);
}

/** `getTokens`, `postTokensIdRotate`: one for each method and path. */
function operationId(method: string, url: string): string {
  const words = url.split(/[^A-Za-z0-9]+/).filter((word) => word !== '' && word !== 'v1');
  return method.toLowerCase() + words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
}
