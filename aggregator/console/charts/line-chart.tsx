import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { theme, timeZone } from '../state/preference.ts';
import { visible } from '../ui/text.tsx';
import { clockText, dayText, timeText } from '../ui/time.tsx';
import { chartSummary, type LineProps } from './chart.tsx';
import { pickOf, type Picking } from './pick.ts';
import { shapeOf } from './result-shape.ts';
import { stepOf, timeSeriesOf, type Series, type TimeSeries } from './time-series.ts';
import { amountText } from './value-text.ts';

const HEIGHT = 240;
const SERIES = 8;
const MAX_NAME = 60;
/** Pixels: less is a click. */
const MIN_DRAG = 4;
/** Round amounts of bytes are powers of two. */
const BYTE_STEPS = Array.from({ length: 60 }, (_, power) => 2 ** power);

/** Lines over time. Arrow keys move from point to point, and what stands there is said in words below; what is drawn over, or chosen with Shift, can be made the range. */
export function LineChart({ label, result, picking, previous }: LineProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const anchor = useRef<number | null>(null);
  const latest = useRef(picking);
  latest.current = picking;
  const data = timeSeriesOf(result, previous?.result ?? null, previous?.seconds ?? 0);
  const [isDark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const media = matchMedia('(prefers-color-scheme: dark)');
    const look = (): void => setDark(media.matches);
    media.addEventListener('change', look);
    return () => media.removeEventListener('change', look);
  }, []);
  const zone = timeZone.value;
  const scheme = theme.value;
  useEffect(() => {
    const element = frame.current!;
    const zoom = latest.current && ((from: number, to: number): void => latest.current?.onTime(from, to));
    const made = new uPlot(optionsOf(element, data, setAt, zoom), [data.times, ...data.series.map(({ values }) => values)] as uPlot.AlignedData, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [result, previous, scheme, isDark, zone]);
  const timeColumn = shapeOf(result).time;
  const pickTime = (box: DOMRect): void => {
    const time = at === null ? undefined : data.times[at];
    if (time === undefined || timeColumn === null) return;
    const pick = pickOf(picking, timeText(time * 1000), [[timeColumn, new Date(time * 1000).toISOString()]]);
    if (pick) picking!.onPick(pick, box);
  };
  const pressedAt = useRef(0);
  // a press that moved was a drag
  const onClick = (event: MouseEvent): void => { if (Math.abs(event.clientX - pressedAt.current) < MIN_DRAG) pickTime(new DOMRect(event.clientX, event.clientY, 0, 0)); };
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, Home: -data.times.length, End: data.times.length };
    const step = steps[event.key];
    const made = plot.current;
    if (!made) return;
    if (event.key === 'Enter' && !event.ctrlKey && picking && at !== null) {
      if (anchor.current === null) pickTime(new DOMRect(frame.current!.getBoundingClientRect().left + (made.cursor.left ?? 0), frame.current!.getBoundingClientRect().top, 0, HEIGHT / 2));
      else zoomTo(picking, data.times, anchor.current, at);
    }
    else if (step === undefined) return;
    else {
      const next = Math.max(0, Math.min(data.times.length - 1, (at ?? (step > 0 ? -1 : data.times.length)) + step));
      anchor.current = event.shiftKey && picking ? anchor.current ?? at ?? next : null;
      const place = (index: number): number => made.valToPos(data.times[index]!, 'x');
      const ends = [place(anchor.current ?? next), place(next)].sort((a, b) => a - b) as [number, number];
      made.setSelect({ left: ends[0], width: ends[1] - ends[0], top: 0, height: made.bbox.height / devicePixelRatio }, false);
      made.setCursor({ left: place(next), top: 0 });
    }
    event.preventDefault();
  };
  return (
    <div class="line-chart">
      <div ref={frame} class="line-plot" tabIndex={0} role="img" aria-label={chartSummary(label, result)} onKeyDown={onKeyDown} onClick={onClick} onPointerDown={(event) => { pressedAt.current = event.clientX; }} />
      <Legend data={data} at={at} canZoom={picking !== undefined} />
    </div>
  );
}

/** Whole points, the last one with all of its time. */
function zoomTo(picking: Picking, times: readonly number[], first: number, second: number): void {
  const [from, last] = [Math.min(first, second), Math.max(first, second)];
  const step = stepOf(times);
  if (step !== null) picking.onTime(times[from]!, times[last]! + step);
}

