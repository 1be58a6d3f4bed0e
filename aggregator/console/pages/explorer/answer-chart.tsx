import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { Chart, type Period } from '../../charts/chart.tsx';
import type { Pick, Picking } from '../../charts/pick.ts';
import { shapeOf, type ChartKind, type Result } from '../../charts/result-shape.ts';
import { go, setParameters } from '../../state/address.ts';
import { Menu, type MenuItem } from '../../ui/menu.tsx';
import { visible } from '../../ui/text.tsx';
import { searchableColumns, searchFor, timeStep } from './pick-terms.ts';
import { negated, splitQuery, together, withTerm } from './query-terms.ts';
import { explorerAddress, type Question } from './question.ts';

/** The explorer with what a mark is made of, where its columns alone do not say it. */
export type Drill = (pick: Pick, result: Result) => string | null;

const SHOWN = 80;

/** The answer of a SELECT as a chart, whose marks lead to their records, or narrow the question. */
export function AnswerChart({ label, result, kind, question, previous = null, drill }: {
  label: string; result: Result; kind: ChartKind | null; question: Question; previous?: Period | null; drill?: Drill | undefined;
}) {
  const picked = useSignal<{ readonly pick: Pick; readonly box: DOMRect; readonly from: Element | null } | null>(null);
  const picking = useMemo((): Picking => {
    const { dimensions, time } = shapeOf(result);
    const columns = new Set(drill ? dimensions : searchableColumns(question.query, result).keys());
    if (time !== null && timeStep(result) !== null) columns.add(time);
    return {
      columns, onPick: (pick, box) => { picked.value = { pick, box, from: document.activeElement }; },
      onTime: (from, to) => setParameters({ from: String(from), to: String(to) }, {}),
    };
  }, [result, question.query, drill]);
  const close = (): void => {
    const from = picked.value?.from;
    picked.value = null;
    if (from instanceof HTMLElement || from instanceof SVGElement) from.focus({ preventScroll: true });
  };
  return (
    <>
      <Chart label={label} result={result} kind={kind} previous={previous} picking={picking} />
      {picked.value && (
        <Menu
          label={visible(picked.value.pick.label).slice(0, SHOWN)} head={<bdi class="mono">{visible(picked.value.pick.label).slice(0, SHOWN)}</bdi>} box={picked.value.box} onClose={close}
          items={itemsOf(picked.value.pick, result, kind, question, drill)}
        />
      )}
    </>
  );
}

function itemsOf(pick: Pick, result: Result, kind: ChartKind | null, question: Question, drill: Drill | undefined): MenuItem[] {
  const drilled = drill?.(pick, result) ?? null;
  if (drilled !== null) return [{ text: 'Show what it is made of', run: () => go(drilled) }];
  const found = searchFor(pick, question.query, result);
  const { terms, range } = found ?? { terms: [], range: null };
  const { search } = splitQuery(question.query);
  const asked = range ? { ...question, from: String(range.from), to: String(range.to) } : question;
  const narrowed = (query: string): void => go(explorerAddress({ ...asked, query }, { chart: kind }));
  const all = (query: string): string => terms.reduce(withTerm, query);
  const items: MenuItem[] = [{ text: 'Show the records', run: () => go(explorerAddress({ ...asked, query: all(search).trim() })), isDisabled: found === null }];
  if (range) items.push({ text: 'Only this time', run: () => setParameters({ from: String(range.from), to: String(range.to) }, {}) });
  if (terms.length > 0) {
    items.push({ text: 'Only this, in the same chart', run: () => narrowed(all(question.query)) });
    items.push({ text: 'Without this', run: () => narrowed(withTerm(question.query, negated(together(terms)))) });
  }
  return items;
}
