import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LogStore } from '../../api/answers.ts';
import { useLoaded } from '../../api/loaded.ts';
import { chartFor, type ChartKind } from '../../charts/result-shape.ts';
import { parameter, setParameters } from '../../state/address.ts';
import { mayChange } from '../../state/session.ts';
import { useShortcut } from '../../state/shortcuts.ts';
import { PageHead } from '../../ui/page-head.tsx';
import { TimeField } from '../../ui/time-field.tsx';
import { ExportDialog } from './export-menu.tsx';
import { addressFields, FieldsDialog } from './fields-dialog.tsx';
import { HistoryDialog, remember } from './query-history.tsx';
import { LogStoreField, QueryProblem } from './explorer-parts.tsx';
import { useLiveTail } from './live-tail.ts';
import { useRecordPages } from './record-pages.ts';
import { HistogramSection } from './histogram-section.tsx';
import { QueryField } from './query-field.tsx';
import { splitQuery, withTerm } from './query-terms.ts';
import { addressQuestion, ask, rangeOf, turn, type SelectRows } from './question.ts';
import { RecordPanel } from './record-panel.tsx';
import { recordSearch } from './record-key.ts';
import { RecordsSection } from './records-section.tsx';
import { SavedList } from './saved-list.tsx';
import { SaveDialog } from './save-dialog.tsx';
import { SelectSection } from './select-section.tsx';

type Panel = 'history' | 'saved' | 'save' | 'export' | 'fields';

/** A question about a LogStore and its answer. All of it is in the address; only what is being written is not, until it is run. */
export function Explorer({ logStores, logStore }: { logStores: readonly LogStore[]; logStore: string }) {
  const question = addressQuestion(logStore);
  const written = useSignal(question.query);
  const given = useSignal({ text: question.query });
  const panel = useSignal<Panel | null>(null);
  const { query, from, to } = question;
  const isSelect = splitQuery(query).select !== null;
  const isTail = parameter('tail') === '1' && !isSelect;
  const fields = addressFields();
  useEffect(() => {
    if (written.peek() === query) return;
    written.value = query;
    given.value = { text: query };
  }, [query]);
  const select = useLoaded(async (signal) => (isSelect ? { of: query, rows: await ask<SelectRows>(logStore, { query, ...rangeOf(question) }, signal) } : null), [logStore, query, from, to, turn.value]);
  const found = useRecordPages(!isSelect && !isTail, question, fields);
  const tail = useLiveTail(isTail, logStore, query, fields);
  const problem = isSelect ? select.problem : isTail ? tail.problem : found.problem;
  const answer = isSelect && select.value?.of === query ? select.value.rows : null;
  const run = (text = written.value): void => {
    remember({ ...question, query: text });
    // the same once more
    if (text === query) turn.value++;
    else setParameters({ q: text, record: null, chart: null, compare: null, saved: null, tail: splitQuery(text).select === null ? parameter('tail') : null }, {});
  };
  const close = (): void => { panel.value = null; };
  useShortcut('Ctrl+Enter', 'Run the query', () => run());
  useShortcut('t', 'Follow new records', () => { if (!isSelect) setParameters({ tail: isTail ? null : '1' }); });
  const record = parameter('record');
  const open = (name: Panel) => (): void => { panel.value = name; };
  return (
    <>
      <PageHead title="Explorer">
        <LogStoreField logStores={logStores} chosen={logStore} />
        <TimeField />
        <button type="button" class="quiet" onClick={open('history')}>History</button>
        <button type="button" class="quiet" onClick={open('saved')}>Saved</button>
        {mayChange.value && <button type="button" class="quiet" onClick={open('save')}>Save</button>}
        <button type="button" class="quiet" onClick={open('export')}>Export</button>
      </PageHead>
      <div class="query-line">
        <QueryField question={question} text={written.value} given={given.value} mistake={written.value === query ? problem?.document.position ?? null : null} onChange={(text) => { written.value = text; }} onRun={() => run()} />
        <button type="button" class="primary" onClick={() => run()} title="Ctrl-Enter">Run</button>
      </div>
      {problem && <QueryProblem problem={problem} query={query} onRetry={() => { turn.value++; }} />}
      {!isTail && !problem?.document.position && <HistogramSection question={question} />}
      {isSelect
        ? <SelectSection question={question} answer={answer} isLoading={select.isLoading} />
        : <RecordsSection
          question={question} fields={fields} found={found} tail={isTail ? tail : null} onFields={open('fields')}
          onOpen={(opened) => setParameters({ record: recordSearch(opened) }, {})} onTerm={(term) => run(withTerm(query, term))}
        />}
      {record !== null && record !== '' && <RecordPanel key={record} logStore={logStore} search={record} onClose={() => setParameters({ record: null }, {})} />}
      {panel.value === 'history' && <HistoryDialog onClose={close} />}
      {panel.value === 'saved' && <SavedList question={question} onClose={close} />}
      {panel.value === 'save' && <SaveDialog question={{ ...question, query: written.value }} chart={shownChart(answer)} savedId={parameter('saved')} onClose={close} />}
      {panel.value === 'export' && <ExportDialog question={question} fields={fields} isSelect={isSelect} onClose={close} />}
      {panel.value === 'fields' && <FieldsDialog fields={fields} onClose={close} />}
    </>
  );
}

function shownChart(answer: SelectRows | null): ChartKind {
  return answer ? chartFor(answer, parameter('chart')) : 'table';
}
