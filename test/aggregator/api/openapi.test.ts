import test from 'ava';
import { Validator } from '@seriousme/openapi-schema-validator';
import { collectRoutes, documentedPath, openApiDocument } from '../../../aggregator/api/openapi.ts';
import { withScope } from '../../../aggregator/api/authorization.ts';
import fastify from 'fastify';
import { Type } from 'typebox';
import { runCollector } from '../collector-fixture.ts';

interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters: readonly { in: string; name: string; required: boolean; schema: object }[];
  readonly requestBody?: { readonly content: Record<string, unknown> };
  readonly responses: Record<string, { readonly $ref?: string }>;
  readonly security: readonly Record<string, readonly string[]>[];
}
interface Document { readonly paths: Record<string, Record<string, Operation>> }

const VERBS_WITH_BODY = ['post', 'put', 'patch'];

test('the document is OpenAPI 3.1, for everyone, and has every route and no other', async (t) => {
  const collector = await runCollector(t);
  const response = await fetch(`${collector.url}/v1/openapi.json`);
  t.regex(response.headers.get('content-type') ?? '', /^application\/json/);
  const text = await response.text();
  const verdict = await new Validator().validate(JSON.parse(text) as Record<string, unknown>);
  t.true(verdict.valid, JSON.stringify(verdict.errors, null, 1));
  const { paths } = JSON.parse(text) as Document;
  const documented = Object.entries(paths).flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method} ${path}`));
  const registered = collector.routes.filter(({ method }) => method !== 'HEAD').map(({ method, url }) => `${method.toLowerCase()} ${documentedPath(url)}`);
  t.true(registered.length > 20);
  t.deepEqual(documented.sort(), registered.sort());
});

test('each operation says what it is for, what it takes, who may call it, and how it refuses', async (t) => {
  const collector = await runCollector(t);
  const { paths } = await collector.json<Document & Record<string, unknown>>('/v1/openapi.json');
  const ids = new Set<string>();
  for (const { method, url, scope } of collector.routes.filter((route) => route.method !== 'HEAD')) {
    const name = `${method} ${url}`;
    const operation = paths[documentedPath(url)]![method.toLowerCase()]!;
    t.true((operation.summary?.length ?? 0) > 5, `${name} has no summary`);
    t.is(operation.tags?.length, 1, `${name} has no tag`);
    t.false(ids.has(operation.operationId), operation.operationId);
    ids.add(operation.operationId);
    t.true(Object.keys(operation.responses).some((status) => /^[23]\d\d$/.test(status)), `${name} has no answer`);
    t.is(operation.responses['default']?.$ref, '#/components/responses/Problem', name);
    t.deepEqual(operation.security, scope === 'public' ? [] : [{ token: [scope] }], name);
    t.is(operation.responses['401'] !== undefined, scope !== 'public', name);
    for (const parameter of url.matchAll(/:(\w+)/g)) {
      t.true(operation.parameters.some((one) => one.in === 'path' && one.name === parameter[1] && one.required), `${name} ${parameter[1]}`);
    }
    if (!VERBS_WITH_BODY.includes(method.toLowerCase())) t.is(operation.requestBody, undefined, name);
  }
});

test('a schema stands in the document as it validates', async (t) => {
  const app = fastify();
  const routes = collectRoutes(app);
  const body = Type.Object({ name: Type.String({ maxLength: 5 }) }, { additionalProperties: false });
  const querystring = Type.Object({ from: Type.Number({ minimum: 0, description: 'since when' }), to: Type.Optional(Type.Number()) });
  withScope(app, 'query', (child) => {
    child.post('/v1/things/:id/turn-over', { schema: { body, querystring, summary: 'Turn it over', tags: ['things'], answers: { 202: { description: 'Begun.', type: null } } } }, async () => 'x');
  });
  await app.ready();
  const { paths } = openApiDocument(routes()) as unknown as Document;
  t.deepEqual(JSON.parse(JSON.stringify(paths)), {
    '/v1/things/{id}/turn-over': {
      post: {
        operationId: 'postThingsIdTurnOver', summary: 'Turn it over', tags: ['things'],
        parameters: [
          { in: 'path', name: 'id', required: true, schema: { type: 'string' } },
          { in: 'query', name: 'from', required: true, description: 'since when', schema: { type: 'number', minimum: 0, description: 'since when' } },
          { in: 'query', name: 'to', required: false, schema: { type: 'number' } },
        ],
        requestBody: { required: true, content: { 'application/json': { schema: JSON.parse(JSON.stringify(body)) } } },
        responses: {
          202: { description: 'Begun.' },
          401: { $ref: '#/components/responses/Unauthorized' }, 403: { $ref: '#/components/responses/Forbidden' }, default: { $ref: '#/components/responses/Problem' },
        },
        security: [{ token: ['query'] }],
      },
    },
  });
});
