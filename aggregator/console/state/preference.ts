import { effect, signal, type Signal } from '@preact/signals';

/** What a person likes rather than what is looked at: kept by the browser, not in the address. */
export function preference<T extends string>(name: string, values: readonly T[]): Signal<T> {
  const key = `weir-${name}`;
  const kept = read(key);
  const chosen = signal<T>(values.find((value) => value === kept) ?? values[0]!);
  effect(() => {
    try {
      localStorage.setItem(key, chosen.value);
    } catch {
      // a browser that keeps nothing has the first value next time
    }
  });
  return chosen;
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export const theme = preference('theme', ['system', 'light', 'dark']);
export const timeZone = preference('time', ['local', 'UTC']);

effect(() => { document.documentElement.dataset['theme'] = theme.value; });
