/**
 * Makes a capture file for benchmarks: `npx tsx bench/trace.ts OUT [--packets N] [--flows N] [...]`.
 * The same options give the same bytes.
 *
 * A conversation is TCP or UDP between one of 60,000 clients and one of 2,000 servers, and makes two flows, there and
 * back. Its first packet is the client's (a SYN in TCP); after that each side sends half of the packets. Which
 * conversation a packet belongs to follows a power law with exponent `zipf` over those alive: 0 is uniform; the larger,
 * the more packets the first few have. `newFlows` of them give way to new ones each second of the capture's own time.
 * With `scan` every packet opens a conversation of its own, as a SYN scan does.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { seededRandom } from './random.ts';

export interface TraceOptions {
  readonly packets: number;
  /** Alive at a time; two a conversation. */
  readonly flows: number;
  readonly zipf: number;
  /** Shares, 0 to 1: of conversations for IPv6, VLAN and UDP, of packets for (non-first, IPv4) fragments. */
  readonly ipv6: number;
  readonly vlan: number;
  readonly udp: number;
  readonly fragments: number;
  /** Packets a second in the capture's own time. */
  readonly rate: number;
  readonly newFlows: number;
  readonly snapLength: number;
  readonly seed: number;
  readonly scan: boolean;
}

export const TRACE_DEFAULTS: TraceOptions = {
  packets: 10_000_000, flows: 40_000, zipf: 0.5, ipv6: 0, vlan: 0, udp: 0.3, fragments: 0, rate: 1_000_000, newFlows: 0,
  snapLength: 96, seed: 1, scan: false,
};

/** Servers with one of these ENIs each: by their MAC address the topology of a benchmark tells directions. */
export const SERVER_MACS = ['02:00:00:00:01:00', '02:00:00:00:01:01', '02:00:00:00:01:02', '02:00:00:00:01:03'];
export const SERVER_PORTS = [443, 80, 53, 22, 8080, 5432, 3306, 25];

const CLIENTS = 60_000;
const SERVERS = 2000;
const CLIENT_NETWORK = (10 << 24) | (1 << 16);
const SERVER_NETWORK = (192 << 24) | (168 << 16);
const IPV6_PREFIX = 0x20010db8;
const CLIENT_MAC = 0x020000000001;
const SERVER_MAC = 0x020000000100;
const MAX_PAYLOAD_BYTES = 1400;

const BLOCK_BYTES = 4 << 20;
const RECORD_BYTES = 16;
const START_SECONDS = 1_700_000_400;
const TCP_SYN = 0x02;
const TCP_ACK = 0x10;

export function writeTrace(path: string, options: TraceOptions): void {
  const descriptor = openSync(path, 'w');
  const writer = new TraceWriter(options, (bytes) => void writeSync(descriptor, bytes));
  for (let packet = 0; packet < options.packets; packet++) writer.addPacket(packet);
  writer.flush();
  closeSync(descriptor);
}

class TraceWriter {
  private readonly options: TraceOptions;
  private readonly write: (bytes: Uint8Array) => void;
  private readonly block = Buffer.alloc(BLOCK_BYTES);
  private used = 0;
  private readonly random: () => number;
  private readonly conversations: number;
  /** By conversation: 1 once it has begun. */
  private readonly begun: Uint8Array;

  constructor(options: TraceOptions, write: (bytes: Uint8Array) => void) {
    this.options = options;
    this.write = write;
    this.random = seededRandom(options.seed);
    this.conversations = Math.max(1, Math.floor(options.flows / 2));
    const replaced = Math.ceil((options.packets / options.rate) * (options.newFlows / 2));
    this.begun = new Uint8Array(options.scan ? options.packets : this.conversations + replaced + 1);
    this.fileHeader();
  }

  addPacket(packet: number): void {
    const { block, options } = this;
    if (this.used + RECORD_BYTES + options.snapLength + MAX_PAYLOAD_BYTES > BLOCK_BYTES) this.flush();
    const us = Math.floor((packet * 1e6) / options.rate);
    const conversation = options.scan ? packet : this.pick(us);
    const isFirst = this.begun[conversation] === 0;
    this.begun[conversation] = 1;
    const at = this.used;
    const length = this.frame(at + RECORD_BYTES, conversation, isFirst);
    const captured = Math.min(length, options.snapLength);
    block.writeUInt32LE(START_SECONDS + Math.floor(us / 1e6), at);
    block.writeUInt32LE(us % 1e6, at + 4);
    block.writeUInt32LE(captured, at + 8);
    block.writeUInt32LE(length, at + 12);
    this.used = at + RECORD_BYTES + captured;
  }

  flush(): void {
    this.write(this.block.subarray(0, this.used));
    this.used = 0;
  }

  private fileHeader(): void {
    const { block } = this;
    block.writeUInt32LE(0xa1b2c3d4, 0);
    block.writeUInt16LE(2, 4);
    block.writeUInt16LE(4, 6);
    block.writeUInt32LE(this.options.snapLength, 16);
    block.writeUInt32LE(1, 20);
    this.used = 24;
  }

