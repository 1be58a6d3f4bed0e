import { isDeepStrictEqual } from 'node:util';
import { clean } from './query-table.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A resource before and after; null: it is not there. */
export interface ShownChange {
  readonly kind: string;
  readonly id: string;
  readonly before: Fields | null;
  readonly after: Fields | null;
}

const SHOWN_DETAILS = 4;
const SHOWN_ITEMS = 3;
const SHOWN_CHARACTERS = 80;

/** `+ eni eni-1`, `~ security-group sg-1 (rule r2: port-range 80/80 → 443/443)`, `- vswitch vsw-9`. */
export function changeLine({ kind, id, before, after }: ShownChange): string {
  const named = `${kind} ${clean(id)}`;
  if (before === null) return `+ ${named}`;
  if (after === null) return `- ${named}`;
  return `~ ${named} (${abridged(differences(before, after), SHOWN_DETAILS, '; ')})`;
}

/** What is different, key by key. */
export function differences(before: Fields, after: Fields): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.filter((key) => !isDeepStrictEqual(before[key], after[key])).flatMap((key) => {
    const [old, now] = [before[key], after[key]];
    if (key === 'rules') return ruleDifferences(itemsOf(old) as Fields[], itemsOf(now) as Fields[]);
    if (Array.isArray(old) || Array.isArray(now)) return [`${key} ${listDifference(itemsOf(old).map(shown), itemsOf(now).map(shown))}`];
    return [`${key} ${shown(old)} → ${shown(now)}`];
  });
}

function ruleDifferences(before: readonly Fields[], after: readonly Fields[]): string[] {
  const byId = (rules: readonly Fields[]): Map<string, Fields> => new Map(rules.map((rule) => [String(rule['rule-id']), rule]));
  const [old, now] = [byId(before), byId(after)];
  const texts = [...new Set([...old.keys(), ...now.keys()])].flatMap((id) => {
    const [was, is] = [old.get(id), now.get(id)];
    if (!was || !is) return [`${is ? '+' : '-'}rule ${clean(id)}`];
    return isDeepStrictEqual(was, is) ? [] : [`rule ${clean(id)}: ${differences(was, is).join(', ')}`];
  });
  return texts.length > 0 ? texts : ['rules in another order'];
}

function listDifference(before: readonly string[], after: readonly string[]): string {
  const [old, now] = [new Set(before), new Set(after)];
  const added = after.filter((item) => !old.has(item)).map((item) => `+${item}`);
  const removed = before.filter((item) => !now.has(item)).map((item) => `-${item}`);
  return added.length + removed.length === 0 ? 'in another order' : abridged([...added, ...removed], SHOWN_ITEMS, ' ');
}

function abridged(texts: readonly string[], most: number, separator: string): string {
  const left = texts.length - most;
  return [...texts.slice(0, most), ...(left > 0 ? [`and ${left} more`] : [])].join(separator);
}

function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function shown(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-';
  const text = clean(typeof value === 'object' ? JSON.stringify(value) : String(value));
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS - 3)}...` : text;
}
