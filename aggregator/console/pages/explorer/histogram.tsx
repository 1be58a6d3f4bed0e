import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { parameter, setParameters } from '../../state/address.ts';
import { bytesText, numberText } from '../../ui/numbers.ts';
import { Table } from '../../ui/table.tsx';
import { clockText, dayText, Time, timeText } from '../../ui/time.tsx';
import { MEASURES, partsOf, type Bucket, type Histogram as Data, type Measure } from './histogram-data.ts';

const HEIGHT = 100;
const TICKS = 5;

export function addressMeasure(): Measure {
  return MEASURES.find((measure) => measure === parameter('measure')) ?? 'records';
}

function amountText(measure: Measure, value: number): string {
  return measure === 'bytes' ? bytesText(value) : numberText(value);
}

/** Counts over time, stacked by action. Dragging over it, or Shift with the arrow keys and Enter, makes that part the range. */
export function Histogram({ data, measure }: { data: Data; measure: Measure }) {
  const { buckets } = data;
  const plot = useRef<HTMLDivElement>(null);
  const cursor = useSignal<number | null>(null);
  const anchor = useSignal<number | null>(null);
  const isDragging = useRef(false);
  const most = Math.max(1, ...buckets.map((bucket) => bucket[measure]));
  const last = buckets.length - 1;
  const at = cursor.value === null ? null : Math.min(cursor.value, last);
  const chosen = at === null ? null : [Math.min(at, anchor.value ?? at), Math.max(at, Math.min(anchor.value ?? at, last))] as const;

  const bucketAt = (event: PointerEvent): number => {
    const box = plot.current!.getBoundingClientRect();
    return Math.max(0, Math.min(last, Math.floor((event.clientX - box.left) / box.width * buckets.length)));
  };
  const zoom = (): void => {
    if (!chosen) return;
    setParameters({ from: String(buckets[chosen[0]]!.start), to: String(buckets[chosen[1]]!.end), record: null, tail: null }, {});
    cursor.value = anchor.value = null;
  };
  const onPointerDown = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    plot.current!.setPointerCapture(event.pointerId);
    isDragging.current = true;
    cursor.value = anchor.value = bucketAt(event);
  };
  const onPointerUp = (): void => {
    if (!isDragging.current) return;
    isDragging.current = false;
    zoom();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -last, End: last };
    const step = steps[event.key];
    if (step !== undefined) {
      const before = at ?? (step > 0 ? -1 : last + 1);
      if (!event.shiftKey) anchor.value = null;
      else anchor.value ??= Math.max(0, before);
      cursor.value = Math.max(0, Math.min(last, before + step));
    } else if (event.key === 'Enter' && !event.ctrlKey) zoom();
    else if (event.key === 'Escape' && at !== null) cursor.value = anchor.value = null;
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  if (buckets.length === 0) return null;
  const text = chosen ? spanText(buckets.slice(chosen[0], chosen[1] + 1), measure) : `${timeText(buckets[0]!.start * 1000)} to ${timeText(buckets[last]!.end * 1000)}`;
  return (
    <div class="histogram">
      <p class="readout" aria-live="polite">{text}</p>
      <div class="plot-row">
        <Scale most={most} measure={measure} />
        <div
          class="plot" ref={plot} tabIndex={0} role="slider" aria-label={`${measure} over time: arrow keys move, with Shift they select, Enter zooms`}
          aria-valuemin={0} aria-valuemax={last} aria-valuenow={at ?? 0} aria-valuetext={text}
          onKeyDown={onKeyDown} onPointerDown={onPointerDown} onPointerUp={onPointerUp}
          onPointerMove={(event) => { cursor.value = bucketAt(event); if (!isDragging.current) anchor.value = null; }}
          onPointerLeave={() => { if (!isDragging.current) cursor.value = anchor.value = null; }}
          onPointerCancel={() => { isDragging.current = false; cursor.value = anchor.value = null; }}
        >
          {linesOf(most, measure).map((value) => <div key={value} class="line" style={{ bottom: `${value / most * 100}%` }} />)}
          <Bars data={data} measure={measure} most={most} />
          {chosen && <div class="chosen" style={{ left: `${chosen[0] / buckets.length * 100}%`, width: `${(chosen[1] - chosen[0] + 1) / buckets.length * 100}%` }} />}
        </div>
      </div>
      <Ticks buckets={buckets} />
    </div>
  );
}

