import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { AfPacketSource } from './af-packet-source.ts';
import { CAP_LIMITS, CapSource } from './cap-source.ts';
import { AfPacketMissing } from './system-calls.ts';
import type { LiveSettings, LiveSource, ShippingEndpoints } from './live-source.ts';

/** `auto`: AF_PACKET, and cap where AF_PACKET does not exist. */
export const CAPTURE_METHODS = ['af_packet', 'cap', 'auto'] as const;
export type CaptureMethod = (typeof CAPTURE_METHODS)[number];

export interface LiveSourceOptions extends LiveSettings {
  readonly capture?: CaptureMethod;
}

/**
 * Opens an interface. `warn` gets what the operator should know, at most once a process for each thing. Throws
 * WeirError: PERMISSION, USAGE for a wrong filter, CONFIGURATION, CAPTURE_LINK_TYPE.
 */
export async function openLiveSource(options: LiveSourceOptions, warn: (text: string) => void): Promise<LiveSource> {
  const capture = options.capture ?? 'af_packet';
  if (capture === 'cap') return openCap(options, warn);
  try {
    return new AfPacketSource(options);
  } catch (error) {
    if (capture === 'af_packet' || !(error instanceof AfPacketMissing)) throw error;
    warnOnce(`${error.message}; falling back to cap`, warn);
    return openCap(options, warn);
  }
}

async function openCap(options: LiveSettings, warn: (text: string) => void): Promise<LiveSource> {
  const source = await CapSource.open(options);
  warnOnce(CAP_LIMITS, warn);
  return source;
}

const warned = new Set<string>();

function warnOnce(text: string, warn: (text: string) => void): void {
  if (warned.has(text)) return;
  warned.add(text);
  warn(text);
}

/** This host's ends of connections to its collector, for `shipping`; null where the name does not resolve now. */
export async function shippingEndpoints(collector: URL): Promise<ShippingEndpoints | null> {
  const port = Number(collector.port) || (collector.protocol === 'https:' ? 443 : 80);
  try {
    const found = await lookup(collector.hostname.replace(/^\[|\]$/g, ''), { all: true });
    const local = Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address));
    return { collectorAddresses: found.map(({ address }) => address), port, localAddresses: local };
  } catch {
    return null;
  }
}
