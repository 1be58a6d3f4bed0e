import {
  KEY_DST0, KEY_DST1, KEY_DST2, KEY_DST3, KEY_META, KEY_PORTS, KEY_SRC0, KEY_SRC1, KEY_SRC2, KEY_SRC3, META_OUT,
} from '../../shared/flow-key.ts';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6 } from '../../shared/protocol.ts';

const NO_ANSWER = -1;

/** Request and answer: echo, timestamp, information, address mask (RFC 792, RFC 950). */
const ICMP_ANSWERS = new Int16Array(256).fill(NO_ANSWER);
for (const [request, answer] of [[8, 0], [13, 14], [15, 16], [17, 18]] as const) {
  ICMP_ANSWERS[request] = answer;
  ICMP_ANSWERS[answer] = request;
}
/** Echo (RFC 4443), router and neighbour discovery (RFC 4861). */
const ICMPV6_ANSWERS = new Int16Array(256).fill(NO_ANSWER);
for (const [request, answer] of [[128, 129], [133, 134], [135, 136]] as const) {
  ICMPV6_ANSWERS[request] = answer;
  ICMPV6_ANSWERS[answer] = request;
}

/**
 * Writes the key of the opposite direction to `reverse[0...]`: addresses and ports swapped, the other direction at
 * the ENI (the same one where `hasDirection` is false: an ENI that takes every packet as `in`), an ICMP request for
 * its answer. False where a packet has no opposite.
 */
export function reverseKey(keys: Int32Array, at: number, hasDirection: boolean, reverse: Int32Array): boolean {
  const meta = keys[at + KEY_META]!;
  const protocol = meta & 0xff;
  const ports = keys[at + KEY_PORTS]!;
  if (protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6) {
    const answer = (protocol === PROTOCOL_ICMP ? ICMP_ANSWERS : ICMPV6_ANSWERS)[(ports >> 8) & 0xff]!;
    if (answer === NO_ANSWER) return false;
    reverse[KEY_PORTS] = answer << 8;
  } else {
    reverse[KEY_PORTS] = (ports >>> 16) | (ports << 16);
  }
  reverse[KEY_META] = hasDirection ? meta ^ META_OUT : meta;
  reverse[KEY_SRC3] = keys[at + KEY_DST3]!;
  reverse[KEY_DST3] = keys[at + KEY_SRC3]!;
  reverse[KEY_SRC0] = keys[at + KEY_DST0]!;
  reverse[KEY_SRC1] = keys[at + KEY_DST1]!;
  reverse[KEY_SRC2] = keys[at + KEY_DST2]!;
  reverse[KEY_DST0] = keys[at + KEY_SRC0]!;
  reverse[KEY_DST1] = keys[at + KEY_SRC1]!;
  reverse[KEY_DST2] = keys[at + KEY_SRC2]!;
  return true;
}
