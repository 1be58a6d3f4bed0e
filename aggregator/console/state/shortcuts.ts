import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

export interface Shortcut {
  /** As KeyboardEvent.key has it: `?`, `/`, `Ctrl+Enter`; two with a blank between are pressed one after the other: `g f`. */
  readonly keys: string;
  readonly title: string;
  readonly run: () => void;
}

/** Those of the frame and of the page that is shown. The last one wins. */
export const shortcuts = signal<readonly Shortcut[]>([]);

/** For how long the second key of two is waited for. */
const SEQUENCE_MS = 1200;
let firstKey = '';
let firstKeyMs = 0;

export function useShortcut(keys: string, title: string, run: () => void): void {
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => {
    const shortcut = { keys, title, run: () => latest.current() };
    shortcuts.value = [...shortcuts.peek(), shortcut];
    return () => { shortcuts.value = shortcuts.peek().filter((known) => known !== shortcut); };
  }, [keys, title]);
}

/** To be called with every key that goes down. */
export function pressKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  const isCommand = event.ctrlKey || event.metaKey;
  if (!isCommand && isEditable(event.target)) return;
  // a dialog is a place of its own
  if (document.querySelector('dialog[open]') && event.key !== 'Enter') return;
  const key = isCommand ? `Ctrl+${event.key}` : event.key;
  const sequence = event.timeStamp - firstKeyMs < SEQUENCE_MS ? `${firstKey} ${key}` : key;
  const found = shortcuts.peek().findLast(({ keys }) => keys === sequence) ?? shortcuts.peek().findLast(({ keys }) => keys === key);
  firstKey = key;
  firstKeyMs = found ? 0 : event.timeStamp;
  if (!found) return;
  event.preventDefault();
  found.run();
}

function isEditable(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
