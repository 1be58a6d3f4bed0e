import { sankey, sankeyLinkHorizontal, type SankeyLink, type SankeyNode } from 'd3-sankey';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { visible } from '../ui/text.tsx';
import type { Value } from '../api/answers.ts';
import { chartSummary, type ChartProps } from './chart.tsx';
import { moveBetweenMarks } from './mark-keys.ts';
import { pickOf, type Pick } from './pick.ts';
import { numberOf, shapeOf, type Result } from './result-shape.ts';
import { amountText } from './value-text.ts';

/** `is` is what the column holds; d3 keeps the amount in `value`. */
interface Node { readonly id: string; readonly name: string; readonly level: number; readonly is: Value }
interface Link { readonly source: string; readonly target: string; readonly value: number }
type PlacedNode = SankeyNode<Node, Link>;
type PlacedLink = SankeyLink<Node, Link>;

const MAX_LINKS = 100;
const NODE_WIDTH = 10;
const NODE_PADDING = 9;
const ROW_HEIGHT = 22;
const MIN_HEIGHT = 180;
const SERIES = 8;

/** Amounts that flow from the values of one column to those of the next. A value that stands in two columns is two nodes, so nothing flows in circles. */
export function SankeyChart({ label, result, picking }: ChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => setWidth(Math.round(frame.current!.clientWidth)));
    observer.observe(frame.current!);
    return () => observer.disconnect();
  }, []);
  return <div class="sankey" ref={frame}>{width > 0 && <Drawn label={label} result={result} picking={picking} width={width} />}</div>;
}

function Drawn({ label, result, picking, width }: ChartProps & { width: number }) {
  const { nodes, links } = graphOf(result);
  if (links.length === 0) return <p class="muted">Nothing flows here.</p>;
  const measure = result.columns[shapeOf(result).measures[0]!]!.name;
  const levels = shapeOf(result).dimensions.length;
  const perLevel = Array.from({ length: levels }, (_, level) => nodes.filter(({ id }) => id.startsWith(`${level} `)).length);
  const height = Math.max(MIN_HEIGHT, Math.max(...perLevel) * ROW_HEIGHT);
  const labelWidth = Math.min(170, Math.max(64, (width - 80) / (levels + 1)));
  const graph = sankey<Node, Link>().nodeId(({ id }) => id).nodeWidth(NODE_WIDTH).nodePadding(Math.min(NODE_PADDING, height / Math.max(...perLevel) / 2)).nodeSort(undefined!)
    .extent([[labelWidth, 4], [width - labelWidth, height - 4]])({ nodes: nodes.map((node) => ({ ...node })), links: links.map((link) => ({ ...link })) });
  const path = sankeyLinkHorizontal<Node, Link>();
  const characters = Math.floor(labelWidth / 7.4);
  const colour = (node: PlacedNode): string => `series-${(node.index ?? 0) % SERIES + 1}`;
  const { dimensions } = shapeOf(result);
  const linkText = (link: PlacedLink): string => `${visible((link.source as PlacedNode).name)} to ${visible((link.target as PlacedNode).name)}: ${amountText(measure, link.value)}`;
  const linkPick = (link: PlacedLink): Pick | null => {
    const [source, target] = [link.source as PlacedNode, link.target as PlacedNode];
    return pickOf(picking, `${source.name} → ${target.name}`, [[dimensions[source.level]!, source.is], [dimensions[target.level]!, target.is]]);
  };
  /** A button, where something can be done with it. Attributes of SVG have their case: tabIndex would be none. */
  const markOf = (pick: Pick | null, text: string, isFirst: boolean) => (pick ? {
    'role': 'button' as const, 'tabindex': isFirst ? 0 : -1, 'aria-label': text, 'aria-haspopup': 'menu' as const,
    'onClick': (event: MouseEvent) => picking!.onPick(pick, new DOMRect(event.clientX, event.clientY, 0, 0)),
    'onKeyDown': (event: KeyboardEvent) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      picking!.onPick(pick, (event.currentTarget as Element).getBoundingClientRect());
    },
  } : {});
  return (
    <>
      <svg width={width} height={height} role={picking ? 'group' : 'img'} aria-label={chartSummary(label, result)} onKeyDown={moveBetweenMarks}>
        {graph.links.map((link, at) => {
          const pick = linkPick(link);
          return <path key={at} class={`link ${colour(link.source as PlacedNode)}${pick ? ' pick' : ''}`} d={path(link) ?? ''} style={{ strokeWidth: `${Math.max(1, link.width ?? 1)}px` }} {...markOf(pick, linkText(link), at === 0)}><title>{linkText(link)}</title></path>;
        })}
        {graph.nodes.map((node) => {
          const pick = pickOf(picking, node.name, [[dimensions[node.level]!, node.is]]);
          const text = `${visible(node.name)}: ${amountText(measure, node.value)}`;
          const short = shortened(visible(node.name), characters);
          return (
            <g key={node.id} class={pick ? 'node pick' : 'node'} {...markOf(pick, text.startsWith(short) ? text : `${short} ${text}`, false)}>
              <title>{text}</title>
              <rect class={colour(node)} x={node.x0} y={node.y0} width={NODE_WIDTH} height={Math.max(1, node.y1! - node.y0!)} />
              <text x={node.depth === 0 ? node.x0! - 6 : node.x1! + 6} y={(node.y0! + node.y1!) / 2} text-anchor={node.depth === 0 ? 'end' : 'start'} dy="0.35em">{short}</text>
            </g>
          );
        })}
      </svg>
      {result.rows.length > MAX_LINKS && <p class="muted">The first {MAX_LINKS} of {result.rows.length} rows; the table has all.</p>}
    </>
  );
}

function graphOf(result: Result): { nodes: Node[]; links: Link[] } {
  const { dimensions, measures } = shapeOf(result);
  const nodes = new Map<string, Node>();
  const links = new Map<string, Link>();
  const idOf = (level: number, is: Value = null): string => {
    const name = is === null ? '(none)' : String(is);
    const id = `${level} ${name}`;
    if (!nodes.has(id)) nodes.set(id, { id, name, level, is });
    return id;
  };
  for (const row of result.rows.slice(0, MAX_LINKS)) {
    const value = numberOf(row[measures[0]!]) ?? 0;
    if (value <= 0) continue;
    for (let level = 1; level < dimensions.length; level++) {
      const source = idOf(level - 1, row[dimensions[level - 1]!]);
      const target = idOf(level, row[dimensions[level]!]);
      const key = JSON.stringify([source, target]);
      links.set(key, { source, target, value: value + (links.get(key)?.value ?? 0) });
    }
  }
  return { nodes: [...nodes.values()], links: [...links.values()] };
}

/** The beginning and the end, which tell ids and addresses apart. */
function shortened(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const half = Math.max(2, Math.floor((characters - 1) / 2));
  return `${text.slice(0, half)}…${text.slice(-half)}`;
}
