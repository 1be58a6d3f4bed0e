import { useEffect, useState } from 'preact/hooks';
import { parameter } from '../../state/address.ts';
import { useShortcut } from '../../state/shortcuts.ts';
import { PageHead } from '../../ui/page-head.tsx';
import { Text, visible } from '../../ui/text.tsx';
import { TimeField } from '../../ui/time-field.tsx';
import { ALL_TIME } from '../explorer/question.ts';
import type { Dashboard } from './dashboard-list.ts';
import { DashboardPanel } from './dashboard-panel.tsx';

const REFRESH_MS = 60_000;

/** Panels side by side. A range that ends now is asked for again each minute, while somebody sees it. */
export function DashboardView({ dashboard }: { dashboard: Dashboard }) {
  const range = { from: parameter('from') ?? ALL_TIME, to: parameter('to') };
  const isOpenEnded = range.to === null;
  const [turn, setTurn] = useState(0);
  const refresh = (): void => setTurn((before) => before + 1);
  useEffect(() => {
    if (!isOpenEnded) return undefined;
    let lastMs = Date.now();
    const look = (): void => {
      if (document.hidden || Date.now() - lastMs < REFRESH_MS) return;
      lastMs = Date.now();
      refresh();
    };
    const timer = setInterval(look, 1000);
    return () => clearInterval(timer);
  }, [isOpenEnded, turn]);
  useShortcut('r', 'Refresh the panels', refresh);
  return (
    <>
      <PageHead title={visible(dashboard.title)} above={<><a href="/dashboards">Dashboards</a> · <Text value={dashboard.logStore} mono /></>}>
        <TimeField />
        <button type="button" onClick={refresh}>Refresh</button>
        <span class="muted">{isOpenEnded ? 'asked again each minute' : 'ends in the past: stays as it is'}</span>
      </PageHead>
      {dashboard.description !== '' && <p class="muted">{dashboard.description}</p>}
      <div class="panels">
        {dashboard.panels(range).map((panel) => <DashboardPanel key={panel.id} panel={panel} turn={turn} />)}
      </div>
    </>
  );
}
