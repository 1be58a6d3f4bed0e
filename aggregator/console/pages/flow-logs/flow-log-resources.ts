import type { Eni, Vpc, VSwitch } from '../../api/answers.ts';
import { listAll } from '../../api/client.ts';
import { counted } from '../../ui/numbers.ts';
import type { PickerOption } from '../../ui/picker.tsx';

export type ResourceType = 'ENI' | 'VSwitch' | 'VPC';

export interface CoveringOption extends PickerOption {
  /** How many it covers. */
  readonly enis: number;
}

export type Resources = Readonly<Record<ResourceType, readonly CoveringOption[]>>;

/** What flow logs can be about. */
export async function loadResources(signal: AbortSignal): Promise<Resources> {
  const [enis, vswitches, vpcs] = await Promise.all([
    listAll<Eni>('/v1/enis', 'enis', { signal }), listAll<VSwitch>('/v1/vswitches', 'vswitches', { signal }), listAll<Vpc>('/v1/vpcs', 'vpcs', { signal }),
  ]);
  const inVSwitch = countBy(enis, (eni) => eni['vswitch-id'] ?? null);
  const vpcOf = new Map(vswitches.map((vswitch) => [vswitch['vswitch-id'], vswitch['vpc-id']]));
  const inVpc = countBy(enis, (eni) => vpcOf.get(eni['vswitch-id'] ?? '') ?? null);
  return {
    ENI: enis.map((eni) => ({
      id: eni['eni-id'], name: eni['vm-id'] ?? '', remark: eni.addresses?.[0] ?? '', enis: 1, words: [...(eni.addresses ?? []), eni.mac ?? '', eni['vswitch-id'] ?? ''],
    })),
    VSwitch: vswitches.map((vswitch) => covering(vswitch['vswitch-id'], vswitch.name, inVSwitch.get(vswitch['vswitch-id']) ?? 0, [vswitch.cidr ?? '', vswitch['vpc-id']])),
    VPC: vpcs.map((vpc) => covering(vpc['vpc-id'], vpc.name, inVpc.get(vpc['vpc-id']) ?? 0, vpc.cidrs ?? [])),
  };
}

function covering(id: string, name = '', enis: number, words: readonly string[]): CoveringOption {
  return { id, name, remark: counted(enis, 'ENI'), enis, words };
}

export function countBy<T>(items: readonly T[], keyOf: (item: T) => string | null): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) {
    const key = keyOf(item);
    if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