/** Amounts at which lines are drawn: round, and two or three of them. */
function linesOf(most: number, measure: Measure): number[] {
  const base = measure === 'bytes' ? 1024 ** Math.floor(Math.log2(most) / 10) : 10 ** Math.floor(Math.log10(most));
  const step = [0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500].map((factor) => factor * base).find((candidate) => candidate >= 1 && most / candidate <= 3.2 && Number.isInteger(candidate)) ?? most;
  return Array.from({ length: Math.floor(most / step) }, (_, at) => (at + 1) * step);
}

function Scale({ most, measure }: { most: number; measure: Measure }) {
  return <div class="scale" aria-hidden="true">{linesOf(most, measure).map((value) => <span key={value} style={{ bottom: `${value / most * 100}%` }}>{shortText(measure, value)}</span>)}<span style={{ bottom: '0' }}>0</span></div>;
}

const COMPACT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

function shortText(measure: Measure, value: number): string {
  return measure === 'bytes' ? bytesText(value).replace('.0 ', ' ') : COMPACT.format(value);
}

function Bars({ data: { buckets }, measure, most }: { data: Data; measure: Measure; most: number }) {
  return (
    <svg viewBox={`0 0 ${buckets.length} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {buckets.map((bucket, at) => {
        const { accept, reject, none } = partsOf(bucket, measure);
        let top = HEIGHT;
        // a bucket with something in it is seen, however little it is
        const heights = ([['accept', accept], ['reject', reject], ['none', none]] as const).map(([kind, value]) => [kind, value === 0 ? 0 : Math.max(1.5, value / most * HEIGHT)] as const);
        const scale = Math.min(1, HEIGHT / heights.reduce((sum, [, height]) => sum + height, 0));
        return heights.map(([kind, height]) => {
          if (height === 0) return null;
          top -= height * scale;
          return <rect key={`${at}${kind}`} class={`part-${kind}`} x={at + 0.06} width={0.88} y={top} height={height * scale} />;
        });
      })}
    </svg>
  );
}

function Ticks({ buckets }: { buckets: readonly Bucket[] }) {
  const every = Math.max(1, Math.ceil(buckets.length / TICKS));
  const spansDays = dayText(buckets[0]!.start * 1000) !== dayText(buckets.at(-1)!.start * 1000);
  return (
    <div class="ticks" aria-hidden="true">
      {buckets.filter((_bucket, at) => at % every === 0).map(({ start }, at) => (
        <span key={start} style={{ left: `${at * every / buckets.length * 100}%` }}>{spansDays ? `${dayText(start * 1000).slice(5)} ` : ''}{clockText(start * 1000).slice(0, 5)}</span>
      ))}
    </div>
  );
}

function spanText(buckets: readonly Bucket[], measure: Measure): string {
  const sum = { accept: 0, reject: 0, none: 0 };
  for (const bucket of buckets) {
    const parts = partsOf(bucket, measure);
    sum.accept += parts.accept;
    sum.reject += parts.reject;
    sum.none += parts.none;
  }
  const end = buckets.at(-1)!.end * 1000;
  const start = buckets[0]!.start * 1000;
  return `${timeText(start)} to ${dayText(start) === dayText(end) ? clockText(end) : timeText(end)}: ${amountText(measure, sum.accept)} accepted, ${amountText(measure, sum.reject)} rejected${sum.none > 0 ? `, ${amountText(measure, sum.none)} without a verdict` : ''}`;
}

/** The same as numbers. */
export function HistogramTable({ data, measure }: { data: Data; measure: Measure }) {
  const column = (key: 'accept' | 'reject' | 'none', title: string) => ({ key, title, isNumber: true, cell: (bucket: Bucket) => amountText(measure, partsOf(bucket, measure)[key]) });
  return (
    <Table
      label="Counts over time" rows={data.buckets.filter((bucket) => bucket.records > 0)} rowKey={({ start }) => String(start)} empty="Nothing in this range."
      columns={[{ key: 'start', title: 'From', cell: ({ start }) => <Time at={start} /> }, column('accept', 'Accepted'), column('reject', 'Rejected'), column('none', 'Without a verdict')]}
    />
  );
}
