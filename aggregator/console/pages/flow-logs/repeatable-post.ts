import { useRef } from 'preact/hooks';
import { request } from '../../api/client.ts';
import type { NewLogStore } from './flow-log-form.tsx';

export type RepeatablePost = (path: string, body: object) => Promise<void>;

/** The same has the same key: sent again, because an answer was lost on its way, it makes no second one. */
export function useRepeatablePost(): RepeatablePost {
  const keys = useRef(new Map<string, string>());
  return async (path, body) => {
    const what = `${path} ${JSON.stringify(body)}`;
    const key = keys.current.get(what) ?? crypto.getRandomValues(new Uint32Array(4)).join('-');
    keys.current.set(what, key);
    await request('POST', path, { body, headers: { 'idempotency-key': key } });
  };
}

export async function makeLogStore(post: RepeatablePost, { name, retentionDays }: NewLogStore): Promise<void> {
  await post('/v1/logstores', { name, search: true, ...(retentionDays === null ? {} : { 'retention-days': retentionDays }) });
}
