/** What decides in the kernel whether a packet gets into the ring, and how much of it. */
import { parseAddress } from '../../../shared/address.ts';
import { WeirError } from '../../../shared/errors.ts';
import { KERNEL_OUTGOING } from '../../../shared/packet-batch.ts';
import {
  ANCILLARY_PACKET_TYPE, BpfAssembler, IF_ANY_BIT, IF_AT_LEAST, IF_EQUAL, LOAD_BYTE_AT_X, LOAD_HALF_AT_X, LOAD_LENGTH, LOAD_WORD,
  LOAD_WORD_AT_X, MAX_INSTRUCTIONS, type BpfProgram,
} from './bpf-program.ts';
import { ETHERNET_HEADER_BYTES, findIpHeader } from './ip-header-search.ts';
import type { ShippingEndpoints } from './live-source.ts';

const PROTOCOL_TCP = 6;
const TCP_HEADER_BYTES = 20;
const IPV4_MAPPED_PREFIX = 0xffff;

export interface CaptureFilter {
  readonly hasLinkHeader: boolean;
  /** Each packet on a loopback interface passes twice, as sent and as received; only the second one counts. */
  readonly isLoopback: boolean;
  readonly shipping: ShippingEndpoints | null;
  /** What libpcap made of the user's filter. It answers with the snap length itself. */
  readonly user: BpfProgram | null;
  readonly snapLengthBytes: number;
}

/** Lets nothing in. */
export const DROP_ALL: BpfProgram = [{ code: 0x06, jumpTrue: 0, jumpFalse: 0, operand: 0 }];

export function captureProgram(filter: CaptureFilter): BpfProgram {
  const program = new BpfAssembler();
  if (filter.isLoopback) skipOutgoing(program);
  if (filter.shipping !== null) skipShipping(program, filter.shipping, filter.hasLinkHeader);
  const accept = new BpfAssembler();
  accept.returnConstant(filter.snapLengthBytes);
  const whole = program.finish(filter.user ?? accept.finish());
  if (whole.length > MAX_INSTRUCTIONS) {
    throw new WeirError('CONFIGURATION', `the capture filter compiles to ${whole.length} instructions, and the kernel takes ${MAX_INSTRUCTIONS}; use a shorter one`);
  }
  return whole;
}

function skipOutgoing(program: BpfAssembler): void {
  const next = program.uniqueLabel();
  program.op(LOAD_WORD, ANCILLARY_PACKET_TYPE);
  program.jumpUnless(IF_EQUAL, KERNEL_OUTGOING, next);
  program.returnConstant(0);
  program.label(next);
}

/**
 * The connection between this host and its collector: TCP without IP options or extension headers, not fragmented, in
 * one VLAN tag at most. A packet too short for that never gets to a load that would end the program and hide it.
 */
function skipShipping(program: BpfAssembler, shipping: ShippingEndpoints, hasLinkHeader: boolean): void {
  const pass = program.uniqueLabel();
  const ipv4 = program.uniqueLabel();
  const ipv6 = program.uniqueLabel();
  const linkBytes = hasLinkHeader ? ETHERNET_HEADER_BYTES : 0;
  const collectors = shipping.collectorAddresses.map(addressWords);
  const locals = shipping.localAddresses.map(addressWords);

  program.op(LOAD_LENGTH);
  program.jumpUnless(IF_AT_LEAST, linkBytes + 20 + TCP_HEADER_BYTES, pass);
  findIpHeader(program, 0, hasLinkHeader, 1, { ipv4, ipv6, other: pass });

  program.label(ipv4);
  program.op(LOAD_BYTE_AT_X, 0);
  program.jumpUnless(IF_EQUAL, 0x45, pass); // version 4, five words of header
  program.op(LOAD_BYTE_AT_X, 9);
  program.jumpUnless(IF_EQUAL, PROTOCOL_TCP, pass);
  program.op(LOAD_HALF_AT_X, 6);
  program.jumpIf(IF_ANY_BIT, 0x3fff, pass); // more fragments, fragment offset
  skipBetween(program, shipping.port, 20, 12, 16, only(collectors, 1), only(locals, 1));
  program.jump(pass);

  program.label(ipv6);
  program.op(LOAD_LENGTH);
  program.jumpUnless(IF_AT_LEAST, linkBytes + 40 + TCP_HEADER_BYTES, pass);
  program.op(LOAD_BYTE_AT_X, 6);
  program.jumpUnless(IF_EQUAL, PROTOCOL_TCP, pass);
  skipBetween(program, shipping.port, 40, 8, 24, only(collectors, 4), only(locals, 4));
  program.label(pass);
}

/** Offsets from the IP header: `ports` of the TCP header, `source` and `destination` of the addresses. */
function skipBetween(
  program: BpfAssembler, port: number, ports: number, source: number, destination: number,
  collectors: readonly (readonly number[])[], locals: readonly (readonly number[])[],
): void {
  for (const [portAt, collectorAt, localAt] of [[ports, source, destination], [ports + 2, destination, source]] as const) {
    const no = program.uniqueLabel();
    program.op(LOAD_HALF_AT_X, portAt);
    program.jumpUnless(IF_EQUAL, port, no);
    requireOneOf(program, collectorAt, collectors, no);
    requireOneOf(program, localAt, locals, no);
    program.returnConstant(0);
    program.label(no);
  }
}

/** Goes on behind this if the address at X + offset is one of them, else to `no`. */
function requireOneOf(program: BpfAssembler, offset: number, addresses: readonly (readonly number[])[], no: string): void {
  const yes = program.uniqueLabel();
  for (const words of addresses) {
    const differs = program.uniqueLabel();
    words.forEach((word, index) => {
      program.op(LOAD_WORD_AT_X, offset + index * 4);
      program.jumpUnless(IF_EQUAL, word, differs);
    });
    program.jump(yes);
    program.label(differs);
  }
  program.jump(no);
  program.label(yes);
}

/** One word for IPv4, four for IPv6, as they stand in the header. */
function addressWords(address: string): readonly number[] {
  const words = parseAddress(address.replace(/%.*$/, ''));
  if (words === null) throw new WeirError('CONFIGURATION', `${address} is not an IP address`);
  const isIpv4 = words[0] === 0 && words[1] === 0 && words[2] === IPV4_MAPPED_PREFIX;
  return isIpv4 ? [words[3]!] : [...words];
}

function only(addresses: readonly (readonly number[])[], words: number): readonly (readonly number[])[] {
  return addresses.filter((address) => address.length === words);
}
