import { counted } from '../../ui/numbers.ts';
import { AnswerLine } from './explorer-parts.tsx';
import type { Question, SelectRows } from './question.ts';
import { SelectResult } from './select-result.tsx';

export function SelectSection({ question, answer, isLoading }: { question: Question; answer: SelectRows | null; isLoading: boolean }) {
  return (
    <section class={`records-section${isLoading ? ' loading' : ''}`} aria-label="Answer" aria-busy={isLoading}>
      {answer ? <AnswerLine question={question} summary={answer.completeness} count={counted(answer.rows.length, 'row')} answer={answer} /> : <p class="muted">{isLoading ? 'Asking …' : ''}</p>}
      {answer && <SelectResult question={question} answer={answer} />}
    </section>
  );
}
