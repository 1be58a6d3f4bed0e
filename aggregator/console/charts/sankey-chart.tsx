import { sankey, sankeyLinkHorizontal, type SankeyLink, type SankeyNode } from 'd3-sankey';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { visible } from '../ui/text.tsx';
import { chartSummary, type ChartProps } from './chart.tsx';
import { numberOf, shapeOf, type Result } from './result-shape.ts';
import { amountText } from './value-text.ts';

interface Node { readonly id: string; readonly name: string }
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
export function SankeyChart({ label, result }: ChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => setWidth(Math.round(frame.current!.clientWidth)));
    observer.observe(frame.current!);
    return () => observer.disconnect();
  }, []);
  return <div class="sankey" ref={frame}>{width > 0 && <Drawn label={label} result={result} width={width} />}</div>;
}

function Drawn({ label, result, width }: ChartProps & { width: number }) {
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
  const linkText = (link: PlacedLink): string => `${visible((link.source as PlacedNode).name)} to ${visible((link.target as PlacedNode).name)}: ${amountText(measure, link.value)}`;
  return (
    <>
      <svg width={width} height={height} role="img" aria-label={chartSummary(label, result)}>
        {graph.links.map((link, at) => (
          <path key={at} class={`link ${colour(link.source as PlacedNode)}`} d={path(link) ?? ''} style={{ strokeWidth: `${Math.max(1, link.width ?? 1)}px` }}><title>{linkText(link)}</title></path>
        ))}
        {graph.nodes.map((node) => (
          <g key={node.id}>
            <rect class={colour(node)} x={node.x0} y={node.y0} width={NODE_WIDTH} height={Math.max(1, node.y1! - node.y0!)}><title>{visible(node.name)}: {amountText(measure, node.value)}</title></rect>
            <text x={node.depth === 0 ? node.x0! - 6 : node.x1! + 6} y={(node.y0! + node.y1!) / 2} text-anchor={node.depth === 0 ? 'end' : 'start'} dy="0.35em">{shortened(visible(node.name), characters)}</text>
          </g>
        ))}
      </svg>
      {result.rows.length > MAX_LINKS && <p class="muted">The first {MAX_LINKS} of {result.rows.length} rows; the table has all.</p>}
    </>
  );
}

function graphOf(result: Result): { nodes: Node[]; links: Link[] } {
  const { dimensions, measures } = shapeOf(result);
  const nodes = new Map<string, Node>();
  const links = new Map<string, Link>();
  const idOf = (level: number, value: unknown): string => {
    const name = value === null || value === undefined ? '(none)' : String(value);
    const id = `${level} ${name}`;
    if (!nodes.has(id)) nodes.set(id, { id, name });
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
