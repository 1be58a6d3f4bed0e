/** A capture window: Unix seconds, aligned to the epoch. */
export interface Window {
  readonly start: number;
  readonly seconds: number;
}

export type WindowKey = `${number}+${number}`;

export function windowKey({ start, seconds }: Window): WindowKey {
  return `${start}+${seconds}`;
}

export function windowOf(key: WindowKey): Window {
  const [start, seconds] = key.split('+').map(Number) as [number, number];
  return { start, seconds };
}

export function windowEnd({ start, seconds }: Window): number {
  return start + seconds;
}
