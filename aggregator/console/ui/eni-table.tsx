import type { Eni, EniState } from '../api/answers.ts';
import { addressOf } from '../state/address.ts';
import { Badge } from './badge.tsx';
import { windowText } from './numbers.ts';
import { Table, type Column } from './table.tsx';
import { Text, visible } from './text.tsx';

const STATE_COLUMNS: readonly Column<EniState>[] = [
  { key: 'agent', title: 'Agent', width: 'remarked', cell: agentCell },
  { key: 'recording', title: 'Recording', cell: ({ recording }) => (recording ? `${recording['traffic-type'] ?? 'nothing'}, ${windowText(recording.window)}` : <span class="muted">no</span>) },
  { key: 'state', title: 'State', hint: 'What its agent says of it', width: 'remarked', cell: (eni) => (eni['agent-state'] === null ? <span class="muted">–</span> : <><Badge word={eni['agent-state']} />{eni['agent-reason'] !== null && <span class="below">{visible(eni['agent-reason'])}</span>}</>) },
];

const ENI_COLUMNS: readonly Column<Eni>[] = [
  { key: 'eni', title: 'ENI', cell: (eni) => <Text value={eni['eni-id']} mono /> },
  { key: 'vm', title: 'VM', width: 'narrow', cell: (eni) => <Text value={eni['vm-id']} /> },
  { key: 'vswitch', title: 'VSwitch', width: 'narrow', cell: (eni) => <Text value={eni['vswitch-id']} /> },
  { key: 'addresses', title: 'Addresses', cell: (eni) => <Text value={eni.addresses?.join(', ')} mono /> },
  {
    key: 'groups', title: 'Security groups', cell: (eni) => (eni['security-groups']?.length
      ? eni['security-groups'].map((id, at) => <>{at > 0 && ', '}<a href={`/network/security-groups/${encodeURIComponent(id)}`}><Text value={id} /></a></>)
      : <span class="muted" title="Nothing is rejected">none</span>),
  },
];

/** ENIs with who watches them. */
export function EniTable({ enis }: { enis: readonly EniState[] }) {
  return <Table asCards label="ENIs" columns={[{ key: 'eni', title: 'ENI', cell: (eni: EniState) => <Text value={eni['eni-id']} mono /> }, ...STATE_COLUMNS]} rows={enis} rowKey={(eni) => eni['eni-id']} empty="It covers no ENI now; those that join later are covered." />;
}

/** ENIs with all that the inventory says of them. */
export function InventoryEniTable({ enis, empty }: { enis: readonly Eni[]; empty: string }) {
  return <Table<Eni> asCards label="ENIs" columns={[...ENI_COLUMNS, ...STATE_COLUMNS]} rows={enis} rowKey={(eni) => eni['eni-id']} empty={empty} />;
}

function agentCell(eni: EniState) {
  const agent = eni['assigned-to'];
  if (agent !== null) return <a href={addressOf('/network/agents', { q: agent })}><Text value={agent} /></a>;
  return <><Badge word="PARTIAL" text="unassigned" /><span class="below">{visible(eni['unassigned-because'] ?? '')}</span></>;
}
