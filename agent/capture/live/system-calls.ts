/**
 * The C library through koffi, which is an optional dependency and is loaded only when somebody captures. Each thread
 * has its own instance. All arguments are numbers, buffers, or addresses as bigint; nothing is registered by name.
 */
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { WeirError } from '../../../shared/errors.ts';

export type Koffi = typeof import('koffi');
type Address = bigint;
/** Result -1: see `errorName`. */
export interface SystemCalls {
  readonly koffi: Koffi;
  socket(family: number, type: number, protocol: number): number;
  bind(descriptor: number, address: Uint8Array, length: number): number;
  setsockopt(descriptor: number, level: number, option: number, value: Uint8Array, length: number): number;
  getsockopt(descriptor: number, level: number, option: number, value: Uint8Array, length: Uint8Array): number;
  getsockname(descriptor: number, address: Uint8Array, length: Uint8Array): number;
  send(descriptor: number, bytes: Uint8Array, length: number, flags: number): number;
  recv(descriptor: number, bytes: Uint8Array, length: number, flags: number): number;
  mmap(address: Address | null, length: number, protection: number, flags: number, descriptor: number, offset: number): Address;
  munmap(address: Address, length: number): number;
  close(descriptor: number): number;
}

export const IS_LITTLE_ENDIAN = endianness() === 'LE';

let loaded: SystemCalls | null = null;

/** This system has no AF_PACKET, or none that we can reach. */
export class AfPacketMissing extends WeirError {
  constructor(reason: string, cause?: unknown) {
    super('CONFIGURATION', reason, { cause });
  }
}

export function loadKoffi(): Koffi {
  try {
    return createRequire(import.meta.url)('koffi') as Koffi;
  } catch (cause) {
    throw new AfPacketMissing('capture on AF_PACKET needs the package koffi, which is not installed: npm install koffi, or capture with cap (--capture cap)', cause);
  }
}

export function systemCalls(): SystemCalls {
  if (loaded !== null) return loaded;
  if (process.platform !== 'linux') {
    throw new AfPacketMissing(`AF_PACKET exists on Linux only, and this is ${process.platform}; capture with cap (--capture cap)`);
  }
  const koffi = loadKoffi();
  const library = koffi.load(null); // whichever C library this Node is linked with
  loaded = {
    koffi,
    socket: library.func('int socket(int family, int type, int protocol)'),
    bind: library.func('int bind(int fd, const void *address, uint length)'),
    setsockopt: library.func('int setsockopt(int fd, int level, int option, const void *value, uint length)'),
    getsockopt: library.func('int getsockopt(int fd, int level, int option, void *value, void *length)'),
    getsockname: library.func('int getsockname(int fd, void *address, void *length)'),
    send: library.func('intptr_t send(int fd, const void *bytes, size_t length, int flags)'),
    recv: library.func('intptr_t recv(int fd, void *bytes, size_t length, int flags)'),
    mmap: library.func('void *mmap(void *address, size_t length, int protection, int flags, int fd, intptr_t offset)'),
    munmap: library.func('int munmap(void *address, size_t length)'),
    close: library.func('int close(int fd)'),
  };
  return loaded;
}

/** `EPERM` and the like, for the system call before. */
export function errorName(calls: SystemCalls): string {
  const number = calls.koffi.errno();
  try {
    return getSystemErrorName(-number);
  } catch {
    return `errno ${number}`;
  }
}

/** The error of a refused raw socket, with the ways to be allowed. */
export function noCapturePermission(what: string): WeirError {
  return new WeirError('PERMISSION',
    `${what} needs the capability CAP_NET_RAW. Grant it with: sudo setcap cap_net_raw+ep ${process.execPath} ` +
    '(in a systemd unit: AmbientCapabilities=CAP_NET_RAW), or run with sudo');
}
