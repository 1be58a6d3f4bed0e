import { createHash } from 'node:crypto';

/** Part of an assignment's text, shared by all agents that get it. */
export interface Fragment {
  readonly text: string;
  readonly digest: string;
}

export function fragmentOf(value: unknown): Fragment {
  const text = JSON.stringify(value);
  return { text, digest: digestOf(text) };
}

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
