/** A packet socket, packet(7): the system calls and their structures, nothing of what is in the ring. */
import { WeirError } from '../../../shared/errors.ts';
import { encodeProgram, type BpfProgram } from './bpf-program.ts';
import { AfPacketMissing, errorName, IS_LITTLE_ENDIAN, noCapturePermission, systemCalls, type SystemCalls } from './system-calls.ts';
import type { FanOutMembership, RingSettings } from './live-source.ts';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
/** All protocols, in network byte order as both bind and the address have it. */
const ETH_P_ALL_NETWORK_ORDER = IS_LITTLE_ENDIAN ? 0x0300 : 0x0003;

const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_ATTACH_FILTER = 26;

const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_RX_RING = 5;
const PACKET_STATISTICS = 6;
const PACKET_VERSION = 10;
const PACKET_FANOUT = 18;
const PACKET_FANOUT_DATA = 22;
const TPACKET_V3 = 2;
const PACKET_MR_PROMISC = 1;
/** The program decides; see fan-out-program.ts. */
const PACKET_FANOUT_CBPF = 6;
const PACKET_FANOUT_FLAG_UNIQUEID = 0x2000;

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const MAP_FAILED = 2n ** 64n - 1n;
const MAP_FAILED_32 = 2n ** 32n - 1n;

const SOCKADDR_LL_BYTES = 20;
const SOCKADDR_LL_IFINDEX = 4;

/** Address ranges whose rings are gone, freed when nobody can hold a view of them any more. */
const abandoned = new FinalizationRegistry<{ address: bigint; length: number }>(({ address, length }) => {
  systemCalls().munmap(address, length);
});

export class AfPacketSocket {
  private readonly calls: SystemCalls;
  private readonly name: string;
  private ring: { address: bigint; view: ArrayBuffer } | null = null;
  readonly descriptor: number;

  /** Sees nothing before `bind`. `hasLinkHeader`: frames from their link header on, or from their IP header on. */
  constructor(interfaceName: string, hasLinkHeader: boolean) {
    this.calls = systemCalls();
    this.name = interfaceName;
    const type = (hasLinkHeader ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    this.descriptor = this.calls.socket(AF_PACKET, type, 0);
    if (this.descriptor >= 0) return;
    const error = errorName(this.calls);
    if (error === 'EPERM' || error === 'EACCES') throw noCapturePermission(`capture on ${interfaceName}`);
    throw new AfPacketMissing(`this kernel gives no packet sockets (${error}); capture with cap (--capture cap)`);
  }

  /** Makes the ring and maps it: block after block, with nothing between them. */
  mapRing(settings: RingSettings): ArrayBuffer {
    const { ringBytes, blockBytes, blockTimeoutMs } = settings;
    this.setWords(PACKET_VERSION, 'the version of its ring', TPACKET_V3);
    // struct tpacket_req3; version 3 packs frames of any size, but still checks that these two fit together
    const frameBytes = 2048;
    const words = [blockBytes, ringBytes / blockBytes, frameBytes, ringBytes / frameBytes, blockTimeoutMs, 0, 0];
    this.setWords(PACKET_RX_RING, `a ring of ${ringBytes} bytes in blocks of ${blockBytes}`, ...words);
    const address = this.calls.mmap(null, ringBytes, PROT_READ | PROT_WRITE, MAP_SHARED, this.descriptor, 0);
    if (address === MAP_FAILED || address === MAP_FAILED_32) throw this.refused(`the mapping of a ring of ${ringBytes} bytes`);
    this.ring = { address, view: this.calls.koffi.view(address, ringBytes) };
    return this.ring.view;
  }

  /** Replaces the filter that was there. */
  attachFilter(program: BpfProgram): void {
    const value = this.programPointer(program);
    if (this.calls.setsockopt(this.descriptor, SOL_SOCKET, SO_ATTACH_FILTER, value.bytes, value.bytes.length) < 0) {
      throw this.refused(`a filter of ${program.length} instructions`);
    }
  }

  /** From here on packets come, through the filter. */
  bind(interfaceIndex: number): void {
    const address = new Uint8Array(SOCKADDR_LL_BYTES);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_PACKET, IS_LITTLE_ENDIAN);
    view.setUint16(2, ETH_P_ALL_NETWORK_ORDER, IS_LITTLE_ENDIAN);
    view.setInt32(SOCKADDR_LL_IFINDEX, interfaceIndex, IS_LITTLE_ENDIAN);
    if (this.calls.bind(this.descriptor, address, address.length) < 0) throw this.refused('the binding to the interface');
  }

