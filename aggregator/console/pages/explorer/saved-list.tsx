import { useSignal } from '@preact/signals';
import { CHART_TITLES } from '../../charts/result-shape.ts';
import { request } from '../../api/client.ts';
import { useLoaded } from '../../api/loaded.ts';
import { mayChange } from '../../state/session.ts';
import { Confirmation } from '../../ui/confirmation.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ProblemNotice } from '../../ui/notice.tsx';
import { matches } from '../../ui/search-field.tsx';
import { Text, visible } from '../../ui/text.tsx';
import { loadSavedQueries, savedAddress, type SavedQuery } from './saved-query.ts';
import type { Question } from './question.ts';

const MAX_SHOWN = 200;

export function SavedList({ question, onClose }: { question: Question; onClose: () => void }) {
  const { value, problem, reload } = useLoaded(loadSavedQueries, []);
  const search = useSignal('');
  const leaving = useSignal<SavedQuery | null>(null);
  const found = value?.filter(({ name, description, query, dashboard, logstore }) => matches(search.value, [name, description, query, dashboard, logstore])) ?? [];
  const remove = async ({ id }: SavedQuery): Promise<void> => {
    await request('DELETE', `/v1/saved-queries/${encodeURIComponent(id)}`);
    leaving.value = null;
    reload();
  };
  return (
    <Dialog title="Saved queries" side onClose={onClose}>
      <label><span class="unseen">Search saved queries</span><input type="search" value={search.value} placeholder="Search" autoFocus onInput={(event) => { search.value = event.currentTarget.value; }} /></label>
      {problem && <ProblemNotice problem={problem} onRetry={reload} />}
      {value && found.length === 0 && <p class="muted">{value.length === 0 ? 'None yet. Save keeps the query that is shown; an analysis report of a flow log brings some.' : 'None is like this.'}</p>}
      <ul class="saved">
        {found.slice(0, MAX_SHOWN).map((saved) => (
          <li key={saved.id}>
            <a href={savedAddress(saved, question)} onClick={onClose}>{visible(saved.name)}</a>
            <span class="muted"><Text value={saved.logstore} mono /> · {CHART_TITLES[saved.chart]}{saved.dashboard !== null && <> · <Text value={saved.dashboard} /></>}</span>
            <code><Text value={saved.query} mono /></code>
            {mayChange.value && <button type="button" class="quiet small" aria-label={`Delete ${visible(saved.name)}`} onClick={() => { leaving.value = saved; }}>Delete</button>}
          </li>
        ))}
      </ul>
      {leaving.value && (
        <Confirmation title={`Delete ${visible(leaving.value.name)}?`} action="Delete" isDangerous onConfirm={() => remove(leaving.value!)} onClose={() => { leaving.value = null; }}>
          <p>The saved query goes{leaving.value.dashboard === null ? '' : ', and its panel of the dashboard too'}. Records stay as they are.</p>
        </Confirmation>
      )}
    </Dialog>
  );
}
