import { computed, signal } from '@preact/signals';
import { ApiProblem, onSignedOut, request } from '../api/client.ts';

export interface Session {
  readonly 'token-id': string;
  readonly 'name': string;
  readonly 'scope': 'admin' | 'query';
  /** null: all. */
  readonly 'logstores': readonly string[] | null;
  readonly 'expires': string;
}

/** undefined: not known yet; null: nobody has signed in. */
export const session = signal<Session | null | undefined>(undefined);
/** Why one has to sign in once more. */
export const signedOutBecause = signal<string | null>(null);
export const mayChange = computed(() => session.value?.scope === 'admin');

onSignedOut((reason) => {
  if (session.value) signedOutBecause.value = reason;
  session.value = null;
});

export async function findSession(): Promise<void> {
  session.value = (await request<{ session: Session | null }>('GET', '/v1/session')).session;
}

/** The token leaves for the collector once, and is kept nowhere. */
export async function signIn(token: string): Promise<void> {
  if (!/^[\x21-\x7e]{1,256}$/.test(token)) throw new ApiProblem({ status: 401, title: 'Unauthorized', detail: 'this is no token: a token is one word that begins with weir_' });
  const answer = await request<{ session: Session }>('POST', '/v1/session', { headers: { authorization: `Bearer ${token}` } });
  signedOutBecause.value = null;
  session.value = answer.session;
}

export async function signOut(): Promise<void> {
  await request('DELETE', '/v1/session').catch((error: unknown) => {
    // a session that is over already is what was wanted
    if (!(error instanceof ApiProblem && error.status === 401)) throw error;
  });
  signedOutBecause.value = null;
  session.value = null;
}