  becomePromiscuous(interfaceIndex: number): void {
    // struct packet_mreq: index, type (2), address length (2), address (8)
    this.setWords(PACKET_ADD_MEMBERSHIP, 'promiscuous mode', interfaceIndex, IS_LITTLE_ENDIAN ? PACKET_MR_PROMISC : PACKET_MR_PROMISC << 16, 0, 0);
  }

  /** Shares the packets with the other sockets of the group; the program says which packet goes to which. Its number. */
  joinFanOut(membership: FanOutMembership, program: BpfProgram): number {
    const isNew = membership.group === 'new';
    const type = PACKET_FANOUT_CBPF | (isNew ? PACKET_FANOUT_FLAG_UNIQUEID : 0);
    this.setWords(PACKET_FANOUT, `fan-out group ${membership.group}`, (type << 16) | (isNew ? 0 : Number(membership.group)));
    if (!isNew) return Number(membership.group);
    const value = this.programPointer(program);
    if (this.calls.setsockopt(this.descriptor, SOL_PACKET, PACKET_FANOUT_DATA, value.bytes, value.bytes.length) < 0) {
      throw this.refused('the fan-out program');
    }
    return this.readOption(SOL_PACKET, PACKET_FANOUT, 4).getUint32(0, IS_LITTLE_ENDIAN) & 0xffff;
  }

  /** Since the last call: packets that passed the filter, and those of them that found no room. */
  takeStatistics(): { packets: number; drops: number } {
    const view = this.readOption(SOL_PACKET, PACKET_STATISTICS, 12);
    return { packets: view.getUint32(0, IS_LITTLE_ENDIAN), drops: view.getUint32(4, IS_LITTLE_ENDIAN) };
  }

  /** Whether the interface still exists here. Clears a pending error, ENETDOWN, which would keep `poll` from waiting. */
  isBound(): boolean {
    this.readOption(SOL_SOCKET, SO_ERROR, 4);
    const address = new Uint8Array(SOCKADDR_LL_BYTES);
    const length = new Uint8Array(Uint32Array.of(SOCKADDR_LL_BYTES).buffer);
    if (this.calls.getsockname(this.descriptor, address, length) < 0) throw this.refused('the question for its interface');
    return new DataView(address.buffer).getInt32(SOCKADDR_LL_IFINDEX, IS_LITTLE_ENDIAN) > 0;
  }

  /**
   * The ring's memory goes back to the kernel. Who still holds a view of it reads zeros: its addresses stay taken until
   * the view is collected.
   */
  close(): void {
    const { ring } = this;
    this.ring = null;
    if (ring !== null) {
      const { address, view } = ring;
      const flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE;
      const emptied = this.calls.mmap(address, view.byteLength, PROT_READ | PROT_WRITE, flags, -1, 0);
      if (emptied === address) abandoned.register(view, { address, length: view.byteLength });
    }
    this.calls.close(this.descriptor);
  }

  private setWords(option: number, what: string, ...words: number[]): void {
    const value = new Uint8Array(Int32Array.from(words).buffer);
    if (this.calls.setsockopt(this.descriptor, SOL_PACKET, option, value, value.length) < 0) throw this.refused(what);
  }

  private readOption(level: number, option: number, bytes: number): DataView {
    const value = new Uint8Array(bytes);
    const length = new Uint8Array(Uint32Array.of(bytes).buffer);
    if (this.calls.getsockopt(this.descriptor, level, option, value, length) < 0) throw this.refused(`option ${option}`);
    return new DataView(value.buffer);
  }

  /** struct sock_fprog: length (2), padding, pointer. The instructions live as long as the result. */
  private programPointer(program: BpfProgram): { bytes: Uint8Array; instructions: Uint8Array } {
    const instructions = encodeProgram(program);
    const pointerBytes = this.calls.koffi.sizeof('void *');
    const bytes = new Uint8Array(2 * pointerBytes);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, program.length, IS_LITTLE_ENDIAN);
    const address = this.calls.koffi.address(instructions);
    if (pointerBytes === 8) view.setBigUint64(8, address, IS_LITTLE_ENDIAN);
    else view.setUint32(4, Number(address), IS_LITTLE_ENDIAN);
    return { bytes, instructions };
  }

  private refused(what: string): WeirError {
    const error = errorName(this.calls);
    if (error === 'EPERM' || error === 'EACCES') return noCapturePermission(`${what} on ${this.name}`);
    const wayOut = error === 'ENOMEM' ? '; make the ring smaller (ring-bytes)' : '';
    return new WeirError('CONFIGURATION', `${this.name}: the kernel refused ${what} (${error})${wayOut}`);
  }
}
