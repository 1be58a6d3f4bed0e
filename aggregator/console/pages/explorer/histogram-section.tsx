import { useSignal } from '@preact/signals';
import { useLoaded } from '../../api/loaded.ts';
import { setParameters } from '../../state/address.ts';
import { Choice } from '../../ui/choice.tsx';
import { ProblemNotice } from '../../ui/notice.tsx';
import { addressMeasure, Histogram, HistogramTable } from './histogram.tsx';
import { loadHistogram, MEASURES, type Measure } from './histogram-data.ts';
import { turn, type Question } from './question.ts';

const TITLES: Readonly<Record<Measure, string>> = { records: 'Records', packets: 'Packets', bytes: 'Bytes' };

export function HistogramSection({ question }: { question: Question }) {
  const { logStore, query, from, to } = question;
  const { value, problem, reload } = useLoaded((signal) => loadHistogram(question, signal), [logStore, query, from, to, turn.value]);
  const hasNumbers = useSignal(false);
  const measure = addressMeasure();
  const widen = (): void => {
    if (!value) return;
    const half = Math.ceil((value.range.to - value.range.from) / 2);
    const until = value.range.to + half;
    setParameters({ from: String(Math.max(0, value.range.from - half)), to: until >= Date.now() / 1000 ? null : String(until), record: null }, {});
  };
  return (
    <section class="histogram-section" aria-label="Over time">
      {/* what is wrong with the query is said by its answer */}
      {problem && problem.status !== 400 && <ProblemNotice problem={problem} onRetry={reload} />}
      {value && value.buckets.length > 0 && <Histogram data={value} measure={measure} />}
      {!value && <div class="histogram-space" />}
      <div class="row histogram-foot">
        <span class="key"><i class="swatch part-accept" />accepted <i class="swatch part-reject" />rejected <i class="swatch part-none" /><span title="NODATA and SKIPDATA">no verdict</span></span>
        <Choice<Measure> label="Count" showLabel={false} value={measure} options={MEASURES.map((name) => [name, TITLES[name]] as const)} onChange={(name) => setParameters({ measure: name === 'records' ? null : name })} />
        <button type="button" class="quiet small" disabled={!value || value.buckets.length === 0} onClick={widen}>Zoom out</button>
        <button type="button" class="quiet small" aria-expanded={hasNumbers.value} onClick={() => { hasNumbers.value = !hasNumbers.value; }}>{hasNumbers.value ? 'Hide the numbers' : 'As numbers'}</button>
      </div>
      {hasNumbers.value && value && <HistogramTable data={value} measure={measure} />}
    </section>
  );
}
