import { useSignal } from '@preact/signals';
import { CHARTS, CHART_TITLES, type ChartKind } from '../../charts/result-shape.ts';
import { ApiProblem, request } from '../../api/client.ts';
import { useLoaded } from '../../api/loaded.ts';
import { setParameters } from '../../state/address.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ProblemNotice } from '../../ui/notice.tsx';
import { visible } from '../../ui/text.tsx';
import { loadSavedQueries, type SavedQuery } from './saved-query.ts';
import type { Question } from './question.ts';

/** Keeps a query under a name, perhaps on a dashboard. */
export function SaveDialog({ question, chart, savedId, onClose }: { question: Question; chart: ChartKind; savedId: string | null; onClose: () => void }) {
  const { value: all, problem: listProblem } = useLoaded(loadSavedQueries, []);
  if (!all) return <Dialog title="Save the query" onClose={onClose}>{listProblem && <ProblemNotice problem={listProblem} />}</Dialog>;
  const opened = all.find(({ id, logstore }) => id === savedId && logstore === question.logStore) ?? null;
  return <Dialog title="Save the query" onClose={onClose}><SaveForm question={question} chart={chart} opened={opened} all={all} onClose={onClose} /></Dialog>;
}

function SaveForm({ question, chart, opened, all, onClose }: { question: Question; chart: ChartKind; opened: SavedQuery | null; all: readonly SavedQuery[]; onClose: () => void }) {
  const problem = useSignal<ApiProblem | null>(null);
  const isBusy = useSignal(false);
  const key = useSignal(crypto.getRandomValues(new Uint32Array(4)).join('-'));
  const dashboards = [...new Set(all.map(({ dashboard }) => dashboard).filter((name) => name !== null))].sort();
  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const isReplaced = (event.submitter as HTMLButtonElement | null)?.value === 'replace' && opened !== null;
    const text = (name: string): string => String(form.get(name) ?? '').trim();
    const body = { name: text('name'), description: text('description'), logstore: question.logStore, query: question.query, chart: text('chart'), dashboard: text('dashboard') || null };
    isBusy.value = true;
    try {
      const saved = isReplaced ? await request<SavedQuery>('PUT', `/v1/saved-queries/${encodeURIComponent(opened.id)}`, { body })
        : await request<SavedQuery>('POST', '/v1/saved-queries', { body, headers: { 'idempotency-key': key.value } });
      setParameters({ saved: saved.id, chart: saved.chart });
      onClose();
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      problem.value = error;
      isBusy.value = false;
      // another request may follow under this one's name
      key.value = crypto.getRandomValues(new Uint32Array(4)).join('-');
    }
  };
  return (
    <form class="form" onSubmit={(event) => void save(event)}>
      <label class="field"><span>Name</span><input name="name" required maxLength={256} defaultValue={opened?.name ?? ''} autoFocus /></label>
      <label class="field"><span>Description</span><input name="description" maxLength={4096} defaultValue={opened?.description ?? ''} /></label>
      <div class="two">
        <label class="field"><span>Shown as</span>
          <select name="chart" defaultValue={chart}>{CHARTS.map((kind) => <option key={kind} value={kind} selected={kind === chart}>{CHART_TITLES[kind]}</option>)}</select>
        </label>
        <label class="field"><span>Dashboard</span><input name="dashboard" maxLength={256} list="dashboards" placeholder="none" defaultValue={opened?.dashboard ?? ''} autocomplete="off" /></label>
        <datalist id="dashboards">{dashboards.map((name) => <option key={name} value={name}>{visible(name)}</option>)}</datalist>
      </div>
      <p class="hint">The query is kept for the LogStore <span class="mono">{visible(question.logStore)}</span>; the time range is not kept.</p>
      {problem.value && <ProblemNotice problem={problem.value} />}
      <div class="actions">
        <button type="button" onClick={onClose}>Cancel</button>
        {opened && <button type="submit" value="replace" disabled={isBusy.value}>Change the saved one</button>}
        <button type="submit" value="new" class="primary" disabled={isBusy.value}>{opened ? 'Save as another' : 'Save'}</button>
      </div>
    </form>
  );
}
