import type { ComponentChildren } from 'preact';
import { useLoaded } from '../../api/loaded.ts';
import type { PageProps } from '../../frame/pages.ts';
import { addressOf, parameter } from '../../state/address.ts';
import { mayChange } from '../../state/session.ts';
import { InventoryEniTable } from '../../ui/eni-table.tsx';
import { Notice, ProblemNotice } from '../../ui/notice.tsx';
import { numberText } from '../../ui/numbers.ts';
import { PageHead } from '../../ui/page-head.tsx';
import { matches, SearchField } from '../../ui/search-field.tsx';
import { AgentTable } from './agent-table.tsx';
import { loadInventory, type Inventory } from './inventory.ts';
import { SecurityGroupDetails } from './security-group-details.tsx';
import { SecurityGroupTable } from './security-group-table.tsx';
import { VpcTable, VSwitchTable } from './vpc-tables.tsx';
import './network.css';

interface Part {
  readonly path: string;
  readonly title: string;
  readonly count: (inventory: Inventory) => number;
  readonly show: (inventory: Inventory, search: string | null) => ComponentChildren;
}

const NOTHING_FOUND = 'Nothing here fits the search.';

const PARTS: readonly Part[] = [
  {
    path: 'enis', title: 'ENIs', count: ({ enis }) => enis.length,
    show: ({ enis }, q) => <InventoryEniTable empty={enis.length > 0 ? NOTHING_FOUND : 'The inventory has no ENI yet: weir apply -f vpc.yaml'}
      enis={enis.filter((eni) => matches(q, [eni['eni-id'], eni['vm-id'], eni['vswitch-id'], eni.mac, eni['assigned-to'], eni['unassigned-because'], ...(eni.addresses ?? []), ...(eni['security-groups'] ?? [])]))} />,
  },
  {
    path: 'agents', title: 'Agents', count: ({ agents }) => agents.length,
    show: ({ agents }, q) => <AgentTable empty={agents.length > 0 ? NOTHING_FOUND : 'No agent has enrolled yet: weir token create --scope enrol'} agents={agents.filter((agent) => matches(q, [agent['agent-id'], agent.host, agent.version, agent.status]))} />,
  },
  {
    path: 'security-groups', title: 'Security groups', count: ({ groups }) => groups.length,
    show: (inventory, q) => <SecurityGroupTable inventory={inventory} empty={NOTHING_FOUND} groups={inventory.groups.filter((group) => matches(q, [group['security-group-id'], group.name, group['vpc-id'], ...group.rules.map((rule) => rule['rule-id'])]))} />,
  },
  {
    path: 'vswitches', title: 'VSwitches', count: ({ vswitches }) => vswitches.length,
    show: (inventory, q) => <VSwitchTable inventory={inventory} empty={NOTHING_FOUND} vswitches={inventory.vswitches.filter((vswitch) => matches(q, [vswitch['vswitch-id'], vswitch.name, vswitch['vpc-id'], vswitch.cidr]))} />,
  },
  {
    path: 'vpcs', title: 'VPCs', count: ({ vpcs }) => vpcs.length,
    show: (inventory, q) => <VpcTable inventory={inventory} empty={NOTHING_FOUND} vpcs={inventory.vpcs.filter((vpc) => matches(q, [vpc['vpc-id'], vpc.name, ...(vpc.cidrs ?? [])]))} />,
  },
];

export default function NetworkPage({ rest }: PageProps) {
  if (!mayChange.value) return <><PageHead title="Network" /><Notice kind="info" title="The inventory is shown to admin tokens">Yours may read records, flow logs and completeness.</Notice></>;
  return <NetworkParts rest={rest} />;
}

function NetworkParts({ rest: [path = 'enis', id] }: PageProps) {
  const { value, problem, isLoading, reload } = useLoaded(loadInventory, []);
  const part = PARTS.find((known) => known.path === path);
  if (!value) return problem && <ProblemNotice problem={problem} onRetry={reload} />;
  if (part?.path === 'security-groups' && id !== undefined) return <SecurityGroupDetails key={id} inventory={value} id={id} />;
  return (
    <>
      <PageHead title="Network">
        <SearchField label={`Search ${/^[A-Z]{2}/.test(part?.title ?? '') ? part!.title : part?.title.toLowerCase() ?? ''}`} />
        <button type="button" onClick={reload} disabled={isLoading}>Refresh</button>
      </PageHead>
      <nav class="tabs" aria-label="Parts of the network">
        {PARTS.map((known) => (
          <a key={known.path} href={addressOf(`/network/${known.path}`, {})} aria-current={known === part ? 'page' : undefined}>{known.title} <span class="muted">{numberText(known.count(value))}</span></a>
        ))}
      </nav>
      {problem && <ProblemNotice problem={problem} onRetry={reload} />}
      {part ? part.show(value, parameter('q')) : <Notice kind="warning" title="There is no such part"><a href="/network">Network</a></Notice>}
    </>
  );
}
