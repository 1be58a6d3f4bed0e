/** How single values of the agent's configuration are spelled. */
import { parseBytes } from '../../shared/byte-size.ts';
import { parseSeconds } from '../../shared/duration.ts';
import type { TextKind } from '../../shared/topology/document.ts';

/** A duration as seconds, within bounds. */
export function secondsKind(least: number, most: number, isWhole: boolean): TextKind<number> {
  return {
    parse: (text) => {
      const seconds = secondsOf(text);
      return seconds !== null && seconds >= least && seconds <= most && (!isWhole || Number.isInteger(seconds)) ? seconds : null;
    },
    expected: `a time of ${isWhole ? 'whole seconds ' : ''}from ${durationText(least)} to ${durationText(most)}, such as 500ms, 60s, 10m or 1h`,
  };
}

function secondsOf(text: string): number | null {
  try {
    return parseSeconds(text, '');
  } catch {
    return null;
  }
}

function durationText(seconds: number): string {
  return seconds < 1 ? `${seconds * 1000}ms` : `${seconds}s`;
}

export function bytesKind(least: number, most: number): TextKind<number> {
  return {
    parse: (text) => {
      const bytes = parseBytes(text);
      return bytes !== null && bytes >= least && bytes <= most ? bytes : null;
    },
    expected: `a size from ${least} to ${most} bytes, such as 4194304, 32MiB or 100MB`,
  };
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export const LISTEN: TextKind<ListenAddress> = {
  parse: (text) => {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text);
    const port = Number(match?.[3]);
    return match && port <= 65_535 ? { host: match[1] ?? match[2]!, port } : null;
  },
  expected: 'an address and a port, such as 127.0.0.1:9790 or [::1]:9790',
};

export const COLLECTOR_URL: TextKind<string> = {
  parse: (text) => (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) ? text : null),
  expected: 'the URL of a collector, such as https://collector.example:8790',
};

/** IFNAMSIZ allows 15 bytes; the kernel refuses white space, slash and colon. */
export const INTERFACE: TextKind<string> = {
  parse: (text) => (/^[^\s/:]+$/.test(text) && Buffer.byteLength(text) <= 15 && text !== '.' && text !== '..' ? text : null),
  expected: 'the name of a network interface: up to 15 bytes without white space, / and :',
};
