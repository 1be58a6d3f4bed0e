/**
 * Makes a capture file for benchmarks: `node --import tsx bench/trace.ts OUT [--packets N] [--flows N] [...]`.
 * The same options and seed give the same bytes.
 *
 * Flows are TCP or UDP between a few thousand clients and servers; which flow a packet belongs to follows a Zipf-like
 * spread (rank = flows ^ u, u uniform: the density of a rank falls as 1/rank). With --new-flows every packet is the
 * first of its flow, as in a SYN scan.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { seededRandom } from './random.ts';

export interface TraceOptions {
  readonly packets: number;
  readonly flows: number;
  /** Shares, 0 to 1. */
  readonly ipv6: number;
  readonly vlan: number;
  readonly fragments: number;
  readonly udp: number;
  /** Packets a second in the capture's own time. */
  readonly rate: number;
  readonly snapLength: number;
  readonly seed: number;
  /** Every packet opens a flow of its own. */
  readonly newFlows: boolean;
}

export const TRACE_DEFAULTS: TraceOptions = {
  packets: 10_000_000, flows: 40_000, ipv6: 0, vlan: 0, fragments: 0, udp: 0.3, rate: 1_000_000, snapLength: 96, seed: 1, newFlows: false,
};

const BLOCK_BYTES = 4 << 20;
const START_SECONDS = 1_700_000_400;

export function writeTrace(path: string, options: TraceOptions): void {
  const random = seededRandom(options.seed);
  const descriptor = openSync(path, 'w');
  const block = Buffer.alloc(BLOCK_BYTES);
  let used = block.writeUInt32LE(0xa1b2c3d4, 0);
  used = block.writeUInt16LE(2, used);
  used = block.writeUInt16LE(4, used);
  used = block.writeUInt32LE(0, used);
  used = block.writeUInt32LE(0, used);
  used = block.writeUInt32LE(options.snapLength, used);
  used = block.writeUInt32LE(1, used);
  const logFlows = Math.log(options.flows);
  for (let packet = 0; packet < options.packets; packet++) {
    if (used + 16 + options.snapLength > BLOCK_BYTES) {
      writeSync(descriptor, block, 0, used);
      used = 0;
    }
    const flow = options.newFlows ? packet : Math.floor(Math.exp(random() * logFlows)) - 1;
    const us = Math.floor((packet * 1e6) / options.rate);
    used = writePacket(block, used, flow, us, random, options);
  }
  writeSync(descriptor, block, 0, used);
  closeSync(descriptor);
}

function writePacket(block: Buffer, at: number, flow: number, us: number, random: () => number, options: TraceOptions): number {
  // what a flow is follows from its number alone
  const traits = seededRandom(flow * 2 + 1);
  const isIpv6 = traits() < options.ipv6;
  const isVlan = traits() < options.vlan;
  const isUdp = !options.newFlows && traits() < options.udp;
  const client = Math.floor(traits() * 60_000);
  const server = Math.floor(traits() * 2000);
  const clientPort = 1024 + ((flow * 7919) % 64_000);
  const serverPort = [443, 80, 53, 22, 8080, 5432, 3306, 25][Math.floor(traits() * 8)]!;
  const isReply = !options.newFlows && random() < 0.5;
  const payload = Math.floor(random() * random() * 1400);
  const ipHeader = isIpv6 ? 40 : 20;
  const transport = isUdp ? 8 : 20;
  const link = isVlan ? 18 : 14;
  const length = link + ipHeader + transport + payload;
  const captured = Math.min(length, options.snapLength);
  block.fill(0, at, at + 16 + options.snapLength);
  block.writeUInt32LE(START_SECONDS + Math.floor(us / 1e6), at);
  block.writeUInt32LE(us % 1_000_000, at + 4);
  block.writeUInt32LE(captured, at + 8);
  block.writeUInt32LE(length, at + 12);
  const frame = at + 16;
  block.writeUIntBE(isReply ? 0x020000000001 : 0x020000000002, frame, 6);
  block.writeUIntBE(isReply ? 0x020000000002 : 0x020000000001, frame + 6, 6);
  if (isVlan) block.writeUInt32BE(0x81000005, frame + 12);
  block.writeUInt16BE(isIpv6 ? 0x86dd : 0x0800, frame + link - 2);
  const ip = frame + link;
  const protocol = isUdp ? 17 : 6;
  const clientAddress = (10 << 24) + (1 << 16) + client;
  const serverAddress = ((192 << 24) >>> 0) + (168 << 16) + server;
  const [source, destination] = isReply ? [serverAddress, clientAddress] : [clientAddress, serverAddress];
  const isFragment = !isIpv6 && random() < options.fragments;
  if (isIpv6) {
    block.writeUInt8(0x60, ip);
    block.writeUInt16BE(transport + payload, ip + 4);
    block.writeUInt8(protocol, ip + 6);
    block.writeUInt8(64, ip + 7);
    block.writeUInt32BE(0x20010db8, ip + 8);
    block.writeUInt32BE(source, ip + 20);
    block.writeUInt32BE(0x20010db8, ip + 24);
    block.writeUInt32BE(destination, ip + 36);
  } else {
    block.writeUInt8(0x45, ip);
    block.writeUInt16BE(ipHeader + transport + payload, ip + 2);
    block.writeUInt16BE(flow & 0xffff, ip + 4);
    block.writeUInt16BE(isFragment ? 0x0010 : 0, ip + 6);
    block.writeUInt8(64, ip + 8);
    block.writeUInt8(protocol, ip + 9);
    block.writeUInt32BE(source, ip + 12);
    block.writeUInt32BE(destination, ip + 16);
  }
  const ports = ip + ipHeader;
  block.writeUInt16BE(isReply ? serverPort : clientPort, ports);
  block.writeUInt16BE(isReply ? clientPort : serverPort, ports + 2);
  if (isUdp) block.writeUInt16BE(transport + payload, ports + 4);
  else block.writeUInt16BE(0x5000 | (options.newFlows ? 0x02 : 0x10), ports + 12);
  return frame + captured;
}

async function main(): Promise<void> {
  const given = await yargs(hideBin(process.argv))
    .usage('$0 OUT: a capture file for benchmarks')
    .demandCommand(1)
    .options({
      packets: { type: 'number', default: TRACE_DEFAULTS.packets }, flows: { type: 'number', default: TRACE_DEFAULTS.flows },
      ipv6: { type: 'number', default: 0 }, vlan: { type: 'number', default: 0 }, fragments: { type: 'number', default: 0 },
      udp: { type: 'number', default: TRACE_DEFAULTS.udp }, rate: { type: 'number', default: TRACE_DEFAULTS.rate },
      'snap-length': { type: 'number', default: TRACE_DEFAULTS.snapLength }, seed: { type: 'number', default: 1 },
      'new-flows': { type: 'boolean', default: false },
    })
    .strict()
    .parseAsync();
  writeTrace(String(given._[0]), { ...given, newFlows: given['new-flows'], snapLength: given['snap-length'] });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
