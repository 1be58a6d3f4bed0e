import { signal } from '@preact/signals';
import { session } from '../../state/session.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { Text } from '../../ui/text.tsx';
import { explorerAddress, type Question } from './question.ts';

const MOST = 50;

/** Queries that were run, newest first: for as long as the tab is open and the same token signed in. */
const asked = signal<readonly Question[]>([]);
let keptFor: string | null = null;

function key(): string {
  return `weir-queries-${session.peek()?.['token-id'] ?? ''}`;
}

function read(): void {
  if (keptFor === key()) return;
  keptFor = key();
  try {
    const kept = JSON.parse(sessionStorage.getItem(keptFor) ?? '[]') as Question[];
    asked.value = Array.isArray(kept) ? kept.filter((one) => typeof one?.query === 'string' && typeof one.logStore === 'string' && typeof one.from === 'string').slice(0, MOST) : [];
  } catch {
    asked.value = [];
  }
}

export function remember(question: Question): void {
  read();
  if (question.query.trim() === '' || question.query === asked.peek()[0]?.query) return;
  asked.value = [question, ...asked.peek().filter(({ query, logStore }) => query !== question.query || logStore !== question.logStore)].slice(0, MOST);
  try {
    sessionStorage.setItem(key(), JSON.stringify(asked.peek()));
  } catch {
    // a browser that keeps nothing forgets them with the page
  }
}

export function HistoryDialog({ onClose }: { onClose: () => void }) {
  read();
  return (
    <Dialog title="Queries of this session" side onClose={onClose}>
      {asked.value.length === 0 && <p class="muted">None yet.</p>}
      <ul class="saved">
        {asked.value.map((question) => (
          <li key={`${question.logStore} ${question.query}`}>
            <a href={explorerAddress(question)} onClick={onClose}><Text value={question.query} mono /></a>
            <span class="muted"><Text value={question.logStore} mono /></span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
