import { createHash, randomBytes } from 'node:crypto';

export interface Session {
  readonly tokenId: string;
  readonly openedMs: number;
  readonly expiresMs: number;
}

export const SESSION_LIFETIME_MS = 12 * 3600 * 1000;
const MAX_SESSIONS = 1000;

/**
 * Who has signed in with a token in a browser. In memory alone: a restart signs everybody out. A session lends its
 * token's rights and nothing else, so the token is to be looked at with each request.
 */
export class Sessions {
  private readonly now: () => number;
  /** By the SHA-256 of the session's id, the oldest first. */
  private readonly sessions = new Map<string, Session>();

  constructor(now: () => number = Date.now) {
    this.now = now;
  }

  /** The id is the secret that the browser keeps. */
  open(tokenId: string): Session & { readonly id: string } {
    for (const [key, { expiresMs }] of this.sessions) if (expiresMs <= this.now() || this.sessions.size >= MAX_SESSIONS) this.sessions.delete(key);
    const id = randomBytes(32).toString('base64url');
    const session = { tokenId, openedMs: this.now(), expiresMs: this.now() + SESSION_LIFETIME_MS };
    this.sessions.set(keyOf(id), session);
    return { ...session, id };
  }

  find(id: string): Session | null {
    const session = this.sessions.get(keyOf(id));
    return session && session.expiresMs > this.now() ? session : null;
  }

  close(id: string): void {
    this.sessions.delete(keyOf(id));
  }
}

function keyOf(id: string): string {
  return createHash('sha256').update(id).digest('base64');
}
