import { readFileSync } from 'node:fs';
import { WeirError } from '../../shared/errors.ts';
import { EMPTY_STATE, type ControlState, type ResourceDates } from './control-state.ts';
import { memoized } from './memoized.ts';
import type { Listed } from './resource-kinds.ts';

/**
 * The control state as JSON with a resource a line: people can read and compare it, and a change of one resource of
 * many costs little, because the lines of the others are known.
 */
export function stateText({ topology, dates, ...rest }: ControlState): string {
  const { accountId, region, ...lists } = topology;
  const members = [
    ...Object.entries(rest).map(([key, value]) => (Array.isArray(value) ? listText(key, value) : `"${key}":${JSON.stringify(value)}`)),
    `"dates":${lines('[', Array.from(dates, ([key, value]) => `[${JSON.stringify(key)},${lineOf(value)}]`), ']')}`,
    `"topology":{"accountId":${JSON.stringify(accountId)},"region":${JSON.stringify(region)},\n${
      (Object.keys(lists) as Listed[]).map((key) => listText(key, topology[key])).join(',\n')}}`,
  ];
  return `{${members.join(',\n')}}\n`;
}

const lineOf = memoized((item: object) => JSON.stringify(item));

function listText(key: string, items: readonly unknown[]): string {
  return `"${key}":${lines('[', items.map((item) => (typeof item === 'object' && item !== null ? lineOf(item) : JSON.stringify(item))), ']')}`;
}

function lines(open: string, items: readonly string[], close: string): string {
  return items.length === 0 ? `${open}${close}` : `${open}\n${items.join(',\n')}\n${close}`;
}

export function readState(path: string): ControlState {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<Record<keyof ControlState, unknown>> | null;
    const { change, revision, topology, dates } = value ?? {};
    if (typeof change !== 'number' || typeof revision !== 'number' || typeof topology !== 'object' || topology === null || !Array.isArray(dates)) {
      throw new Error('it holds no control state');
    }
    return { ...EMPTY_STATE, ...(value as Partial<ControlState>), dates: new Map(dates as [string, ResourceDates][]) };
  } catch (cause) {
    throw new WeirError('CONFIGURATION', `${path} cannot be read: ${(cause as Error).message}; restore it from a backup, or move it away to begin without any resources`, { cause });
  }
}
