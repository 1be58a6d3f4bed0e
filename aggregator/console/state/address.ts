import { signal } from '@preact/signals';
import { PAGE_PATHS } from '../page-paths.ts';

/** Where the console is. Everything that one sees follows from it, so that a link shows the same. */
export interface Place {
  /** Parts of the path, decoded: `['flow-logs', 'fl-1']`. */
  readonly parts: readonly string[];
  readonly parameters: URLSearchParams;
}

export const place = signal<Place>(readPlace());

addEventListener('popstate', () => { place.value = readPlace(); });

function readPlace(): Place {
  const parts = location.pathname.split('/').filter((part) => part !== '').map(decoded);
  return { parts, parameters: new URLSearchParams(location.search) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function pathOf(...parts: readonly string[]): string {
  return `/${parts.map(encodeURIComponent).join('/')}`;
}

/** The address of a path with parameters; those that are null or empty are left out. */
export function addressOf(path: string, parameters: Readonly<Record<string, string | null>> = {}): string {
  const query = new URLSearchParams(Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== null && pair[1] !== '')).toString();
  return query === '' ? path : `${path}?${query}`;
}

export function go(address: string, { replace = false }: { replace?: boolean } = {}): void {
  if (address === location.pathname + location.search) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', address);
  place.value = readPlace();
}

/** Changes some parameters of the address where one is; null takes one away. */
export function setParameters(changes: Readonly<Record<string, string | null>>, options: { replace?: boolean } = { replace: true }): void {
  go(addressOf(location.pathname, { ...Object.fromEntries(place.value.parameters), ...changes }), options);
}

export function parameter(name: string): string | null {
  return place.value.parameters.get(name);
}

/** Makes links within the console a change of place. To be called once with every click. */
export function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element | null)?.closest?.('a[href]') as HTMLAnchorElement | null;
  if (!link || link.origin !== location.origin || link.target !== '' || link.hasAttribute('download')) return;
  if (link.hash !== '' && link.pathname === location.pathname) return;
  if (!(PAGE_PATHS as readonly string[]).includes(link.pathname.split('/')[1]!)) return;
  event.preventDefault();
  go(link.pathname + link.search);
}
