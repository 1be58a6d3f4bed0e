import type { CompletenessCell } from '../api/answers.ts';
import { setParameters } from '../state/address.ts';
import { Badge } from '../ui/badge.tsx';
import { counted, numberText, windowText } from '../ui/numbers.ts';
import { Table } from '../ui/table.tsx';
import { Text } from '../ui/text.tsx';
import { Time } from '../ui/time.tsx';
import { meaningOf } from './cell-details.tsx';
import { stateOf, type GridRow } from './grid-data.ts';

const MAX_SHOWN = 100;

/** The windows of the grid that one cannot rely on, as a list. */
export function IncompleteWindows({ rows }: { rows: readonly GridRow[] }) {
  const incomplete = rows.flatMap(({ cells }) => cells.filter((cell): cell is CompletenessCell => cell !== null && cell.state !== 'COMPLETE'))
    .sort((a, b) => b.start - a.start || (a['eni-id'] < b['eni-id'] ? -1 : 1));
  if (incomplete.length === 0) return null;
  return (
    <section class="stack">
      <h2>Not complete <span class="muted">{incomplete.length > MAX_SHOWN ? `the newest ${MAX_SHOWN} of ${numberText(incomplete.length)}` : counted(incomplete.length, 'ENI window')}</span></h2>
      <Table label="Windows that are not complete" rows={incomplete.slice(0, MAX_SHOWN)} rowKey={(cell) => `${cell.start} ${cell.seconds} ${cell['eni-id']}`} empty="" columns={[
        { key: 'from', title: 'From', cell: (cell) => <Time at={cell.start} /> },
        { key: 'eni', title: 'ENI', cell: (cell) => <button type="button" class="link" onClick={() => setParameters({ cell: cell['eni-id'], at: `${cell.start}-${cell.seconds}` })}><Text value={cell['eni-id']} mono /></button> },
        { key: 'state', title: 'State', cell: (cell) => <Badge word={stateOf(cell)} /> },
        { key: 'window', title: 'Window', isNumber: true, cell: ({ seconds }) => windowText(seconds) },
        { key: 'lost', title: 'Packets lost', isNumber: true, cell: (cell) => (cell.state === 'MISSING' || cell['loss-unknown'] ? 'unknown' : numberText(cell['lost-packets'])) },
        { key: 'agents', title: 'Agents', cell: ({ agents }) => <Text value={agents.map((agent) => agent['agent-id']).join(', ')} /> },
        { key: 'why', title: 'Why', width: 'wide', cell: meaningOf },
      ]} />
    </section>
  );
}
