/** Ethernet frames for tests, with as many VLAN tags as asked for. */

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_QINQ = 0x88a8;
export const ETHERTYPE_IPV6 = 0x86dd;
export const ETHERTYPE_MPLS = 0x8847;

/** Bytes for tests: as they are, text as UTF-8, or a number of filler bytes that count up from 0. */
export type Payload = Uint8Array | string | number;

export interface EthernetOptions {
  readonly srcMac?: string;
  readonly dstMac?: string;
  /** VLAN ids, outermost first; of several tags all but the innermost are 802.1ad. */
  readonly vlan?: number | readonly number[];
}

export function payloadBytes(payload: Payload | undefined): Uint8Array {
  if (payload === undefined) return new Uint8Array(0);
  if (typeof payload === 'string') return new TextEncoder().encode(payload);
  if (typeof payload === 'number') return Uint8Array.from({ length: payload }, (_, index) => index & 0xff);
  return payload;
}

export function concatBytes(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Big-endian 16 bits, the order of every header here. */
export function u16(value: number): number[] {
  return [(value >>> 8) & 0xff, value & 0xff];
}

export function u32(value: number): number[] {
  return [...u16(value >>> 16), ...u16(value & 0xffff)];
}

/** `02:00:00:00:00:01` or with dashes. */
export function macBytes(mac: string): Uint8Array {
  const bytes = mac.split(/[:-]/).map((part) => Number.parseInt(part, 16));
  if (bytes.length !== 6 || bytes.some((byte) => !(byte >= 0 && byte <= 255))) throw new Error(`not a MAC: ${mac}`);
  return Uint8Array.from(bytes);
}

/** Header and payload only: no padding to 60 bytes and no frame check sequence, as captures usually show them. */
export function ethernetFrame(etherType: number, payload: Uint8Array, options: EthernetOptions = {}): Uint8Array {
  const tags = typeof options.vlan === 'number' ? [options.vlan] : (options.vlan ?? []);
  const header = [...macBytes(options.dstMac ?? '02:00:00:00:00:02'), ...macBytes(options.srcMac ?? '02:00:00:00:00:01')];
  tags.forEach((vlan, index) => {
    header.push(...u16(index < tags.length - 1 ? ETHERTYPE_QINQ : ETHERTYPE_VLAN), ...u16(vlan));
  });
  return concatBytes(header, u16(etherType), payload);
}

/** RFC 1071. Odd data counts as if a zero byte followed. */
export function internetChecksum(data: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < data.length; at += 2) sum += (data[at]! << 8) | (data[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
