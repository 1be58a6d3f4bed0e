/** What the decoder made of frames, as text that a person can compare. */
import { Decoder } from '../../../agent/decode/decoder.ts';
import { KeyQueue } from '../../../agent/decode/key-queue.ts';
import { QUEUE_FRAGMENT, QUEUE_QUOTES, SLOT_BYTES, SLOT_FLAGS, SLOT_STATUS, SLOT_WORDS } from '../../../agent/decode/key-slot.ts';
import { PACKET_STATUS_NAMES } from '../../../agent/decode/packet-status.ts';
import { formatAddress } from '../../../shared/address.ts';
import {
  KEY_DST0, KEY_DST3, KEY_META, KEY_PORTS, KEY_SRC0, KEY_SRC3, META_ENI_SHIFT, META_IPV6, META_OUT,
} from '../../../shared/flow-key.ts';
import type { CaptureInterface } from '../../../shared/packet-batch.ts';
import { DEFAULT_TOPOLOGY, type Eni } from '../../../shared/topology/topology.ts';
import type { CapturedPacket } from '../../frames/captured-packet.ts';
import { packetBatch } from '../../frames/packet-batch.ts';

export interface DecodeSetting {
  readonly linkType?: number;
  readonly interfaces?: readonly CaptureInterface[];
  readonly enis?: readonly Eni[];
  readonly kernelDirection?: number;
}

/** One line a queue slot: `in eni-default tcp 10.0.0.1:1 > 10.0.0.2:2 40 bytes flags 2`, or the name of the status. */
export function decoded(packets: readonly (Uint8Array | CapturedPacket)[], setting: DecodeSetting = {}): { lines: string[]; unmatched: number } {
  const enis = setting.enis ?? DEFAULT_TOPOLOGY.enis;
  const decoder = new Decoder(enis.map((eni, index) => ({ eni, index })));
  const batch = packetBatch(packets, setting.kernelDirection);
  const queue = new KeyQueue(batch.capacity);
  const interfaces = setting.interfaces ?? [{ name: null, linkType: setting.linkType ?? 1 }];
  decoder.decode(batch, 0, batch.count, interfaces, queue);
  const lines = Array.from({ length: queue.count }, (_, slot) => line(queue, slot * SLOT_WORDS, enis));
  return { lines, unmatched: decoder.unmatchedPackets };
}

function line(queue: KeyQueue, at: number, enis: readonly Eni[]): string {
  const { keys } = queue;
  const where = `${(keys[at + KEY_META]! & META_OUT) !== 0 ? 'out' : 'in'} ${enis[keys[at + KEY_META]! >>> META_ENI_SHIFT]!.eniId}`;
  const status = keys[at + SLOT_STATUS]!;
  if (status !== 0) return `${where} ${PACKET_STATUS_NAMES[status]}`;
  const flags = keys[at + SLOT_FLAGS]!;
  return [
    where, keyText(keys, at), `${keys[at + SLOT_BYTES]} bytes`,
    ...((flags & 0xff) !== 0 ? [`flags ${flags & 0xff}`] : []),
    ...((flags & QUEUE_FRAGMENT) !== 0 ? ['fragment'] : []),
    ...((flags & QUEUE_QUOTES) !== 0
      ? [`quotes ${(queue.quoted[at + KEY_META]! & META_OUT) !== 0 ? 'out' : 'in'} ${keyText(queue.quoted, at)}`] : []),
  ].join(' ');
}

function keyText(keys: Int32Array, at: number): string {
  const protocol = keys[at + KEY_META]! & 0xff;
  const ports = keys[at + KEY_PORTS]!;
  const family = (keys[at + KEY_META]! & META_IPV6) !== 0 ? 'v6' : 'v4';
  const source = address(keys, at + KEY_SRC0, at + KEY_SRC3);
  const destination = address(keys, at + KEY_DST0, at + KEY_DST3);
  return `${family}/${protocol} ${source}:${ports >>> 16} > ${destination}:${ports & 0xffff}`;
}

function address(keys: Int32Array, first: number, last: number): string {
  return formatAddress([keys[first]!, keys[first + 1]!, keys[first + 2]!, keys[last]!], 0);
}
