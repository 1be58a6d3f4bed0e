import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { QueryEditor } from '../../query-editor/query-editor.ts';
import type { ProblemDocument } from '../../api/client.ts';
import { usualValues } from './field-values.ts';
import type { Question } from './question.ts';

const HINT = 'action:REJECT dstport:22 | SELECT srcaddr, count(*) GROUP BY 1';

/** The query line. A plain input until the editor has come. `given` is a new object whenever another text is to stand there than what was typed. */
export function QueryField({ question, text, given, mistake, onChange, onRun }: {
  question: Question; text: string; given: { readonly text: string }; mistake: ProblemDocument['position'] | null; onChange: (text: string) => void; onRun: () => void;
}) {
  const host = useRef<HTMLDivElement>(null);
  const plain = useRef<HTMLInputElement>(null);
  const editor = useRef<QueryEditor | null>(null);
  const isReady = useSignal(false);
  const latest = useRef({ question, text, onChange, onRun });
  latest.current = { question, text, onChange, onRun };
  useEffect(() => {
    let isGone = false;
    void import('../../query-editor/query-editor.ts').then(({ openQueryEditor }) => {
      if (isGone) return;
      const hadFocus = document.activeElement === plain.current;
      editor.current = openQueryEditor(host.current!, {
        text: latest.current.text, label: 'Query', hint: HINT,
        onChange: (changed) => latest.current.onChange(changed), onRun: () => latest.current.onRun(),
        valuesOf: (field) => usualValues(latest.current.question, field),
      });
      isReady.value = true;
      if (hadFocus) editor.current.focus();
    }, () => { /* the plain input does it too */ });
    return () => {
      isGone = true;
      editor.current?.destroy();
      editor.current = null;
    };
  }, []);
  // not by `text`: that is what was typed some moments ago, and more may have been typed since
  useEffect(() => { editor.current?.setText(given.text); }, [given]);
  useEffect(() => { editor.current?.setMistake(mistake?.offset ?? null); }, [mistake, isReady.value]);
  return (
    <div class="query-field">
      {!isReady.value && (
        <input
          ref={plain} data-search class="mono" aria-label="Query" placeholder={HINT} value={text} spellcheck={false} autocomplete="off"
          onInput={(event) => onChange(event.currentTarget.value)} onKeyDown={(event) => { if (event.key === 'Enter') { event.preventDefault(); onRun(); } }}
        />
      )}
      {/* keys that are typed here are no shortcuts of the page: the event seems to come from the host, which is no field */}
      <div ref={host} data-search={isReady.value ? '' : undefined} hidden={!isReady.value} onKeyDown={(event) => { if (!(event.ctrlKey || event.metaKey) || event.key === 'Enter') event.stopPropagation(); }} />
    </div>
  );
}
