/** A packet as the writers of capture files take it: bare bytes, or bytes with what a capture says of them. */

export interface CapturedPacket {
  readonly data: Uint8Array;
  /** Unix time in microseconds. Default: FIRST_TIME_US plus a millisecond for each packet before this one. */
  readonly timeUs?: number;
  /** Nanoseconds beyond `timeUs`, for files that hold them. */
  readonly extraNs?: number;
  /** Default: the length of `data`. */
  readonly originalLength?: number;
  /** Index of the interface in its section (pcapng only). */
  readonly interfaceIndex?: number;
  /** pcapng only: what epb_flags say. */
  readonly direction?: 'inbound' | 'outbound';
  /** pcapng only; default enhanced. A simple block has no time and no interface. */
  readonly block?: 'enhanced' | 'simple' | 'obsolete';
}

/** 2023-11-14T22:13:20Z */
export const FIRST_TIME_US = 1_700_000_000_000_000;
export const TIME_STEP_US = 1000;

export function capturedPacket(packet: Uint8Array | CapturedPacket, index: number): CapturedPacket & { timeUs: number } {
  const described = packet instanceof Uint8Array ? { data: packet } : packet;
  return { ...described, timeUs: described.timeUs ?? FIRST_TIME_US + index * TIME_STEP_US };
}

export const LINKTYPE_NULL = 0;
export const LINKTYPE_ETHERNET = 1;
export const LINKTYPE_PPP = 9;
export const LINKTYPE_RAW = 101;
export const LINKTYPE_LOOP = 108;
export const LINKTYPE_LINUX_SLL = 113;
export const LINKTYPE_IPV4 = 228;
export const LINKTYPE_IPV6 = 229;
export const LINKTYPE_LINUX_SLL2 = 276;
