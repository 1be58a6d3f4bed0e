import type { CompletenessSummary, LogStore } from '../../api/answers.ts';
import type { ApiProblem } from '../../api/client.ts';
import { setParameters } from '../../state/address.ts';
import { ProblemNotice } from '../../ui/notice.tsx';
import { bytesText, counted, numberText } from '../../ui/numbers.ts';
import { visible } from '../../ui/text.tsx';
import { CompletenessLine } from './completeness-line.tsx';
import type { Question, QueryRecords } from './question.ts';

export function LogStoreField({ logStores, chosen }: { logStores: readonly LogStore[]; chosen: string }) {
  return (
    <label class="logstore-field">
      <span class="unseen">LogStore</span>
      <select value={chosen} onChange={(event) => setParameters({ logstore: event.currentTarget.value, record: null, saved: null }, {})}>
        {!logStores.some(({ name }) => name === chosen) && <option value={chosen}>{visible(chosen)}</option>}
        {logStores.map(({ name, search }) => <option key={name} value={name}>{visible(name)}{search ? '' : ' (no search)'}</option>)}
      </select>
    </label>
  );
}

const BEFORE = 40;
const BEHIND = 24;

/** What is wrong with a query, and where. */
export function QueryProblem({ problem, query, onRetry }: { problem: ApiProblem; query: string; onRetry: () => void }) {
  const { position } = problem.document;
  if (!position) return problem.status === 503 || problem.status === 0 ? <ProblemNotice problem={problem} onRetry={onRetry} /> : <ProblemNotice problem={problem} />;
  const { offset } = position;
  const from = Math.max(0, offset - BEFORE);
  return (
    <div class="notice error" role="alert">
      <strong>{visible(problem.document.detail).slice(0, 2000)}</strong>
      <code class="where">{from > 0 && '…'}{visible(query.slice(from, offset))}<mark>{visible(query.slice(offset, offset + 1)) || ' '}</mark>{visible(query.slice(offset + 1, offset + BEHIND))}{offset + BEHIND < query.length && '…'}</code>
    </div>
  );
}

/** What stands beside every answer. */
export function AnswerLine({ question, summary, count, answer }: {
  question: Question; summary: CompletenessSummary; count: string; answer: Pick<QueryRecords, 'elapsedMs' | 'scanned'> | null;
}) {
  return (
    <p class="answer-line" role="status">
      <CompletenessLine summary={summary} logStore={question.logStore} from={question.from} to={question.to} />
      <span>{count}</span>
      {answer && <span class="muted" title={`${counted(answer.scanned.files, 'file')}, ${bytesText(answer.scanned.bytes)}`}>{numberText(Math.round(answer.elapsedMs))} ms over {counted(answer.scanned.rows, 'record')}</span>}
    </p>
  );
}
