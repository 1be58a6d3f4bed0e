import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Notice } from '../ui/notice.tsx';
import { numberText } from '../ui/numbers.ts';
import { BarChart } from './bar-chart.tsx';
import { NumberChart } from './number-chart.tsx';
import type { Picking } from './pick.ts';
import { PieChart } from './pie-chart.tsx';
import { ResultTable } from './result-table.tsx';
import { chartFor, shapeOf, type ChartKind, type Result } from './result-shape.ts';
import './charts.css';

export interface ChartProps {
  readonly label: string;
  readonly result: Result;
  /** Left out: the chart is only looked at. */
  readonly picking?: Picking | undefined;
}

export interface Period {
  readonly result: Result;
  /** By how much it lies before. */
  readonly seconds: number;
}

export interface LineProps extends ChartProps {
  readonly previous: Period | null;
}

/** What needs a library comes when it is first drawn. */
const LAZY = {
  line: () => import('./line-chart.tsx').then(({ LineChart }) => LineChart),
  sankey: () => import('./sankey-chart.tsx').then(({ SankeyChart }) => SankeyChart as ComponentType<LineProps>),
};
const loaded = new Map<keyof typeof LAZY, ComponentType<LineProps>>();

/** The answer of a SELECT; as a table where it cannot be shown in the way that was chosen. */
export function Chart({ label, result, kind, picking, previous = null }: ChartProps & { kind: ChartKind | null; previous?: Period | null }) {
  const shown = chartFor(result, kind);
  if (result.rows.length === 0) return <p class="nothing muted">No rows.</p>;
  switch (shown) {
    case 'table': return <ResultTable label={label} result={result} picking={picking} />;
    case 'number': return <NumberChart label={label} result={result} />;
    case 'bar': return <BarChart label={label} result={result} picking={picking} />;
    case 'pie': return <PieChart label={label} result={result} picking={picking} />;
    case 'line':
    case 'sankey': return <LazyChart kind={shown} label={label} result={result} picking={picking} previous={previous} />;
  }
}

function LazyChart({ kind, ...props }: LineProps & { kind: keyof typeof LAZY }) {
  const [state, setState] = useState<'loading' | 'ready' | 'failed'>(loaded.has(kind) ? 'ready' : 'loading');
  useEffect(() => {
    let isGone = false;
    void LAZY[kind]().then((component) => {
      loaded.set(kind, component);
      if (!isGone) setState('ready');
    }, () => { if (!isGone) setState('failed'); });
    return () => { isGone = true; };
  }, [kind]);
  const Loaded = loaded.get(kind);
  if (Loaded) return <Loaded {...props} />;
  return state === 'failed' ? <Notice kind="error" title="The chart cannot be loaded">Loading the page again may help.</Notice> : <div class="chart-space" />;
}

/** What a reader of the page hears of a chart; the table has the rest. */
export function chartSummary(label: string, result: Result): string {
  const { measures } = shapeOf(result);
  return `${label}: ${numberText(result.rows.length)} ${result.rows.length === 1 ? 'row' : 'rows'} of ${measures.map((at) => result.columns[at]!.name).join(', ')}. The table has the values.`;
}
