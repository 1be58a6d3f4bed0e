/** The part that all our BPF programs begin with: where is the IP header? */
import { BpfAssembler, IF_EQUAL, LOAD_BYTE, LOAD_HALF, LOAD_X_CONSTANT, SHIFT_RIGHT } from './bpf-program.ts';

export const ETHERNET_HEADER_BYTES = 14;
const VLAN_TAG_BYTES = 4;
const ETHERTYPES_OF_TAGS = [0x8100, 0x88a8, 0x9100];

/** Labels that the search ends at, with X = offset of the IP header from `from`. */
export interface IpLabels {
  readonly ipv4: string;
  readonly ipv6: string;
  readonly other: string;
}

/**
 * `from`: what offsets count from, 0 or FROM_LINK_HEADER or FROM_NETWORK_HEADER. Only the tags in the frame are looked
 * for: one that the kernel or the network card took out of it (the outermost of each received frame) is not in the way.
 */
export function findIpHeader(program: BpfAssembler, from: number, hasLinkHeader: boolean, maxTags: number, labels: IpLabels): void {
  if (!hasLinkHeader) {
    program.op(LOAD_X_CONSTANT, 0);
    program.op(LOAD_BYTE, from);
    program.op(SHIFT_RIGHT, 4);
    program.jumpIf(IF_EQUAL, 4, labels.ipv4);
    program.jumpIf(IF_EQUAL, 6, labels.ipv6);
    program.jump(labels.other);
    return;
  }
  for (let tags = 0; tags <= maxTags; tags++) {
    const header = ETHERNET_HEADER_BYTES + tags * VLAN_TAG_BYTES;
    const next = program.uniqueLabel();
    program.op(LOAD_X_CONSTANT, header);
    program.op(LOAD_HALF, from + header - 2);
    program.jumpIf(IF_EQUAL, 0x0800, labels.ipv4);
    program.jumpIf(IF_EQUAL, 0x86dd, labels.ipv6);
    for (const etherType of ETHERTYPES_OF_TAGS) program.jumpIf(IF_EQUAL, etherType, next);
    program.jump(labels.other);
    program.label(next);
  }
  program.jump(labels.other);
}
