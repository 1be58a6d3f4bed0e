import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PAGE_PATHS } from '../console/page-paths.ts';

/** Where `npm run build` puts the console: beside the compiled program, or where that would lie. */
const BUILT = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../../dist/console' : '../../console', import.meta.url));
const NOT_BUILT = 'The console is not built here: npm run build does it, and the collector wants a restart then.\nThe API lies under /v1; /v1/openapi.json describes it.\n';

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml',
};
const ENCODINGS = [['br', '.br'], ['gzip', '.gz']] as const;

/** Nothing but the console's own files runs, and nothing leaves the origin. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:", "base-uri 'none'", "form-action 'none'",
  "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
].join('; ');
const SECURITY_HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY, 'referrer-policy': 'no-referrer', 'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin', 'cross-origin-resource-policy': 'same-origin',
};

interface BuiltFile {
  readonly type: string;
  readonly etag: string;
  /** By content coding; identity is always there. */
  readonly bodies: ReadonlyMap<string, Buffer>;
}

/** The web console: one page under the addresses of all its pages, and the files that it loads. */
export function consoleRoutes(app: FastifyInstance, directory: string = BUILT): void {
  const files = readBuild(directory);
  app.get('/*', {
    schema: { summary: 'The web console', tags: ['console'], answers: { 200: { description: 'A page, or a file that pages load.', type: 'text/html' } } },
  }, async (request: FastifyRequest, reply) => {
    const path = request.url.split('?', 1)[0]!.slice(1);
    const file = files.get(path);
    if (path.startsWith('assets/') && file) return sendFile(request, reply, file, 'public, max-age=31536000, immutable');
    if (!(PAGE_PATHS as readonly string[]).includes(path.split('/', 1)[0]!)) return reply.callNotFound();
    const page = files.get('index.html');
    if (!page) return reply.code(404).type('text/plain; charset=utf-8').send(NOT_BUILT);
    return sendFile(request, reply, page, 'no-cache');
  });
}

function sendFile({ headers }: FastifyRequest, reply: FastifyReply, { type, etag, bodies }: BuiltFile, caching: string): FastifyReply {
  void reply.headers({ ...SECURITY_HEADERS, 'cache-control': caching, etag, 'vary': 'accept-encoding' });
  if (headers['if-none-match'] === etag) return reply.code(304).send();
  const accepted = new Set(String(headers['accept-encoding'] ?? '').split(',').filter((part) => !/;\s*q=0(\.0*)?\s*$/.test(part)).map((part) => part.split(';', 1)[0]!.trim().toLowerCase()));
  const encoding = ENCODINGS.find(([name]) => accepted.has(name) && bodies.has(name))?.[0] ?? 'identity';
  if (encoding !== 'identity') void reply.header('content-encoding', encoding);
  return reply.type(type).send(bodies.get(encoding)!);
}

/** By path, all in memory: a few hundred kilobytes. Empty where nothing was built. */
function readBuild(directory: string): Map<string, BuiltFile> {
  const files = new Map<string, BuiltFile>();
  if (!existsSync(join(directory, 'index.html'))) return files;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const type = MEDIA_TYPES[extname(entry.name)];
    if (!entry.isFile() || !type) continue;
    const path = join(entry.parentPath, entry.name);
    const body = readFileSync(path);
    const compressed = ENCODINGS.filter(([, suffix]) => existsSync(path + suffix)).map(([name, suffix]) => [name, readFileSync(path + suffix)] as const);
    files.set(relative(directory, path).split(sep).join('/'), {
      type, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`, bodies: new Map([['identity', body], ...compressed]),
    });
  }
  return files;
}
