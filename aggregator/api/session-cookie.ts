import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from './problem.ts';
import { SESSION_LIFETIME_MS } from './sessions.ts';

/** What the console sends with everything that is no GET: other origins cannot send it without being asked first, and are never allowed. */
export const CONSOLE_HEADER = 'weir-console';

/** The port is in the name because browsers give the cookies of a host to all of its ports. */
function cookieName({ socket, protocol }: FastifyRequest): string {
  return `${protocol === 'https' ? '__Host-' : ''}weir-session-${socket.localPort ?? 0}`;
}

/** The session's id; null: there is none. */
export function sessionCookie(request: FastifyRequest): string | null {
  const name = cookieName(request);
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [key, value] = pair.trim().split('=', 2);
    if (key === name && value !== undefined && /^[\w-]{43}$/.test(value)) return value;
  }
  return null;
}

/** `id` null: the browser is to forget it. */
export function setSessionCookie(request: FastifyRequest, reply: FastifyReply, id: string | null): void {
  const secure = request.protocol === 'https' ? '; Secure' : '';
  void reply.header('set-cookie', `${cookieName(request)}=${id ?? ''}; Path=/; Max-Age=${id === null ? 0 : SESSION_LIFETIME_MS / 1000}; HttpOnly; SameSite=Strict${secure}`);
}

/**
 * A browser sends its cookie whoever wrote the page that asks. SameSite keeps other sites out; this keeps out other
 * origins of the same site too, such as another port, and asks for the console's own header where something may change.
 */
export function requireSameOrigin({ method, headers }: FastifyRequest): void {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && !(site === 'none' && method === 'GET')) throw crossOrigin(`Sec-Fetch-Site is ${String(site).slice(0, 40)}`);
  if (method === 'GET' || method === 'HEAD') return;
  if (headers[CONSOLE_HEADER] === undefined) throw crossOrigin(`the header ${CONSOLE_HEADER} is missing`);
  // browsers that do not know Sec-Fetch-Site send Origin with everything that is no GET
  if (site === undefined && originHost(headers.origin) !== headers.host) throw crossOrigin('the Origin is none of this collector, or missing');
}

function originHost(origin: string | undefined): string | null {
  return /^https?:\/\/([^/]+)$/.exec(origin ?? '')?.[1] ?? null;
}

function crossOrigin(reason: string): Problem {
  return new Problem(403, `a session works for the console of the same origin alone: ${reason}; programs send the header Authorization: Bearer <token>`);
}
