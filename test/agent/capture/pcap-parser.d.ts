declare module 'pcap-parser' {
  import type { EventEmitter } from 'node:events';

  export interface PacketHeader {
    readonly timestampSeconds: number;
    readonly timestampMicroseconds: number;
    readonly capturedLength: number;
    readonly originalLength: number;
  }
  /** Emits globalHeader, packet ({ header: PacketHeader, data: Buffer }), error and end. */
  export function parse(input: string): EventEmitter;
}
