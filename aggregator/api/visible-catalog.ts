import type { TokenEntry } from '../control/token-entry.ts';
import type { Catalog } from '../logstore/catalog.ts';
import { seesLogStore } from './authorization.ts';

/** The catalog as the token's holder is to see it: what the token may not read is not there. */
export function visibleCatalog(catalog: Catalog, token: TokenEntry | null): Catalog {
  return {
    files: (logStore, from, to) => (seesLogStore(token, logStore) ? catalog.files(logStore, from, to) : []),
    completeness: (logStore, from, to) => catalog.completeness(logStore, from, to),
    logStores: () => catalog.logStores().filter(({ name }) => seesLogStore(token, name)),
  };
}
