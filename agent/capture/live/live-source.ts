/** What every live source is besides a source of packets, and what it is opened with. */
import { WeirError } from '../../../shared/errors.ts';
import type { PacketSource } from '../../../shared/packet-batch.ts';

/** Counted from the opening of the source, and still there after its close. */
export interface CaptureStatistics {
  /** Packets that passed the filter, as far as the source knows of them: those handed out and those dropped. */
  readonly packets: number;
  /** Packets that passed the filter and found no room; null where the source cannot know. */
  readonly drops: number | null;
}

export interface CaptureEnd {
  /** `stopped` by its owner, `removed` with its interface, `failed` for any other reason. */
  readonly kind: 'stopped' | 'removed' | 'failed';
  readonly text: string;
}

/**
 * Packets of one network interface, as they come.
 *
 * I1. `fill` never waits longer than POLL_INTERVAL_MS for packets and some milliseconds for the event loop: with
 *     nothing to hand out it resolves true with an empty batch.
 * I2. Packets handed out + drops = packets that passed the filter, once `fill` has resolved false and where drops are
 *     known at all.
 * I3. An interface that goes down pauses its source, which goes on when the interface is up again (cap's source ends
 *     as `failed`). Removal, also to another network namespace, ends it; a rename does not.
 */
export interface LiveSource extends PacketSource {
  readonly endReason: CaptureEnd | null;
  statistics(): CaptureStatistics;
  /** Lets no more packets in. What came before is still handed out; then `fill` resolves false. */
  stop(): void;
}

export const POLL_INTERVAL_MS = 100;

export interface LiveSettings {
  /** Name of the network interface. */
  readonly interface: string;
  /** Bytes of a packet that are looked at. Default DEFAULT_SNAP_LENGTH_BYTES. */
  readonly snapLengthBytes?: number;
  /** Room for packets that have come and were not handed out yet. Default DEFAULT_RING_BYTES. */
  readonly ringBytes?: number;
  /** The ring's unit: the kernel hands packets over by the block. Default DEFAULT_BLOCK_BYTES. */
  readonly blockBytes?: number;
  /** A block that is not full is handed over after this time. Default DEFAULT_BLOCK_TIMEOUT_MS. */
  readonly blockTimeoutMs?: number;
  /** Also the packets that the interface would not accept for itself. Default false. */
  readonly isPromiscuous?: boolean;
  /** libpcap filter syntax (pcap-filter(7)); null or absent for every packet. */
  readonly filter?: string | null;
  /** The agent's own connection to its collector is left out. */
  readonly shipping?: ShippingEndpoints | null;
  /** One of several sources that share the packets of the interface between them. */
  readonly fanOut?: FanOutMembership | null;
}

/** Packets between one of the local addresses and the port at one of the collector's addresses. */
export interface ShippingEndpoints {
  readonly collectorAddresses: readonly string[];
  readonly port: number;
  readonly localAddresses: readonly string[];
}

/**
 * `new` makes a group, whose number is then `fanOutGroup` of the source; the others join by that number. Which packets a
 * member gets depends on how many there are, so that all of them wait for `start()`, after the last one has joined.
 */
export interface FanOutMembership {
  readonly group: number | 'new';
}

/**
 * Link header, two VLAN tags, IPv6 with some extension headers, and an ICMP error that quotes as much. Payload is of no
 * use and costs the kernel a copy.
 */
export const DEFAULT_SNAP_LENGTH_BYTES = 256;
/**
 * How long nobody may read before packets are dropped: the ring holds about 100,000 packets (350 bytes each with their
 * headers), and no longer than 128 blocks of 50 ms, because a block that is handed over half empty stays so.
 */
export const DEFAULT_RING_BYTES = 32 * 1024 * 1024;
export const DEFAULT_BLOCK_BYTES = 256 * 1024;
export const DEFAULT_BLOCK_TIMEOUT_MS = 50;

/** The kernel wants whole pages, of up to 64 KiB on some processors. */
const BLOCK_UNIT_BYTES = 65_536;
const MAX_RING_BYTES = 0x7fff_0000;
const MAX_SNAP_LENGTH_BYTES = 262_144;
const MIN_SNAP_LENGTH_BYTES = 64;
const MAX_BLOCK_TIMEOUT_MS = 10_000;

export type RingSettings = Required<Pick<LiveSettings, 'snapLengthBytes' | 'ringBytes' | 'blockBytes' | 'blockTimeoutMs'>>;

/** Throws CONFIGURATION for what cannot be. */
export function ringSettings(settings: LiveSettings): RingSettings {
  const snapLengthBytes = settings.snapLengthBytes ?? DEFAULT_SNAP_LENGTH_BYTES;
  const ringBytes = settings.ringBytes ?? DEFAULT_RING_BYTES;
  const blockBytes = settings.blockBytes ?? Math.min(DEFAULT_BLOCK_BYTES, ringBytes);
  const blockTimeoutMs = settings.blockTimeoutMs ?? DEFAULT_BLOCK_TIMEOUT_MS;
  requireWithin('snap length', snapLengthBytes, 'bytes', MIN_SNAP_LENGTH_BYTES, MAX_SNAP_LENGTH_BYTES);
  requireWithin('ring size', ringBytes, 'bytes', BLOCK_UNIT_BYTES, MAX_RING_BYTES);
  requireWithin('block timeout', blockTimeoutMs, 'ms', 1, MAX_BLOCK_TIMEOUT_MS);
  if (!(blockBytes >= BLOCK_UNIT_BYTES && blockBytes % BLOCK_UNIT_BYTES === 0)) {
    throw new WeirError('CONFIGURATION', `block size ${blockBytes} is not a multiple of ${BLOCK_UNIT_BYTES} bytes`);
  }
  if (ringBytes % blockBytes !== 0) {
    throw new WeirError('CONFIGURATION', `ring size ${ringBytes} is not a multiple of the block size, ${blockBytes} bytes`);
  }
  return { snapLengthBytes, ringBytes, blockBytes, blockTimeoutMs };
}

function requireWithin(what: string, value: number, unit: string, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new WeirError('CONFIGURATION', `${what} ${value} is not a whole number of ${unit} from ${least} to ${most}`);
}
