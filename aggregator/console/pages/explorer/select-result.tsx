import type { Period } from '../../charts/chart.tsx';
import { CHART_TITLES, chartFor, possibleCharts, type ChartKind } from '../../charts/result-shape.ts';
import { useLoaded } from '../../api/loaded.ts';
import { parameter, setParameters } from '../../state/address.ts';
import { Choice } from '../../ui/choice.tsx';
import { Notice, ProblemNotice } from '../../ui/notice.tsx';
import { AnswerChart } from './answer-chart.tsx';
import { ask, rangeOf, turn, type Question, type SelectRows } from './question.ts';

/** The answer of a SELECT, as a table or in a chart that suits its columns. */
export function SelectResult({ question, answer }: { question: Question; answer: SelectRows }) {
  const chosen = parameter('chart');
  const kind = chartFor(answer, chosen);
  const options = possibleCharts(answer).map((chart) => [chart, CHART_TITLES[chart]] as const);
  const isCompared = kind === 'line' && parameter('compare') === '1';
  return (
    <section class="stack result" aria-label="Result">
      <div class="row">
        <Choice<ChartKind> label="Show as" showLabel={false} value={kind} options={options} onChange={(chart) => setParameters({ chart })} />
        {kind === 'line' && (
          <label class="check"><input type="checkbox" checked={isCompared} disabled={question.from === '0'} onChange={(event) => setParameters({ compare: event.currentTarget.checked ? '1' : null })} /><span>Period before{question.from === '0' ? ' (needs a range that begins)' : ''}</span></label>
        )}
      </div>
      {answer.truncated && <Notice kind="warning" title={`The first ${answer.rows.length} rows`}>There are more. A LIMIT in the statement says how many are wanted.</Notice>}
      {isCompared && question.from !== '0' ? <Compared question={question} answer={answer} /> : <div class="chart-frame"><AnswerChart label="Result" result={answer} kind={kind} question={question} /></div>}
    </section>
  );
}

/** With the answer to the same question about as long a time just before. */
function Compared({ question, answer }: { question: Question; answer: SelectRows }) {
  const { value, problem } = useLoaded(async (signal): Promise<Period> => {
    const { from, to } = rangeOf(question);
    const seconds = (to ?? Math.floor(Date.now() / 1000)) - from;
    return { seconds, result: await ask<SelectRows>(question.logStore, { query: question.query, from: Math.max(0, from - seconds), to: from }, signal) };
  }, [question.logStore, question.query, question.from, question.to, turn.value]);
  return (
    <>
      {problem && <ProblemNotice problem={problem} />}
      {value && value.result.rows.length === 0 && <p class="muted">Nothing in the period before.</p>}
      <div class="chart-frame"><AnswerChart label="Result" result={answer} kind="line" question={question} previous={value} /></div>
    </>
  );
}
