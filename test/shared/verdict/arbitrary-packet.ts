import fc from 'fast-check';
import { parseAddress, parseCidr } from '../../../shared/address.ts';
import { KEY_META, KEY_PORTS, KEY_WORDS, META_ENI_SHIFT, META_IPV6, META_OUT } from '../../../shared/flow-key.ts';
import { ADDRESSES, PORTS, PROTOCOLS } from '../topology/arbitrary-topology.ts';
import type { ReferencePacket } from './reference.ts';

export function keyOf(packet: ReferencePacket): Int32Array {
  // Not at the start of the array: a slot among others.
  const keys = new Int32Array(3 + KEY_WORDS);
  const { source, destination } = packet;
  keys.set([source[3]!, destination[3]!], 3);
  keys[3 + KEY_PORTS] = packet.sourcePort << 16 | packet.destinationPort;
  keys[3 + KEY_META] = packet.protocol | (packet.direction === 'out' ? META_OUT : 0) | (packet.family === 6 ? META_IPV6 : 0) | packet.eni << META_ENI_SHIFT;
  keys.set([...source.subarray(0, 3), ...destination.subarray(0, 3)], 3 + 4);
  return keys;
}

const address = fc.constantFrom(...ADDRESSES);
const port = fc.oneof(fc.constantFrom(...PORTS), fc.constantFrom(2, 21, 23, 54, 79, 81, 65534));

/** Of one of so many ENIs, at the addresses and ports that the topologies know. */
export function packets(enis: number): fc.Arbitrary<ReferencePacket> {
  return fc.record({
    eni: fc.nat(enis - 1),
    direction: fc.constantFrom('in', 'out'),
    source: address,
    destination: address,
    protocol: fc.oneof(fc.constantFrom(6, 17), fc.constantFrom(...PROTOCOLS), fc.constant(99)),
    sourcePort: port,
    destinationPort: port,
  }).map((drawn) => {
    const peer = drawn.direction === 'in' ? drawn.source : drawn.destination;
    const family = parseCidr(peer)!.family;
    // The other end has the peer's family.
    const own = family === 6 ? '2001:db8::77' : '10.0.0.77';
    return {
      ...drawn,
      family,
      source: parseAddress(drawn.direction === 'in' ? peer : own)!,
      destination: parseAddress(drawn.direction === 'in' ? own : peer)!,
    };
  });
}