  /** Inverts the distribution function of a density that falls as rank^-zipf. The newest conversation has rank 0. */
  private pick(us: number): number {
    const { zipf, newFlows } = this.options;
    const u = this.random();
    const n = this.conversations;
    const power = 1 - zipf;
    const rank = Math.abs(power) < 1e-9 ? (n + 1) ** u - 1 : ((((n + 1) ** power - 1) * u + 1) ** (1 / power) - 1);
    const newest = n - 1 + Math.floor((us / 1e6) * (newFlows / 2));
    return newest - Math.min(n - 1, Math.floor(rank));
  }

  /** The whole frame, as far as its headers go; returns its length on the wire. */
  private frame(at: number, conversation: number, isFirst: boolean): number {
    const { block, options, random } = this;
    // what a conversation is follows from its number alone
    const traits = seededRandom(Math.imul(conversation + 1, 0x9e3779b1));
    const isIpv6 = traits() < options.ipv6;
    const isVlan = traits() < options.vlan;
    const isUdp = !options.scan && traits() < options.udp;
    const client = Math.floor(traits() * CLIENTS);
    const server = Math.floor(traits() * SERVERS);
    const clientPort = 1024 + ((conversation * 7919) % 64_000);
    const serverPort = SERVER_PORTS[Math.floor(traits() * SERVER_PORTS.length)]!;
    const isReply = !isFirst && random() < 0.5;
    const transportBytes = isUdp ? 8 : 20;
    const ipBytes = transportBytes + (isFirst && !isUdp ? 0 : Math.floor(random() * random() * MAX_PAYLOAD_BYTES));
    const serverMac = SERVER_MAC + (server % SERVER_MACS.length);

    block.fill(0, at, at + options.snapLength);
    block.writeUIntBE(isReply ? CLIENT_MAC : serverMac, at, 6);
    block.writeUIntBE(isReply ? serverMac : CLIENT_MAC, at + 6, 6);
    let header = at + 14;
    if (isVlan) {
      block.writeUInt32BE(0x81000005, at + 12);
      header += 4;
    }
    block.writeUInt16BE(isIpv6 ? 0x86dd : 0x0800, header - 2);
    const source = isReply ? SERVER_NETWORK + server : CLIENT_NETWORK + client;
    const destination = isReply ? CLIENT_NETWORK + client : SERVER_NETWORK + server;
    const transport = isIpv6
      ? this.ipv6(header, isUdp ? 17 : 6, source, destination, ipBytes)
      : this.ipv4(header, isUdp ? 17 : 6, source, destination, ipBytes, conversation);
    block.writeUInt16BE(isReply ? serverPort : clientPort, transport);
    block.writeUInt16BE(isReply ? clientPort : serverPort, transport + 2);
    if (isUdp) block.writeUInt16BE(ipBytes, transport + 4);
    else block.writeUInt16BE(0x5000 | (isFirst ? TCP_SYN : TCP_ACK), transport + 12);
    return transport - at + ipBytes;
  }

  private ipv4(at: number, protocol: number, source: number, destination: number, ipBytes: number, conversation: number): number {
    const { block, options } = this;
    const isFragment = options.fragments > 0 && this.random() < options.fragments;
    block.writeUInt8(0x45, at);
    block.writeUInt16BE(20 + ipBytes, at + 2);
    block.writeUInt16BE(conversation & 0xffff, at + 4);
    block.writeUInt16BE(isFragment ? 0x0010 : 0, at + 6);
    block.writeUInt8(64, at + 8);
    block.writeUInt8(protocol, at + 9);
    block.writeInt32BE(source, at + 12);
    block.writeInt32BE(destination, at + 16);
    return at + 20;
  }

  private ipv6(at: number, protocol: number, source: number, destination: number, ipBytes: number): number {
    const { block } = this;
    block.writeUInt8(0x60, at);
    block.writeUInt16BE(ipBytes, at + 4);
    block.writeUInt8(protocol, at + 6);
    block.writeUInt8(64, at + 7);
    block.writeUInt32BE(IPV6_PREFIX, at + 8);
    block.writeInt32BE(source, at + 20);
    block.writeUInt32BE(IPV6_PREFIX, at + 24);
    block.writeInt32BE(destination, at + 36);
    return at + 40;
  }
}

async function main(): Promise<void> {
  const number = (value: number) => ({ type: 'number', default: value }) as const;
  const defaults = TRACE_DEFAULTS;
  const given = await yargs(hideBin(process.argv))
    .usage('$0 OUT: a capture file for benchmarks')
    .demandCommand(1)
    .options({
      packets: number(defaults.packets), flows: number(defaults.flows), zipf: number(defaults.zipf), ipv6: number(defaults.ipv6),
      vlan: number(defaults.vlan), udp: number(defaults.udp), fragments: number(defaults.fragments), rate: number(defaults.rate),
      'new-flows': number(defaults.newFlows), 'snap-length': number(defaults.snapLength), seed: number(defaults.seed),
      scan: { type: 'boolean', default: defaults.scan },
    })
    .strict()
    .parseAsync();
  writeTrace(String(given._[0]), { ...given, newFlows: given['new-flows'], snapLength: given['snap-length'] });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
