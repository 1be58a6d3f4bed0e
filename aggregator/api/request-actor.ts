import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Actor } from '../control/audit-log.ts';
import type { Repeatable } from '../control/control-store.ts';
import { Problem } from './problem.ts';

/** Who asks, as the audit log has it. */
export function actorOf(request: FastifyRequest): Actor {
  return { tokenId: request.token?.id ?? null, name: request.token?.name ?? '', from: request.ip };
}

/** For the OpenAPI document of routes that create. */
export const IDEMPOTENCY_HEADER = {
  'idempotency-key': { description: 'Up to 128 printable characters. The same request with the same key gets the answer of the first one, for 24 hours.' },
} as const;

/** What makes the request one that may be sent twice; null where its sender gave no key. */
export function repeatableOf(request: FastifyRequest): Repeatable | null {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(key)) throw new Problem(400, 'the Idempotency-Key must be 1 to 128 printable ASCII characters without blanks');
  const fingerprint = createHash('sha256').update(JSON.stringify([request.method, request.url, request.body ?? null])).digest('hex');
  return { key, fingerprint };
}
