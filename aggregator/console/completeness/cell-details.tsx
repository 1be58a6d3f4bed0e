import type { CellAgent, CompletenessCell } from '../api/answers.ts';
import { addressOf } from '../state/address.ts';
import { Badge } from '../ui/badge.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Facts } from '../ui/facts.tsx';
import { numberText } from '../ui/numbers.ts';
import { Text } from '../ui/text.tsx';
import { Time } from '../ui/time.tsx';
import { stateOf } from './grid-data.ts';

const COUNTS: readonly (readonly [keyof CellAgent, string])[] = [
  ['packets-seen', 'Packets seen'], ['records', 'Records of the seal'], ['rows', 'Rows that came'], ['lost-packets', 'Packets lost'],
  ['ring-drops', 'Dropped by the ring'], ['gap-packets', 'Passed while it was down'], ['late-packets', 'Too late'], ['overflow-packets', 'Table full'],
  ['undecodable-packets', 'Undecodable'],
];

/** One ENI and one window: what each agent says of it. */
export function CellDetails({ cell, logStore, onClose }: { cell: CompletenessCell; logStore: string | null; onClose: () => void }) {
  return (
    <Dialog title="ENI window" onClose={onClose} side>
      <Facts facts={[
        ['State', <Badge word={stateOf(cell)} />],
        ['ENI', <Text value={cell['eni-id']} mono />],
        ['From', <Time at={cell.start} />],
        ['To', <Time at={cell.start + cell.seconds} />],
        ['LogStore', logStore === null ? 'all' : <Text value={logStore} />],
        ['Packets lost', <>{numberText(cell['lost-packets'])}{cell['loss-unknown'] && ', and more may be'}</>],
      ]} />
      <p>{meaningOf(cell)} {logStore !== null && cell.state !== 'MISSING' && <a href={recordsOf(cell, logStore)}>Its records</a>}</p>
      {cell.agents.map((agent) => (
        <section key={agent['agent-id']} class="stack">
          <h3>Agent <Text value={agent['agent-id']} mono /> <Badge word={agent.sealed ? 'COMPLETE' : 'MISSING'} text={agent.sealed ? 'sealed' : 'no seal'} /> {agent.partial && <Badge word="PARTIAL" text="not all of the window" />} {!agent.expected && <Badge word="" text="not expected" />}</h3>
          <Facts facts={COUNTS.map(([name, text]) => [text, numberText(agent[name] as number | null)])} />
        </section>
      ))}
    </Dialog>
  );
}

function recordsOf({ 'eni-id': eniId, start, seconds }: CompletenessCell, logStore: string): string {
  const quoted = `"${eniId.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  return addressOf('/explorer', { logstore: logStore, q: `eni-id:${quoted}`, from: String(start), to: String(start + seconds) });
}

export function meaningOf(cell: CompletenessCell): string {
  switch (stateOf(cell)) {
    case 'COMPLETE': return 'Every agent that was to watch has sealed the window; nothing was lost.';
    case 'NODATA': return 'Every agent that was to watch has sealed the window, and says that no packet passed.';
    case 'MISSING': return 'No seal came: nobody can say what passed.';
    case 'PARTIAL': return cell['lost-packets'] > 0
      ? 'Sealed, but packets were lost; the records hold the others.'
      : cell['loss-unknown'] ? 'Sealed, but loss cannot be excluded.' : 'Sealed, but not all of the window was recorded, or less of the traffic than the flow log asks for.';
  }
}
