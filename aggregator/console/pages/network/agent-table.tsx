import type { Agent } from '../../api/answers.ts';
import { addressOf } from '../../state/address.ts';
import { Badge } from '../../ui/badge.tsx';
import { numberText } from '../../ui/numbers.ts';
import { Table } from '../../ui/table.tsx';
import { Text } from '../../ui/text.tsx';
import { Age, Time } from '../../ui/time.tsx';

/** An agent reports every minute; after three of them something is wrong. */
const LATE_MS = 180_000;

export function AgentTable({ agents, empty }: { agents: readonly Agent[]; empty: string }) {
  const nowMs = Date.now();
  const isLate = (agent: Agent): boolean => nowMs - Date.parse(agent['last-seen']) > LATE_MS;
  return (
    <Table asCards label="Agents" rows={agents} rowKey={(agent) => agent['agent-id']} empty={empty} columns={[
      { key: 'id', title: 'Agent', cell: (agent) => <Text value={agent['agent-id']} mono /> },
      { key: 'host', title: 'Host', width: 'narrow', cell: (agent) => <Text value={agent.host} /> },
      { key: 'status', title: 'Status', cell: (agent) => <Badge word={agent.status} /> },
      { key: 'seen', title: 'Last seen', cell: (agent) => <><span class={isLate(agent) ? 'dot late' : 'dot'} aria-hidden="true" /><Age at={agent['last-seen']} nowMs={nowMs} />{isLate(agent) && <span class="unseen"> (late)</span>}</> },
      { key: 'assignment', title: 'Assignment', cell: (agent) => (agent['up-to-date'] ? <Badge word="COMPLETE" text="up to date" /> : <Badge word="PARTIAL" text="not taken up" title="It has not reported the newest assignment yet" />) },
      { key: 'enis', title: 'ENIs', isNumber: true, cell: (agent) => <a href={addressOf('/network/enis', { q: agent['agent-id'] })}>{numberText(agent.enis.length)}</a> },
      { key: 'recorded', title: 'Recorded', isNumber: true, cell: ({ enis }) => numberText(enis.filter(({ recorded }) => recorded).length) },
      { key: 'troubles', title: 'Not captured', hint: 'ENIs whose interface is not there', isNumber: true, cell: ({ enis }) => numberText(enis.filter(({ state }) => state === 'missing').length) },
      { key: 'revision', title: 'Rules', hint: 'The revision of the rules that it decides by', isNumber: true, cell: (agent) => numberText(agent.revision) },
      { key: 'version', title: 'Version', cell: (agent) => <Text value={agent.version} /> },
      { key: 'started', title: 'Started', cell: (agent) => <Time at={agent.started} /> },
    ]} />
  );
}
