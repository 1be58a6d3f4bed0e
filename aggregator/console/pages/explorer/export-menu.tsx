import { useSignal } from '@preact/signals';
import { ApiProblem, send } from '../../api/client.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { Notice, ProblemNotice } from '../../ui/notice.tsx';
import { numberText } from '../../ui/numbers.ts';
import { Choice } from '../../ui/choice.tsx';
import { rangeOf, type Question } from './question.ts';

const FORMATS = [['csv', 'CSV'], ['json', 'JSON'], ['parquet', 'Parquet']] as const;
type Format = (typeof FORMATS)[number][0];
/** What an answer may have; Parquet takes what the collector gives unasked. */
const MAX_ROWS = 100_000;

/** Saves the whole answer as a file. */
export function ExportDialog({ question, fields, isSelect, onClose }: { question: Question; fields: readonly string[]; isSelect: boolean; onClose: () => void }) {
  const format = useSignal<Format>('csv');
  const hasAllFields = useSignal(false);
  const problem = useSignal<ApiProblem | null>(null);
  const isBusy = useSignal(false);
  const saved = useSignal<{ rows: number; isCut: boolean } | null>(null);
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    isBusy.value = true;
    problem.value = saved.value = null;
    try {
      saved.value = await download(question, format.value, hasAllFields.value ? 'all' : fields.join(','), isSelect);
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      problem.value = error;
    }
    isBusy.value = false;
  };
  return (
    <Dialog title="Export" onClose={onClose}>
      <form class="form" onSubmit={(event) => void save(event)}>
        <Choice<Format> label="Format" value={format.value} options={FORMATS} onChange={(value) => { format.value = value; saved.value = null; }} />
        {!isSelect && <label class="check"><input type="checkbox" checked={hasAllFields.value} onChange={(event) => { hasAllFields.value = event.currentTarget.checked; }} /><span>All fields, not only those that are shown</span></label>}
        {format.value !== 'parquet' && <p class="hint">{numberText(MAX_ROWS)} rows at most; Parquet takes a hundred times as many.</p>}
        {problem.value && <ProblemNotice problem={problem.value} />}
        {saved.value && <Notice kind={saved.value.isCut ? 'warning' : 'info'} title={`${numberText(saved.value.rows)} rows saved`}>{saved.value.isCut ? 'There are more: make the range shorter, or take Parquet.' : 'That is all of them.'}</Notice>}
        <div class="actions">
          <button type="button" onClick={onClose}>Close</button>
          <button type="submit" class="primary" disabled={isBusy.value}>{isBusy.value ? 'Exporting …' : 'Export'}</button>
        </div>
      </form>
    </Dialog>
  );
}

async function download(question: Question, format: Format, fields: string, isSelect: boolean): Promise<{ rows: number; isCut: boolean }> {
  const { from, to } = rangeOf(question);
  const { logStore, query } = question;
  const response = await send('POST', `/v1/logstores/${encodeURIComponent(logStore)}/query`, {
    body: { query, from, ...(to === null ? {} : { to }), format, ...(isSelect ? {} : { fields, order: 'newest' }), ...(format === 'parquet' ? {} : { limit: MAX_ROWS }) },
  });
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = address;
  link.download = `${logStore}.${format}`;
  link.click();
  // the browser has taken it by then
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  return { rows: Number(response.headers.get('weir-rows') ?? 0), isCut: response.headers.get('weir-truncated') === 'true' };
}