function Legend({ data: { times, series, leftOut }, at, canZoom }: { data: TimeSeries; at: number | null; canZoom: boolean }) {
  const time = at === null ? undefined : times[at];
  return (
    <div class="legend" aria-live="polite">
      <span class="time">{time === undefined ? (canZoom ? 'Point for values, drag to zoom' : 'Point for values') : timeText(time * 1000)}</span>
      {series.map((line, index) => (
        <span key={line.name} class={line.isPrevious ? 'previous' : undefined}>
          <span class={`swatch ${toneOf(line, index, series)}`} aria-hidden="true" /><bdi>{visible(line.name).slice(0, MAX_NAME)}</bdi>{at !== null && <strong>{amountText(line.name, line.values[at])}</strong>}
        </span>
      ))}
      {leftOut > 0 && <span class="muted">{leftOut} smaller ones are in the table</span>}
    </div>
  );
}

/** The class of a line's colour; the period before has that of its line. */
function toneOf({ name, isPrevious }: Series, index: number, series: readonly Series[]): string {
  const own = isPrevious ? series.findIndex((other) => !other.isPrevious && `${other.name}, before` === name) : index;
  const base = series[own]?.name ?? name;
  if (/^accept(?:ed)?\b/i.test(base)) return 'series-accepted';
  if (/^reject(?:ed|ions)?\b/i.test(base)) return 'series-rejected';
  return `series-${Math.max(0, own) % SERIES + 1}`;
}

function optionsOf(element: HTMLElement, data: TimeSeries, onCursor: (at: number | null) => void, onTime: ((from: number, to: number) => void) | undefined): uPlot.Options {
  const style = getComputedStyle(element);
  const font = `12px ${style.fontFamily}`;
  const colour = colours(element);
  const axis = { stroke: colour('muted-ink'), font, grid: { stroke: colour('line-ink'), width: 1 }, ticks: { stroke: colour('line-ink'), width: 1 } };
  const spansDays = data.times.length > 1 && data.times.at(-1)! - data.times[0]! > 86_400;
  const isBytes = data.series.every(({ name }) => /bytes/i.test(name));
  return {
    width: Math.max(100, element.clientWidth), height: HEIGHT, legend: { show: false },
    tzDate: (seconds) => (timeZone.peek() === 'UTC' ? uPlot.tzDate(new Date(seconds * 1000), 'UTC') : new Date(seconds * 1000)),
    cursor: { y: false, drag: { x: onTime !== undefined, y: false, setScale: false }, points: { size: 7 } },
    scales: { x: { time: true }, y: { range: (_plot, least, most) => [Math.min(0, least ?? 0), (most ?? 0) > 0 ? most * 1.06 : 1] } },
    series: [{}, ...data.series.map((line, index): uPlot.Series => {
      const stroke = colour(toneOf(line, index, data.series));
      return {
        label: line.name, stroke, width: line.isPrevious ? 1.5 : 2, spanGaps: true, ...(line.isPrevious ? { dash: [5, 4] } : {}),
        points: { show: data.times.length < 40, size: 5, fill: stroke },
      };
    })],
    axes: [
      { ...axis, space: 74, values: (_plot, splits) => splits.map((seconds) => (spansDays ? `${dayText(seconds * 1000).slice(5)} ${clockText(seconds * 1000).slice(0, 5)}` : clockText(seconds * 1000).slice(0, data.times.at(-1)! - data.times[0]! < 600 ? 8 : 5))), size: 34 },
      { ...axis, size: 66, ...(isBytes ? { incrs: BYTE_STEPS } : {}), values: (_plot, splits) => splits.map((value) => (isBytes ? amountText('bytes', value) : shortNumber(value))) },
    ],
    hooks: {
      setCursor: [({ cursor }) => onCursor(cursor.idx ?? null)],
      setSelect: [(plot) => {
        const { left, width } = plot.select;
        if (width < MIN_DRAG) return;
        const from = Math.floor(plot.posToVal(left, 'x'));
        plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        onTime?.(from, Math.max(from + 1, Math.ceil(plot.posToVal(left + width, 'x'))));
      }],
    },
  };
}

const COMPACT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

function shortNumber(value: number): string {
  return COMPACT.format(value);
}

/** Colours of classes as the canvas takes them: custom properties mean nothing to it. */
function colours(element: HTMLElement): (name: string) => string {
  const probe = element.appendChild(document.createElement('i'));
  const found = new Map<string, string>();
  queueMicrotask(() => probe.remove());
  return (name) => {
    let colour = found.get(name);
    if (colour === undefined) {
      probe.className = name;
      found.set(name, colour = getComputedStyle(probe).color);
    }
    return colour;
  };
}
