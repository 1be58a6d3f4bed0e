import type { Vpc, VSwitch } from '../../api/answers.ts';
import { addressOf } from '../../state/address.ts';
import { numberText } from '../../ui/numbers.ts';
import { Table } from '../../ui/table.tsx';
import { Text } from '../../ui/text.tsx';
import type { Inventory } from './inventory.ts';

export function VpcTable({ vpcs, inventory, empty }: { vpcs: readonly Vpc[]; inventory: Inventory; empty: string }) {
  const vswitchesOf = (vpc: Vpc): readonly VSwitch[] => inventory.vswitches.filter((vswitch) => vswitch['vpc-id'] === vpc['vpc-id']);
  const enisOf = (vpc: Vpc): number => {
    const ids = new Set(vswitchesOf(vpc).map((vswitch) => vswitch['vswitch-id']));
    return inventory.enis.filter((eni) => ids.has(eni['vswitch-id'] ?? '')).length;
  };
  return (
    <Table asCards label="VPCs" rows={vpcs} rowKey={(vpc) => vpc['vpc-id']} empty={empty} columns={[
      { key: 'id', title: 'VPC', cell: (vpc) => <Text value={vpc['vpc-id']} mono /> },
      { key: 'name', title: 'Name', cell: (vpc) => <Text value={vpc.name} /> },
      { key: 'cidrs', title: 'Networks', width: 'wide', cell: (vpc) => <Text value={vpc.cidrs?.join(', ')} mono /> },
      { key: 'vswitches', title: 'VSwitches', isNumber: true, cell: (vpc) => <a href={addressOf('/network/vswitches', { q: vpc['vpc-id'] })}>{numberText(vswitchesOf(vpc).length)}</a> },
      { key: 'enis', title: 'ENIs', isNumber: true, cell: (vpc) => numberText(enisOf(vpc)) },
    ]} />
  );
}

export function VSwitchTable({ vswitches, inventory, empty }: { vswitches: readonly VSwitch[]; inventory: Inventory; empty: string }) {
  return (
    <Table asCards label="VSwitches" rows={vswitches} rowKey={(vswitch) => vswitch['vswitch-id']} empty={empty} columns={[
      { key: 'id', title: 'VSwitch', cell: (vswitch) => <Text value={vswitch['vswitch-id']} mono /> },
      { key: 'name', title: 'Name', cell: (vswitch) => <Text value={vswitch.name} /> },
      { key: 'vpc', title: 'VPC', cell: (vswitch) => <Text value={vswitch['vpc-id']} mono /> },
      { key: 'cidr', title: 'Network', cell: (vswitch) => <Text value={vswitch.cidr} mono /> },
      { key: 'enis', title: 'ENIs', isNumber: true, cell: ({ 'vswitch-id': id }) => <a href={addressOf('/network/enis', { q: id })}>{numberText(inventory.enis.filter((eni) => eni['vswitch-id'] === id).length)}</a> },
    ]} />
  );
}
