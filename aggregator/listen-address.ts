import { isIPv4, isIPv6, type AddressInfo } from 'node:net';
import { WeirError } from '../shared/errors.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:8790`, `[::1]:8790`, `0.0.0.0:0`; port 0 lets the system pick one. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) throw new WeirError('USAGE', `--listen is ${JSON.stringify(text)}; write an address and a port, such as 127.0.0.1:8790 or [::1]:8790`);
  return { host: match[1] ?? match[2]!, port };
}

/** Where a server that is bound there is to be reached; `0.0.0.0` and `[::]` are all addresses of the host. */
export function urlAt({ address, port }: AddressInfo, isSecure: boolean): string {
  return `${isSecure ? 'https' : 'http'}://${isIPv6(address) ? `[${address}]` : address}:${port}`;
}

export function isLoopback({ host }: ListenAddress): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
