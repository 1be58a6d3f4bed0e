import type { CollectorClient, CollectorRequest } from './collector-client.ts';

/** A page of a list of the API: its items under their own name, and whatever stands beside them. */
export type ListPage<T, K extends string> = Readonly<Record<K, readonly T[]>> & { readonly next: string | null };

export interface ListLimits {
  /** Items in all. */
  readonly limit?: number | undefined;
  /** Items that one request asks for. */
  readonly pageItems?: number;
}

const PAGE_ITEMS = 1000;

/** Page after page, until there is none or `limit` items have come. */
export async function* pagesOf<T, K extends string>(
  client: CollectorClient, path: string, key: K, query: CollectorRequest['query'] = {}, { limit = Infinity, pageItems = PAGE_ITEMS }: ListLimits = {},
): AsyncGenerator<ListPage<T, K>> {
  let left = limit;
  for (let cursor: string | undefined; left > 0;) {
    const page = await client.json<ListPage<T, K>>([key, 'next'], 'GET', path, { query: { ...query, limit: Math.min(pageItems, left), cursor } });
    if (!Array.isArray(page[key])) throw client.notACollector(JSON.stringify(page));
    yield page;
    left -= page[key].length;
    if (page.next === null) return;
    cursor = page.next;
  }
}

export async function* listed<T>(client: CollectorClient, path: string, key: string, query: CollectorRequest['query'] = {}, limits: ListLimits = {}): AsyncGenerator<T> {
  for await (const page of pagesOf<T, string>(client, path, key, query, limits)) yield* page[key]!;
}
