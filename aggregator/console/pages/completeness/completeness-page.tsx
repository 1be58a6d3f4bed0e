import { CompletenessGrid, STATES } from '../../completeness/completeness-grid.tsx';
import { loadGrid, stateOf, type CellState, type Grid } from '../../completeness/grid-data.ts';
import type { LogStore } from '../../api/answers.ts';
import { request } from '../../api/client.ts';
import { useLoaded } from '../../api/loaded.ts';
import { addressOf, parameter, setParameters } from '../../state/address.ts';
import { session } from '../../state/session.ts';
import { CompletenessMark } from '../../ui/completeness-mark.tsx';
import { Notice, ProblemNotice } from '../../ui/notice.tsx';
import { counted } from '../../ui/numbers.ts';
import { PageHead } from '../../ui/page-head.tsx';
import { matches, SearchField } from '../../ui/search-field.tsx';
import { visible } from '../../ui/text.tsx';
import { TimeField } from '../../ui/time-field.tsx';
import { addressRange } from '../../ui/time-range.ts';
import { Time } from '../../ui/time.tsx';

/** All that agents sealed, whichever LogStore it went to; no LogStore can have this name. */
const EVERYTHING = '*';

export default function CompletenessPage() {
  const { value, problem, reload } = useLoaded((signal) => request<{ logstores: readonly LogStore[] }>('GET', '/v1/logstores', { signal }), []);
  if (!value) return problem && <ProblemNotice problem={problem} onRetry={reload} />;
  return <OfLogStore logStores={value.logstores} />;
}

function OfLogStore({ logStores }: { logStores: readonly LogStore[] }) {
  const maySeeAll = session.value?.logstores === null;
  const chosen = parameter('logstore') ?? logStores.find(({ windows }) => windows > 0)?.name ?? logStores[0]?.name ?? EVERYTHING;
  const from = parameter('from');
  const to = parameter('to');
  const { value: grid, problem, isLoading, reload } = useLoaded((signal) =>
    loadGrid({ logStore: chosen === EVERYTHING ? null : chosen, eni: null, ...addressRange(), signal }), [chosen, from, to]);
  const shown = grid && narrowed(grid, parameter('q'), parameter('state') as CellState | null);
  return (
    <>
      <PageHead title="Completeness">
        {grid?.summary && <CompletenessMark summary={grid.summary} />}
        <label>
          <span class="unseen">LogStore</span>
          <select value={chosen} onChange={(event) => setParameters({ logstore: event.currentTarget.value }, {})}>
            {!logStores.some(({ name }) => name === chosen) && chosen !== EVERYTHING && <option value={chosen}>{visible(chosen)}</option>}
            {logStores.map(({ name }) => <option key={name} value={name}>{visible(name)}</option>)}
            {maySeeAll && <option value={EVERYTHING}>all that agents sealed</option>}
          </select>
        </label>
        <TimeField />
        <button type="button" onClick={reload} disabled={isLoading}>Refresh</button>
      </PageHead>
      <div class="row">
        <SearchField label="Search ENIs" />
        <label>
          <span class="unseen">Windows that are</span>
          <select value={parameter('state') ?? ''} onChange={(event) => setParameters({ state: event.currentTarget.value })}>
            <option value="">all ENIs</option>
            {STATES.map((state) => <option key={state} value={state}>ENIs with {state}</option>)}
          </select>
        </label>
      </div>
      {problem && <ProblemNotice problem={problem} onRetry={reload} />}
      {grid?.summary && grid.summary.pendingWindows > 0 && <p class="muted">{counted(grid.summary.pendingWindows, 'window')} of the range {grid.summary.pendingWindows === 1 ? 'waits' : 'wait'} for seals and {grid.summary.pendingWindows === 1 ? 'is' : 'are'} not published yet.</p>}
      {shown && grid && (grid.rows.length === 0
        ? <Nothing logStore={logStores.find(({ name }) => name === chosen) ?? null} />
        : shown.rows.length === 0 ? <Notice kind="info" title="No ENI is like this">Of {counted(grid.rows.length, 'ENI')} in the range none fits the search.</Notice>
          : <CompletenessGrid grid={shown} logStore={chosen === EVERYTHING ? null : chosen} />)}
    </>
  );
}

function narrowed(grid: Grid, search: string | null, state: CellState | null): Grid {
  if (!search && !state) return grid;
  return { ...grid, rows: grid.rows.filter(({ eniId, cells }) => matches(search, [eniId]) && (!state || cells.some((cell) => cell && stateOf(cell) === state))) };
}

/** Why there is no grid, and where there would be one. */
function Nothing({ logStore }: { logStore: LogStore | null }) {
  if (logStore?.from == null || logStore.to === null) {
    return <Notice kind="info" title="No window was published yet">A window is published when its agents have sealed it. <a href="/">The steps to the first record</a></Notice>;
  }
  const { name, from, to } = logStore;
  return (
    <Notice kind="info" title="No window in this range">
      <p>The LogStore holds windows from <Time at={from} /> to <Time at={to} />. <a href={addressOf('/completeness', { logstore: name, from: String(from), to: String(to) })}>Show these</a></p>
    </Notice>
  );
}
