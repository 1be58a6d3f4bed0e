import { parameter, setParameters } from '../../state/address.ts';
import { Notice } from '../../ui/notice.tsx';
import { counted, numberText } from '../../ui/numbers.ts';
import { AnswerLine } from './explorer-parts.tsx';
import type { Tail } from './live-tail.ts';
import type { Question, FlowRecord } from './question.ts';
import { RecordGrid } from './record-grid.tsx';
import type { RecordRows } from './record-list.ts';
import { MAX_RECORDS, type PagesState } from './record-pages.ts';

/** The records of a search, or those that come now. */
export function RecordsSection({ question, fields, found, tail, onFields, onOpen, onTerm }: {
  question: Question; fields: readonly string[]; found: PagesState; tail: Tail | null;
  onFields: () => void; onOpen: (record: FlowRecord) => void; onTerm: (term: string) => void;
}) {
  const { pages } = found;
  const version = tail ? tail.version : pages?.version.value ?? 0;
  const records: RecordRows = tail ? tail.records : pages?.records ?? [];
  const isEnd = tail !== null || (pages?.isEnd ?? true);
  const first = tail ? tail.answer : pages?.first ?? null;
  const isFollowing = parameter('tail') === '1';
  const count = tail ? `following, ${counted(records.length, 'record')} so far` : isEnd ? counted(records.length, 'record') : `the newest ${numberText(records.length)} records`;
  return (
    <section class={`records-section${found.isLoading && !tail ? ' loading' : ''}`} aria-label="Records" aria-busy={found.isLoading}>
      <div class="row between">
        {first ? <AnswerLine question={question} summary={first.completeness} count={count} answer={tail ? null : first} /> : <p class="muted">{found.isLoading || tail ? 'Searching …' : ''}</p>}
        <div class="row">
          <label class="check"><input type="checkbox" checked={isFollowing} onChange={(event) => setParameters({ tail: event.currentTarget.checked ? '1' : null })} /><span>Follow</span></label>
          <button type="button" class="small" onClick={onFields}>Fields</button>
        </div>
      </div>
      {records.length > 0 && <RecordGrid records={records} version={version} fields={fields} isEnd={isEnd} onReach={(last) => { if (pages?.isNear(last)) void pages.more(); }} onOpen={onOpen} onTerm={onTerm} />}
      {pages?.problem && <Notice kind="error" title="The records further down cannot be had" action={<button type="button" onClick={() => void pages.more()}>Try again</button>}>{pages.problem.message}</Notice>}
      {records.length >= MAX_RECORDS && <p class="muted">These are the newest {numberText(MAX_RECORDS)}; a shorter range or a narrower search shows others.</p>}
      {first && records.length === 0 && <Notice kind="info" title={tail ? 'Nothing yet' : 'No record fits'}>{tail ? 'Records appear when their window has been published.' : <Suggestion question={question} />}</Notice>}
    </section>
  );
}

function Suggestion({ question: { from, to } }: { question: Question }) {
  return from === '0' && to === null ? <>The LogStore has no record that the search finds.</> : <>Not in this range. <button type="button" class="small" onClick={() => setParameters({ from: '0', to: null }, {})}>Search all time</button></>;
}
