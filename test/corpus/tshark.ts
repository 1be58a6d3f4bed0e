/**
 * What tshark says of the packets in capture files: the oracle that replay is held against. Only fields of the
 * dissected headers are used, never tshark's own conversation statistics.
 *
 * mergecap joins all files with one interface into one stream, each file as an interface of its own, so that 750
 * files cost one start of tshark and not 750. Both programs read the files with Wireshark's own readers.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** One frame with an IP header in it, as tshark dissects its outermost IP header. Addresses are spelled by tshark. */
export interface TsharkPacket {
  /** From 1, non-IP frames counted. */
  readonly frame: number;
  /** Unix seconds. */
  readonly time: number;
  /** Names of the dissected layers, outermost first. */
  readonly layers: readonly string[];
  /** Bytes of the frame on the wire. */
  readonly frameBytes: number;
  readonly captureBytes: number;
  /** Name in a pcapng; empty where there is none. */
  readonly interfaceName: string;
  /** Of the outermost Ethernet header; empty where there is none. */
  readonly sourceMac: string;
  readonly destinationMac: string;
  /** The kernel's packet type in Linux SLL and SLL2; NaN elsewhere. */
  readonly kernelType: number;
  readonly src: string;
  readonly dst: string;
  readonly protocol: number;
  /** NaN where tshark shows none. */
  readonly srcPort: number;
  readonly dstPort: number;
  /** Total length of IPv4, payload length of IPv6; NaN where tshark shows none. */
  readonly lengthField: number;
  readonly isIpv6: boolean;
  /** Of the IP header without IPv6 extension headers. */
  readonly headerBytes: number;
  /** Fragment offset in bytes, 0 for a first or only fragment. */
  readonly fragmentOffset: number;
  readonly moreFragments: boolean;
  readonly fragmentId: string;
}

export interface TsharkFile {
  /** Frames in the file, with IP or without. */
  frames: number;
  /** Wireshark's number of the first frame's link type (`frame.encap_type`), 1 for Ethernet; NaN without frames. */
  encapsulation: number;
  packets: TsharkPacket[];
}

const FIELDS = [
  'frame.interface_id', 'frame.interface_name', 'eth.src', 'eth.dst', 'sll.pkttype', 'frame.encap_type', 'frame.time_epoch', 'frame.protocols', 'frame.len', 'frame.cap_len',
  'ip.src', 'ip.dst', 'ip.proto', 'ip.hdr_len', 'ip.len', 'ip.id', 'ip.flags.mf', 'ip.frag_offset',
  'ipv6.src', 'ipv6.dst', 'ipv6.nxt', 'ipv6.plen',
  'ipv6.hopopts.nxt', 'ipv6.dstopts.nxt', 'ipv6.routing.nxt', 'ipv6.fraghdr.nxt', 'ah.next_header',
  'ipv6.fraghdr.ident', 'ipv6.fraghdr.more', 'ipv6.fraghdr.offset',
  'tcp.srcport', 'tcp.dstport', 'udp.srcport', 'udp.dstport', 'sctp.srcport', 'sctp.dstport', 'dccp.srcport', 'dccp.dstport',
] as const;
type FieldName = (typeof FIELDS)[number];
const FIELD_INDEX = new Map<string, number>(FIELDS.map((name, index) => [name, index]));

/** tshark must judge each frame alone: no reassembly, no sequence analysis, no names. */
const OPTIONS = [
  '-n', '-T', 'fields', '-E', 'occurrence=a', '-E', 'aggregator=,',
  '-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE', '-o', 'tcp.desegment_tcp_streams:FALSE',
  '-o', 'tcp.analyze_sequence_numbers:FALSE',
  ...FIELDS.flatMap((name) => ['-e', name]),
];

/** The layer of each IPv6 extension header that tshark walks, and the field that names what follows it. */
const EXTENSION_HEADERS: Readonly<Record<string, FieldName>> = {
  'ipv6.hopopts': 'ipv6.hopopts.nxt', 'ipv6.dstopts': 'ipv6.dstopts.nxt', 'ipv6.routing': 'ipv6.routing.nxt',
  'ipv6.fraghdr': 'ipv6.fraghdr.nxt', ah: 'ah.next_header',
};
/** The layers whose header begins with ports, by protocol number. */
const PORT_LAYERS: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp', 33: 'dccp', 132: 'sctp', 136: 'udplite' };

/** One line of tshark's output: every occurrence of a field in the frame, separated by commas. */
class Line {
  private readonly columns: string[];

  constructor(text: string) {
    this.columns = text.split('\t');
  }

  at(name: FieldName, occurrence = 0): string {
    return (this.columns[FIELD_INDEX.get(name)!] ?? '').split(',')[occurrence] ?? '';
  }

  number(name: FieldName, occurrence = 0): number {
    const text = this.at(name, occurrence);
    return text === '' ? NaN : Number(text);
  }
}

