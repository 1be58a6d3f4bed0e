/** Frames that nobody meant to send, through the decoder: no throw, no read outside of the frame, one outcome a packet. */
import { Decoder } from '../../agent/decode/decoder.ts';
import { KeyQueue } from '../../agent/decode/key-queue.ts';
import { SLOT_FLAGS, SLOT_STATUS, SLOT_WORDS, QUEUE_QUOTES } from '../../agent/decode/key-slot.ts';
import { PACKET_STATUS_NAMES, STATUS_DECODED } from '../../agent/decode/packet-status.ts';
import { seededRandom } from '../../bench/random.ts';
import { KEY_META, KEY_WORDS } from '../../shared/flow-key.ts';
import { PacketBatch } from '../../shared/packet-batch.ts';
import { DEFAULT_TOPOLOGY } from '../../shared/topology/topology.ts';
import { concatBytes, ethernetFrame } from '../frames/ethernet.ts';
import { icmpFrame, tcpFrame, tcpPacket, udpFrame, udpPacket } from '../frames/frames.ts';

const LINK_TYPES = [0, 1, 9, 12, 50, 101, 108, 113, 228, 229, 276];
const INTERFACES = LINK_TYPES.map((linkType) => ({ name: null, linkType }));
const PACKETS = 256;
const SLACK_BYTES = 64;

const A = '10.0.0.1';
const B = '10.0.0.2';
const A6 = 'fd00::1';
const B6 = 'fd00::2';
const udp = udpPacket({ src: A, dst: B });
const udp6 = udpPacket({ src: A6, dst: B6 });
const options = { protocol: 60, body: Uint8Array.of(0, 1, 4, 0, 0, 0, 0) };
const SEEDS = [
  tcpFrame({ src: A, dst: B, flags: 'S' }), udpFrame({ src: A6, dst: B6, extensionHeaders: [options, { ...options, protocol: 43 }] }),
  udpFrame({ src: A, dst: B, vlan: 3, fragment: { offset: 0, more: true, id: 3 } }), udpFrame({ src: A6, dst: B6, fragment: { offset: 8, more: false, id: 3 } }),
  icmpFrame({ src: A, dst: B, type: 3, code: 1, payload: tcpPacket({ src: B, dst: A }) }), icmpFrame({ src: A6, dst: B6, type: 1, payload: udp6 }),
  ethernetFrame(0x8847, concatBytes([0, 1, 0, 64, 0, 2, 1, 64], udp)), ethernetFrame(0x8864, concatBytes([0x11, 0, 0, 1, 0, 30, 0, 0x21], udp)),
  udp, udp6, concatBytes([2, 0, 0, 0], udp), concatBytes([0xff, 3, 0, 0x21], udp), concatBytes(new Uint8Array(14), [8, 0], udp),
];

/** Throws at the first frame that breaks a promise, with the seed's number and the frame in hexadecimal. */
export function fuzzDecoder(seed: number, count: number): void {
  const random = seededRandom(seed);
  const decoders = [0, 1].map(() => new Decoder([{ eni: DEFAULT_TOPOLOGY.enis[0]!, index: 0 }]));
  const batches = [0, 1].map(() => new PacketBatch(PACKETS));
  const queues = [0, 1].map(() => new KeyQueue(PACKETS));
  for (let done = 0; done < count; done += PACKETS) {
    const frames = Array.from({ length: PACKETS }, () => mutated(random));
    const links = frames.map(() => Math.floor(random() * LINK_TYPES.length));
    // twice, with different bytes around each frame: what lies outside must not matter
    batches.forEach((batch, i) => layOut(batch, frames, links, i === 0 ? 0x00 : 0xff));
    batches.forEach((batch, i) => decoders[i]!.decode(batch, 0, PACKETS, INTERFACES, queues[i]!));
    compare(queues[0]!, queues[1]!, frames, seed);
  }
}

function mutated(random: () => number): Uint8Array {
  const pick = (below: number) => Math.floor(random() * below);
  const frame = SEEDS[pick(SEEDS.length)]!.slice();
  for (let flips = pick(6); flips > 0; flips--) frame[pick(Math.min(frame.length, 80))] = random() < 0.3 ? [0, 1, 0x45, 0x60, 0xff][pick(5)]! : pick(256);
  return random() < 0.4 ? frame.subarray(0, pick(frame.length + 1)) : frame;
}

/** The last frame ends where the memory ends, so that reading past it throws. */
function layOut(batch: PacketBatch, frames: readonly Uint8Array[], links: readonly number[], around: number): void {
  const bytes = new Uint8Array(frames.reduce((sum, frame) => sum + frame.length + SLACK_BYTES, 0)).fill(around);
  let offset = 0;
  frames.forEach((frame, i) => {
    offset += SLACK_BYTES;
    bytes.set(frame, offset);
    batch.offset[i] = offset;
    batch.captureLength[i] = frame.length;
    batch.originalLength[i] = frame.length;
    batch.timeUs[i] = i;
    batch.interfaceIndex[i] = links[i]!;
    offset += frame.length;
  });
  batch.setBytes(bytes);
  batch.count = frames.length;
}

function compare(one: KeyQueue, other: KeyQueue, frames: readonly Uint8Array[], seed: number): void {
  const fail = (reason: string, packet: number): never => {
    throw new Error(`seed ${seed}: ${reason} for ${Buffer.from(frames[packet] ?? []).toString('hex')}`);
  };
  if (one.count !== frames.length) fail(`${one.count} outcomes of ${frames.length} packets`, 0);
  for (let packet = 0; packet < one.count; packet++) {
    const at = packet * SLOT_WORDS;
    const status = one.keys[at + SLOT_STATUS]!;
    if (PACKET_STATUS_NAMES[status] === undefined) fail(`status ${status}`, packet);
    if (other.keys[at + SLOT_STATUS] !== status) fail('the status depends on bytes outside of the frame', packet);
    if (status !== STATUS_DECODED) continue;
    const quotes = (one.keys[at + SLOT_FLAGS]! & QUEUE_QUOTES) !== 0;
    for (let word = 0; word < KEY_WORDS + 2; word++) {
      if (one.keys[at + word] !== other.keys[at + word]) fail(`word ${word} depends on bytes outside of the frame`, packet);
      if (quotes && word <= KEY_META && one.quoted[at + word] !== other.quoted[at + word]) fail(`quoted word ${word} depends on bytes outside`, packet);
    }
  }
}
