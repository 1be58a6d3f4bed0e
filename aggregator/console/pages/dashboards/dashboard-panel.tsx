import { useSignal } from '@preact/signals';
import { useLoaded } from '../../api/loaded.ts';
import { chartFor } from '../../charts/result-shape.ts';
import { addressOf } from '../../state/address.ts';
import { CompletenessMark } from '../../ui/completeness-mark.tsx';
import { ProblemNotice } from '../../ui/notice.tsx';
import { visible } from '../../ui/text.tsx';
import { AnswerChart } from '../explorer/answer-chart.tsx';
import { ask, rangeOf, type SelectRows } from '../explorer/question.ts';
import type { Panel } from './dashboard-list.ts';
import { inTurn } from './panel-queue.ts';

/** A question and its answer. `turn` goes up when it is to be asked again. */
export function DashboardPanel({ panel: { title, description, chart, question, address, drill }, turn }: { panel: Panel; turn: number }) {
  const asTable = useSignal(false);
  const { logStore, query, from, to } = question;
  const { value, problem, isLoading, reload } = useLoaded((signal) => inTurn(signal, () => ask<SelectRows>(logStore, { query, ...rangeOf(question) }, signal)), [logStore, query, from, to, turn]);
  // a saved search without a SELECT has records, which the explorer shows better
  const isRecords = value !== null && value.rows === undefined;
  const kind = value && !isRecords ? chartFor(value, chart) : chart;
  return (
    <section class={`panel panel-${kind}${isLoading && value ? ' loading' : ''}`} aria-label={visible(title)} aria-busy={isLoading}>
      <header>
        <div>
          <h2><a href={address} title="Open in the explorer">{visible(title)}</a></h2>
          {description !== '' && <p class="muted">{visible(description)}</p>}
        </div>
        {value && kind !== 'table' && !isRecords && <button type="button" class="quiet small" aria-pressed={asTable.value} onClick={() => { asTable.value = !asTable.value; }}>Table</button>}
      </header>
      {problem && <ProblemNotice problem={problem} onRetry={reload} />}
      {value && !problem && (isRecords ? <p class="muted">A search: <a href={address}>see the records</a></p> : <AnswerChart label={visible(title)} result={value} kind={asTable.value ? 'table' : kind} question={question} drill={drill} />)}
      {!value && !problem && <div class="panel-space" />}
      {value && <footer><a class="plain" href={addressOf('/completeness', { logstore: logStore, from, to })}><CompletenessMark summary={value.completeness} /></a>{value.truncated && <span class="muted">first {value.rows?.length} rows</span>}</footer>}
    </section>
  );
}
