import type { SecurityGroup } from '../../api/answers.ts';
import { pathOf } from '../../state/address.ts';
import { Badge } from '../../ui/badge.tsx';
import { numberText } from '../../ui/numbers.ts';
import { Table } from '../../ui/table.tsx';
import { Text } from '../../ui/text.tsx';
import type { Inventory } from './inventory.ts';

export function SecurityGroupTable({ groups, inventory, empty }: { groups: readonly SecurityGroup[]; inventory: Inventory; empty: string }) {
  const rulesOf = ({ rules }: SecurityGroup, direction: string): number => rules.filter((rule) => rule.direction === direction).length;
  return (
    <Table asCards label="Security groups" rows={groups} rowKey={(group) => group['security-group-id']} empty={empty} columns={[
      { key: 'id', title: 'Security group', cell: (group) => <a href={pathOf('network', 'security-groups', group['security-group-id'])}><Text value={group['security-group-id']} mono /></a> },
      { key: 'name', title: 'Name', cell: (group) => <Text value={group.name} /> },
      { key: 'type', title: 'Type', cell: (group) => group.type },
      { key: 'inner', title: 'Between members', cell: (group) => (group['inner-access'] === 'accept' ? <Badge word="accept" /> : <span class="muted">by rules</span>) },
      { key: 'vpc', title: 'VPC', cell: (group) => <Text value={group['vpc-id']} mono /> },
      { key: 'ingress', title: 'Ingress rules', isNumber: true, cell: (group) => numberText(rulesOf(group, 'ingress')) },
      { key: 'egress', title: 'Egress rules', isNumber: true, cell: (group) => numberText(rulesOf(group, 'egress')) },
      { key: 'enis', title: 'ENIs', isNumber: true, cell: ({ 'security-group-id': id }) => numberText(inventory.enis.filter((eni) => eni['security-groups']?.includes(id)).length) },
    ]} />
  );
}
