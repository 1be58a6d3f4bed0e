import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { place } from '../state/address.ts';
import { theme, timeZone } from '../state/preference.ts';
import { session, signOut } from '../state/session.ts';
import { Choice } from '../ui/choice.tsx';
import { Text } from '../ui/text.tsx';
import { Mark } from './mark.tsx';
import { PAGES } from './pages.ts';

export function Navigation({ onHelp }: { onHelp: () => void }) {
  const isOpen = useSignal(false);
  const path = place.value.parts[0] ?? '';
  // on a narrow screen it lies over the page, and goes when one has chosen
  useEffect(() => { isOpen.value = false; }, [place.value]);
  return (
    <header class={`navigation${isOpen.value ? ' open' : ''}`}>
      <div class="brand">
        <a href="/" aria-label="Weir, start"><Mark /> Weir</a>
        <button type="button" class="menu" aria-expanded={isOpen.value} aria-controls="navigation" onClick={() => { isOpen.value = !isOpen.value; }}>Menu</button>
      </div>
      <div id="navigation" class="navigation-body">
        <nav aria-label="Pages">
          <ul>
            {PAGES.filter(({ key }) => key !== null).map((page) => (
              <li key={page.path}><a href={`/${page.path}`} aria-current={page.path === path ? 'page' : undefined}><svg viewBox="0 0 16 16" aria-hidden="true"><path d={page.icon} /></svg>{page.title}</a></li>
            ))}
          </ul>
        </nav>
        <div class="navigation-foot">
          <Choice label="Times" showLabel={false} value={timeZone.value} options={[['local', 'Local'], ['UTC', 'UTC']]} onChange={(value) => { timeZone.value = value; }} />
          <Choice label="Theme" showLabel={false} value={theme.value} options={[['system', 'Auto'], ['light', 'Light'], ['dark', 'Dark']]} onChange={(value) => { theme.value = value; }} />
          <p class="who">
            <Text value={session.value?.name || session.value?.['token-id'] || ''} />
            <span class="muted">{session.value?.scope === 'admin' ? 'admin' : 'may read'}</span>
          </p>
          <div class="row">
            <button type="button" class="quiet" onClick={onHelp}>Shortcuts <kbd>?</kbd></button>
            <button type="button" class="quiet" onClick={() => void signOut()}>Sign out</button>
          </div>
        </div>
      </div>
    </header>
  );
}
