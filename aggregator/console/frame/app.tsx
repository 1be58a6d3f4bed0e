import { useEffect } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import { ApiProblem } from '../api/client.ts';
import { followLink, go } from '../state/address.ts';
import { findSession, session } from '../state/session.ts';
import { pressKey, useShortcut } from '../state/shortcuts.ts';
import { ProblemNotice } from '../ui/notice.tsx';
import { Navigation } from './navigation.tsx';
import { PageOutlet } from './page-outlet.tsx';
import { PAGES } from './pages.ts';
import { ShortcutHelp } from './shortcut-help.tsx';
import { SignIn } from './sign-in.tsx';

export function App() {
  const problem = useSignal<ApiProblem | null>(null);
  useEffect(() => {
    findSession().catch((error: unknown) => {
      if (!(error instanceof ApiProblem)) throw error;
      problem.value = error;
    });
    document.addEventListener('click', followLink);
    document.addEventListener('keydown', pressKey);
    return () => {
      document.removeEventListener('click', followLink);
      document.removeEventListener('keydown', pressKey);
    };
  }, []);
  if (problem.value) return <main class="alone"><ProblemNotice problem={problem.value} /></main>;
  if (session.value === undefined) return null;
  return session.value === null ? <SignIn /> : <SignedIn />;
}

function SignedIn() {
  const isHelpOpen = useSignal(false);
  useShortcut('?', 'Show the shortcuts', () => { isHelpOpen.value = true; });
  useShortcut('/', 'Go to the search of the page', () => {
    const search = document.querySelector<HTMLElement>('[data-search]');
    search?.focus();
    if (search instanceof HTMLInputElement) search.select();
  });
  return (
    <div class="frame">
      <a class="skip" href="#content">Skip to the content</a>
      {PAGES.filter((page) => page.key !== null).map((page) => <GoTo key={page.path} shortcut={`g ${page.key}`} title={`Go to ${page.title}`} path={`/${page.path}`} />)}
      <Navigation onHelp={() => { isHelpOpen.value = true; }} />
      <PageOutlet />
      {isHelpOpen.value && <ShortcutHelp onClose={() => { isHelpOpen.value = false; }} />}
    </div>
  );
}

function GoTo({ shortcut, title, path }: { shortcut: string; title: string; path: string }) {
  useShortcut(shortcut, title, () => go(path));
  return null;
}
