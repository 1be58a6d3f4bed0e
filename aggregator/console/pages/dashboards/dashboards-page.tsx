import { useEffect } from 'preact/hooks';
import type { LogStore } from '../../api/answers.ts';
import { request } from '../../api/client.ts';
import { useLoaded } from '../../api/loaded.ts';
import type { PageProps } from '../../frame/pages.ts';
import { parameter, pathOf, setParameters } from '../../state/address.ts';
import { Notice, ProblemNotice } from '../../ui/notice.tsx';
import { PageHead } from '../../ui/page-head.tsx';
import { matches, SearchField } from '../../ui/search-field.tsx';
import { visible } from '../../ui/text.tsx';
import { ALL_TIME } from '../explorer/question.ts';
import { loadSavedQueries } from '../explorer/saved-query.ts';
import { dashboardsOf, type Dashboard } from './dashboard-list.ts';
import { DashboardView } from './dashboard-view.tsx';
import './dashboards.css';

const RECENT = '-24h';
const RECENT_SECONDS = 86_400;

export default function DashboardsPage({ rest: [logStore, id] }: PageProps) {
  const { value, problem, reload } = useLoaded(async (signal) => {
    const [{ logstores }, saved] = await Promise.all([request<{ logstores: readonly LogStore[] }>('GET', '/v1/logstores', { signal }), loadSavedQueries(signal)]);
    return { logStores: logstores, dashboards: dashboardsOf(saved, logstores) };
  }, []);
  const shown = id === undefined ? null : value?.dashboards.find((dashboard) => dashboard.logStore === logStore && dashboard.id === id) ?? null;
  const hasRange = parameter('from') !== null;
  useEffect(() => {
    if (!shown || hasRange) return;
    const to = value?.logStores.find(({ name }) => name === shown.logStore)?.to ?? null;
    setParameters({ from: to !== null && to > Date.now() / 1000 - RECENT_SECONDS ? RECENT : ALL_TIME });
  }, [shown, hasRange]);
  if (!value) return problem && <ProblemNotice problem={problem} onRetry={reload} />;
  if (id === undefined) return <DashboardList {...value} />;
  if (!shown) return <Notice kind="warning" title="There is no such dashboard">It goes with the last of its saved queries. <a href="/dashboards">All dashboards</a></Notice>;
  return hasRange ? <DashboardView key={`${shown.logStore} ${shown.id}`} dashboard={shown} /> : null;
}

function DashboardList({ dashboards, logStores }: { dashboards: readonly Dashboard[]; logStores: readonly LogStore[] }) {
  const names = [...new Set(dashboards.map(({ logStore }) => logStore))];
  const withoutReport = logStores.filter(({ name }) => !dashboards.some(({ logStore, id }) => logStore === name && id === 'overview'));
  return (
    <>
      <PageHead title="Dashboards"><SearchField label="Search dashboards" /></PageHead>
      {dashboards.length === 0 && <Notice kind="info" title="There is no dashboard yet">Dashboards come with a LogStore that can be searched. <a href="/">The steps to the first record</a></Notice>}
      {names.map((name) => {
        const found = dashboards.filter(({ logStore, title, panelTitles }) => logStore === name && matches(parameter('q'), [logStore, title, ...panelTitles]));
        return found.length > 0 && (
          <section key={name} class="stack">
            <h2 class="mono">{visible(name)}</h2>
            <ul class="dashboards">
              {found.map(({ id, title, panelTitles }) => (
                <li key={id}><a href={pathOf('dashboards', name, id)}><strong>{visible(title)}</strong><span class="muted">{panelTitles.slice(0, 6).map(visible).join(' · ')}{panelTitles.length > 6 ? ` · ${panelTitles.length - 6} more` : ''}</span></a></li>
              ))}
            </ul>
          </section>
        );
      })}
      {withoutReport.length > 0 && (
        <p class="muted">An overview, rejections and top talkers come with the analysis report of a <a href="/flow-logs">flow log</a>; {withoutReport.slice(0, 5).map(({ name }) => visible(name)).join(', ')}{withoutReport.length > 5 ? ' and others have' : withoutReport.length > 1 ? ' have' : ' has'} none. A query that is saved with the name of a dashboard makes one too.</p>
      )}
    </>
  );
}
