/**
 * Which worker a packet goes to. The kernel's own hash (PACKET_FANOUT_HASH) counts ports in: fragments, which have none,
 * and ICMP errors would then reach a worker that does not know their connection. This one hashes the two addresses
 * alone, both ways alike, and for an ICMP error those of the packet that it quotes, so that everything which the
 * decoder and the connections put together comes to one worker. (PACKET_FANOUT_FLAG_DEFRAG would join fragments before
 * we see them: other packets than those on the wire, and no count of them.)
 */
import {
  ADD_X, AND, BpfAssembler, COPY_A_TO_X, FROM_LINK_HEADER, FROM_NETWORK_HEADER, IF_ANY_BIT, IF_AT_LEAST, IF_EQUAL, LOAD_BYTE_AT_X,
  LOAD_HALF_AT_X, LOAD_WORD_AT_X, LOAD_X_SCRATCH, MULTIPLY, SHIFT_LEFT, SHIFT_RIGHT, STORE_SCRATCH, STORE_X_SCRATCH, XOR_X,
  type BpfProgram,
} from './bpf-program.ts';
import { findIpHeader } from './ip-header-search.ts';

const MAX_TAGS = 3;
const PROTOCOL_ICMP = 1;
const PROTOCOL_ICMPV6 = 58;
/** RFC 792: destination unreachable, source quench, redirect, time exceeded, parameter problem. */
const ICMP_ERRORS = [3, 4, 5, 11, 12];
/** RFC 4443 section 2.1: below are errors. */
const ICMPV6_FIRST_INFORMATIONAL = 128;
const ICMP_HEADER_BYTES = 8;
/** Scratch words. */
const HASH = 0;
const OFFSET = 1;
/** Source and destination, from the IP header. */
const IPV4_ADDRESS_WORDS = [12, 16];
const IPV6_ADDRESS_WORDS = [8, 12, 16, 20, 24, 28, 32, 36];

/** The kernel takes the result modulo the number of sockets. Packets that are not IP give 0. */
export function fanOutProgram(hasLinkHeader: boolean): BpfProgram {
  const program = new BpfAssembler();
  const from = hasLinkHeader ? FROM_LINK_HEADER : FROM_NETWORK_HEADER;
  findIpHeader(program, from, hasLinkHeader, MAX_TAGS, { ipv4: 'ipv4', ipv6: 'ipv6', other: 'other' });
  hashIpv4(program, from);
  hashIpv6(program, from);
  program.label('mix'); // high bits of a product, because low bits of neighbouring addresses alternate together
  program.op(MULTIPLY, 0x9e3779b1);
  program.op(SHIFT_RIGHT, 16);
  program.returnAccumulator();
  program.label('other');
  program.returnConstant(0);
  return program.finish();
}

function hashIpv4(program: BpfAssembler, from: number): void {
  program.label('ipv4');
  program.op(LOAD_BYTE_AT_X, from + 9);
  program.jumpUnless(IF_EQUAL, PROTOCOL_ICMP, 'ipv4 addresses');
  program.op(LOAD_HALF_AT_X, from + 6);
  program.jumpIf(IF_ANY_BIT, 0x1fff, 'ipv4 addresses'); // a later fragment has no ICMP header
  program.op(STORE_X_SCRATCH, OFFSET);
  program.op(LOAD_BYTE_AT_X, from);
  program.op(AND, 0x0f);
  program.op(SHIFT_LEFT, 2);
  program.op(ADD_X);
  program.op(COPY_A_TO_X); // the ICMP header
  program.op(LOAD_BYTE_AT_X, from);
  for (const type of ICMP_ERRORS) program.jumpIf(IF_EQUAL, type, 'ipv4 quoted');
  program.op(LOAD_X_SCRATCH, OFFSET);
  program.jump('ipv4 addresses');
  program.label('ipv4 quoted');
  xorWords(program, from + ICMP_HEADER_BYTES, IPV4_ADDRESS_WORDS);
  program.label('ipv4 addresses');
  xorWords(program, from, IPV4_ADDRESS_WORDS);
}

function hashIpv6(program: BpfAssembler, from: number): void {
  program.label('ipv6');
  program.op(LOAD_BYTE_AT_X, from + 6);
  program.jumpUnless(IF_EQUAL, PROTOCOL_ICMPV6, 'ipv6 addresses');
  program.op(LOAD_BYTE_AT_X, from + 40);
  program.jumpIf(IF_AT_LEAST, ICMPV6_FIRST_INFORMATIONAL, 'ipv6 addresses');
  xorWords(program, from + 40 + ICMP_HEADER_BYTES, IPV6_ADDRESS_WORDS);
  program.label('ipv6 addresses');
  xorWords(program, from, IPV6_ADDRESS_WORDS);
}

/** The words at these offsets from X, combined, and on to `mix`. */
function xorWords(program: BpfAssembler, from: number, offsets: readonly number[]): void {
  program.op(STORE_X_SCRATCH, OFFSET);
  offsets.forEach((offset, index) => {
    program.op(LOAD_WORD_AT_X, from + offset);
    if (index > 0) {
      program.op(LOAD_X_SCRATCH, HASH);
      program.op(XOR_X);
      program.op(LOAD_X_SCRATCH, OFFSET);
    }
    program.op(STORE_SCRATCH, HASH);
  });
  program.jump('mix');
}