/** Protocol number and layer after the IPv6 extension headers that follow layer `at`. */
function walkExtensions(line: Line, layers: readonly string[], at: number): { protocol: number; next: number } {
  const seen = new Map<string, number>();
  let protocol = line.number('ipv6.nxt');
  let next = at + 1;
  for (; next < layers.length; next++) {
    const layer = layers[next]!;
    const field = EXTENSION_HEADERS[layer];
    if (field === undefined) break;
    const occurrence = seen.get(layer) ?? 0;
    const following = line.number(field, occurrence);
    if (Number.isNaN(following)) break;
    seen.set(layer, occurrence + 1);
    protocol = following;
  }
  return { protocol, next };
}

function readPacket(line: Line, frame: number): TsharkPacket | null {
  const layers = line.at('frame.protocols').split(':');
  const at = layers.findIndex((layer) => layer === 'ip' || layer === 'ipv6');
  if (at < 0) return null;
  const isIpv6 = layers[at] === 'ipv6';
  const src = line.at(isIpv6 ? 'ipv6.src' : 'ip.src');
  const dst = line.at(isIpv6 ? 'ipv6.dst' : 'ip.dst');
  // a header cut short, or one that claims an impossible length, shows a part of its fields
  if (src === '' || dst === '') return null;
  const { protocol, next } = isIpv6 ? walkExtensions(line, layers, at) : { protocol: line.number('ip.proto'), next: at + 1 };
  const portLayer = PORT_LAYERS[protocol];
  const hasPorts = portLayer !== undefined && layers[next] === portLayer;
  const portPrefix = portLayer === 'udplite' ? 'udp' : portLayer;
  return {
    frame, layers, src, dst, protocol, isIpv6,
    interfaceName: line.at('frame.interface_name'),
    sourceMac: line.at('eth.src'),
    destinationMac: line.at('eth.dst'),
    kernelType: line.number('sll.pkttype'),
    time: line.number('frame.time_epoch'),
    frameBytes: line.number('frame.len'),
    captureBytes: line.number('frame.cap_len'),
    srcPort: hasPorts ? line.number(`${portPrefix}.srcport` as FieldName) : NaN,
    dstPort: hasPorts ? line.number(`${portPrefix}.dstport` as FieldName) : NaN,
    headerBytes: isIpv6 ? 40 : line.number('ip.hdr_len'),
    lengthField: line.number(isIpv6 ? 'ipv6.plen' : 'ip.len'),
    fragmentOffset: (isIpv6 ? line.number('ipv6.fraghdr.offset') : line.number('ip.frag_offset')) || 0,
    moreFragments: /^(1|true)$/i.test(line.at(isIpv6 ? 'ipv6.fraghdr.more' : 'ip.flags.mf')),
    fragmentId: line.at(isIpv6 ? 'ipv6.fraghdr.ident' : 'ip.id'),
  };
}

async function dissect(captureFile: string, fileOf: (interfaceId: number) => TsharkFile): Promise<void> {
  const child = spawn('tshark', ['-r', captureFile, ...OPTIONS], { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  for await (const text of createInterface({ input: child.stdout, crlfDelay: Infinity })) {
    const line = new Line(text);
    const file = fileOf(line.number('frame.interface_id') || 0);
    if (file.frames++ === 0) file.encapsulation = line.number('frame.encap_type');
    const packet = readPacket(line, file.frames);
    if (packet) file.packets.push(packet);
  }
  const status = await ended;
  // 2: the capture is damaged somewhere after the frames that were printed; the tests know which files are.
  if (status !== 0 && status !== 2) throw new Error(`tshark -r ${captureFile} ended with ${status}: ${complaints}`);
}

function emptyFile(): TsharkFile {
  return { frames: 0, encapsulation: NaN, packets: [] };
}

async function readTogether(folder: string, files: readonly string[], results: Map<string, TsharkFile>): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'weir-tshark-'));
  try {
    const joined = join(scratch, 'joined.pcapng');
    await run('mergecap', ['-a', '-I', 'none', '-F', 'pcapng', '-w', joined, ...files], { cwd: folder });
    for (const file of files) results.set(file, emptyFile());
    await dissect(joined, (id) => results.get(files[id]!)!);
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** Dissects each file. Paths are relative to `folder`. A pcapng may hold several interfaces, so it is read alone. */
export async function readWithTshark(folder: string, files: readonly string[]): Promise<Map<string, TsharkFile>> {
  const results = new Map<string, TsharkFile>();
  const alone = files.filter((file) => !/\.pcap(\.gz)?$/.test(file));
  const together = files.filter((file) => !alone.includes(file));
  const waiting = [...alone];
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const result = emptyFile();
      results.set(file, result);
      await dissect(join(folder, file), () => result);
    }
  };
  await Promise.all([together.length > 0 ? readTogether(folder, together, results) : null, worker(), worker()]);
  return results;
}
