/** What each ENI of a sample must record, worked out from tshark's fields alone. */
import type { Eni } from '../../shared/topology/topology.ts';
import { Oracle, addUp, type Sums } from '../corpus/oracle.ts';
import type { TsharkPacket } from '../corpus/tshark.ts';

const KERNEL_OUTGOING = 4;

interface Passage { readonly eni: Eni; readonly direction: 'in' | 'out' }

/** Through which ENIs a packet passed: by MAC, then by address, then by what is left to a single ENI. */
function passages(packet: TsharkPacket, src: string, dst: string, enis: readonly Eni[]): Passage[] {
  const here = enis.filter((eni) => packet.interfaceName === '' || eni.interface === null || eni.interface === packet.interfaceName);
  const found: Passage[] = [];
  const add = (isOut: (eni: Eni) => boolean, isIn: (eni: Eni) => boolean): void => {
    for (const eni of here.filter(isOut)) found.push({ eni, direction: 'out' });
    for (const eni of here.filter(isIn)) found.push({ eni, direction: 'in' });
  };
  add((eni) => eni.mac !== null && eni.mac === packet.sourceMac, (eni) => eni.mac !== null && eni.mac === packet.destinationMac);
  if (found.length === 0) add((eni) => eni.addresses.includes(src), (eni) => eni.addresses.includes(dst));
  if (found.length > 0 || here.length !== 1) return found;
  const eni = here[0]!;
  if (!Number.isNaN(packet.kernelType)) {
    return [{ eni, direction: (packet.kernelType === KERNEL_OUTGOING) === (eni.side === 'host') ? 'in' : 'out' }];
  }
  const isGroup = (Number.parseInt(packet.destinationMac.slice(0, 2), 16) & 1) === 1;
  return isGroup ? [{ eni, direction: 'in' }] : [];
}

/** Packets and bytes by `eni direction src dst protocol sport dport`. */
export function sumsByEni(packets: readonly TsharkPacket[], enis: readonly Eni[]): Map<string, Sums> {
  const oracle = new Oracle(new Map());
  const sums = new Map<string, Sums>();
  for (const packet of packets) {
    const { flow, bytes } = oracle.judge(packet);
    if (flow === null) throw new Error(`frame ${packet.frame} of a sample is in no flow`);
    const [src, dst] = flow.split(' ') as [string, string];
    for (const { eni, direction } of passages(packet, src, dst, enis)) addUp(sums, `${eni.eniId} ${direction} ${flow}`, 1, bytes);
  }
  return sums;
}
