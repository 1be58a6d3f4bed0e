/** The same flows for nfdump: sent to its collector, nfcapd, as NetFlow 9 over loopback. */
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Records } from '../shared/records.ts';
const TEMPLATE_V4 = 256;
const TEMPLATE_V6 = 257;
/** Numbers and lengths of RFC 3954; what nfdump keeps of a flow in any case, and nothing more. */
const FIELDS_AFTER_ADDRESSES = [[7, 2], [11, 2], [4, 1], [6, 1], [2, 4], [1, 8], [22, 4], [21, 4]] as const;
const HEADER_BYTES = 20;
const PACKET_BYTES = 1400;
const RESERVED_SOCKET_BYTES = 64 << 20;
/** So many datagrams, then a look whether the collector has read them. */
const BURST = 256;
const QUEUE_BYTES = 1 << 20;

/** Rows as NetFlow 9 datagrams. Times are milliseconds since `bootSeconds`, as routers have it. */
class Exporter {
  private readonly send: (datagram: Buffer) => Promise<void>;
  private readonly bootSeconds: number;
  private sequence = 0;

  constructor(bootSeconds: number, send: (datagram: Buffer) => Promise<void>) {
    this.bootSeconds = bootSeconds;
    this.send = send;
  }

  async templates(seconds: number): Promise<void> {
    const sets = [[TEMPLATE_V4, [8, 4], [12, 4]], [TEMPLATE_V6, [27, 16], [28, 16]]] as const;
    const packet = Buffer.alloc(PACKET_BYTES);
    this.header(packet, sets.length, seconds);
    let at = HEADER_BYTES + 4;
    for (const [id, ...addresses] of sets) {
      const fields = [...addresses, ...FIELDS_AFTER_ADDRESSES];
      at = packet.writeUInt16BE(id, at);
      at = packet.writeUInt16BE(fields.length, at);
      for (const [type, length] of fields) {
        at = packet.writeUInt16BE(type, at);
        at = packet.writeUInt16BE(length, at);
      }
    }
    packet.writeUInt16BE(0, HEADER_BYTES);
    packet.writeUInt16BE(at - HEADER_BYTES, HEADER_BYTES + 2);
    await this.send(packet.subarray(0, at));
  }

  /** In the order in which the flows ended. */
  async rows(records: Records): Promise<void> {
    const order = Uint32Array.from({ length: records.count }, (_, row) => row).sort((a, b) => records.lastSeenUs[a]! - records.lastSeenUs[b]!);
    const isV4 = (row: number): boolean => records.source[row * 4] === 0;
    for (const family of [4, 6]) await this.family(records, order.filter((row) => isV4(row) === (family === 4)), family);
  }

  private async family(records: Records, rows: Uint32Array, family: number): Promise<void> {
    const recordBytes = (family === 4 ? 8 : 32) + FIELDS_AFTER_ADDRESSES.reduce((sum, [, length]) => sum + length, 0);
    const perPacket = Math.floor((PACKET_BYTES - HEADER_BYTES - 4) / recordBytes);
    for (let from = 0; from < rows.length; from += perPacket) {
      const part = rows.subarray(from, from + perPacket);
      const packet = Buffer.allocUnsafe(PACKET_BYTES);
      this.header(packet, part.length, records.windowEnd);
      let at = HEADER_BYTES + 4;
      for (const row of part) at = this.record(packet, at, records, row, family);
      while (at % 4 !== 0) packet[at++] = 0;
      packet.writeUInt16BE(family === 4 ? TEMPLATE_V4 : TEMPLATE_V6, HEADER_BYTES);
      packet.writeUInt16BE(at - HEADER_BYTES, HEADER_BYTES + 2);
      await this.send(packet.subarray(0, at));
    }
  }

  private record(packet: Buffer, from: number, records: Records, row: number, family: number): number {
    let at = from;
    for (const words of [records.source, records.destination]) {
      for (let word = family === 4 ? 3 : 0; word < 4; word++) at = packet.writeInt32BE(words[row * 4 + word]!, at);
    }
    at = packet.writeUInt16BE(records.sourcePort[row]!, at);
    at = packet.writeUInt16BE(records.destinationPort[row]!, at);
    packet[at++] = records.protocol[row]!;
    packet[at++] = records.tcpFlags[row]!;
    at = packet.writeUInt32BE(records.packets[row]!, at);
    at = packet.writeBigUInt64BE(BigInt(records.bytes[row]!), at);
    at = packet.writeUInt32BE(this.uptimeMs(records.firstSeenUs[row]!), at);
    return packet.writeUInt32BE(this.uptimeMs(records.lastSeenUs[row]!), at);
  }

  private uptimeMs(us: number): number {
    return Math.floor(us / 1000) - this.bootSeconds * 1000;
  }

  private header(packet: Buffer, records: number, seconds: number): void {
    packet.writeUInt16BE(9, 0);
    packet.writeUInt16BE(records, 2);
    packet.writeUInt32BE((seconds - this.bootSeconds) * 1000, 4);
    packet.writeUInt32BE(seconds, 8);
    packet.writeUInt32BE(this.sequence++, 12);
    packet.writeUInt32BE(1, 16);
  }
}

/** Makes one nfdump file of all the windows in `folder` and returns its path. Throws if a record is missing in it. */
export async function recordWithNfcapd(folder: string, windows: Iterable<Records>, bootSeconds: number): Promise<string> {
  const port = await freePort();
  const nfcapd = spawn('nfcapd', ['-p', String(port), '-b', '127.0.0.1', '-w', folder, '-B', String(RESERVED_SOCKET_BYTES), '-t', '86400'], { stdio: 'ignore' });
  const ended = once(nfcapd, 'exit');
  const socket = createSocket('udp4');
  let rows = 0;
  try {
    await until(() => receiveQueue(port) !== null);
    let sent = 0;
    const exporter = new Exporter(bootSeconds, async (datagram) => {
      await new Promise<void>((resolve, reject) => socket.send(datagram, port, '127.0.0.1', (error) => (error ? reject(error) : resolve())));
      if (++sent % BURST === 0) await until(() => (receiveQueue(port) ?? 0) < QUEUE_BYTES);
    });
    for (const records of windows) {
      await exporter.templates(records.windowEnd);
      await exporter.rows(records);
      rows += records.count;
    }
    await until(() => receiveQueue(port) === 0);
  } finally {
    socket.close();
    nfcapd.kill('SIGTERM');
    await ended;
  }
  const [name] = readdirSync(folder).filter((file) => /^nfcapd\.\d+$/.test(file));
  const path = join(folder, name!);
  const flows = Number(/^Flows: (\d+)$/m.exec(execFileSync('nfdump', ['-I', '-r', path], { encoding: 'utf8' }))?.[1]);
  if (flows !== rows) throw new Error(`nfcapd has ${flows} of ${rows} flows`);
  return path;
}

/** Bytes that wait in the socket bound to the port; null: there is none. */
function receiveQueue(port: number): number | null {
  const address = port.toString(16).toUpperCase().padStart(4, '0');
  const line = readFileSync('/proc/net/udp', 'utf8').split('\n').find((each) => each.trim().split(/\s+/)[1]?.endsWith(`:${address}`));
  return line ? Number.parseInt(/ [0-9A-F]{8}:([0-9A-F]{8}) /.exec(line)![1]!, 16) : null;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(1);
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}
