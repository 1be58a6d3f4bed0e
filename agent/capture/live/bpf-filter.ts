/**
 * Filters in libpcap's syntax, pcap-filter(7), compiled by libpcap itself. With an interface they are compiled on a
 * capture handle of it, because only then libpcap knows that the kernel takes VLAN tags out of frames (`vlan 10`) and
 * tells directions (`inbound`).
 */
import { WeirError } from '../../../shared/errors.ts';
import { LINK_ETHERNET, LINK_RAW } from '../../decode/link-layer.ts';
import { decodeProgram, INSTRUCTION_BYTES, type BpfProgram } from './bpf-program.ts';
import { IS_LITTLE_ENDIAN, loadKoffi, type Koffi } from './system-calls.ts';

const LIBRARIES = ['libpcap.so.1', 'libpcap.so.0.8', 'libpcap.so', 'libpcap.dylib'];
/** `net` without a mask, and `ip broadcast`, do not depend on the network of some interface. */
const NETMASK_UNKNOWN = 0xffffffff;
const ERROR_BYTES = 256;
/** libpcap's own number for raw IP, where capture files have 101. */
const DLT_RAW = 12;
const PCAP_ERROR_IFACE_NOT_UP = -9;
/** The least that is needed: packets of this handle are not read. */
const BUFFER_BYTES = 65_536;
const LOOPBACK = 'lo';

export interface FilterTarget {
  /** Null to check the expression alone. */
  readonly interface: string | null;
  /** LINKTYPE_ number of the frames. */
  readonly linkType: number;
  readonly snapLengthBytes: number;
}

interface Libpcap {
  readonly koffi: Koffi;
  openDead(linkType: number, snapLength: number): bigint | null;
  create(device: string, error: Uint8Array): bigint | null;
  setSnapLength(handle: bigint, bytes: number): number;
  setBufferSize(handle: bigint, bytes: number): number;
  activate(handle: bigint): number;
  dataLink(handle: bigint): number;
  compile(handle: bigint, program: Uint8Array, expression: string, optimize: number, netmask: number): number;
  freeCode(program: Uint8Array): void;
  errorText(handle: bigint): string;
  close(handle: bigint): void;
}

let loaded: Libpcap | null = null;

/** Throws USAGE for a wrong expression, CONFIGURATION where libpcap is missing. */
export function compileFilter(expression: string, target: FilterTarget, libraries: readonly string[] = LIBRARIES): BpfProgram {
  const libpcap = libraries === LIBRARIES ? (loaded ??= loadLibpcap(libraries)) : loadLibpcap(libraries);
  const handle = target.interface === null ? openDead(libpcap, target) : openInterface(libpcap, target.interface, target);
  try {
    return compile(libpcap, handle, expression);
  } finally {
    libpcap.close(handle);
  }
}

function compile(libpcap: Libpcap, handle: bigint, expression: string): BpfProgram {
  // struct bpf_program: count (4), padding, pointer
  const pointerBytes = libpcap.koffi.sizeof('void *');
  const program = Buffer.alloc(2 * pointerBytes);
  if (libpcap.compile(handle, program, expression, 1, NETMASK_UNKNOWN) !== 0) {
    throw new WeirError('USAGE', `the filter "${expression}" does not compile: ${libpcap.errorText(handle)}; see man pcap-filter`);
  }
  try {
    const view = new DataView(program.buffer, program.byteOffset, program.length);
    const instructions = view.getUint32(0, IS_LITTLE_ENDIAN);
    const address = pointerBytes === 8 ? view.getBigUint64(8, IS_LITTLE_ENDIAN) : BigInt(view.getUint32(4, IS_LITTLE_ENDIAN));
    return decodeProgram(new Uint8Array(libpcap.koffi.view(address, instructions * INSTRUCTION_BYTES)));
  } finally {
    libpcap.freeCode(program);
  }
}

function openDead(libpcap: Libpcap, { linkType, snapLengthBytes }: FilterTarget): bigint {
  const handle = libpcap.openDead(dltOf(linkType), snapLengthBytes);
  if (handle === null) throw new Error('pcap_open_dead returned nothing');
  return handle;
}

/** An interface that is down cannot be opened by libpcap; then `lo` stands in for it where frames look the same. */
function openInterface(libpcap: Libpcap, name: string, target: FilterTarget): bigint {
  const error = Buffer.alloc(ERROR_BYTES);
  const handle = libpcap.create(name, error);
  if (handle === null) throw new WeirError('CONFIGURATION', `libpcap cannot open ${name}: ${cString(error)}`);
  libpcap.setSnapLength(handle, target.snapLengthBytes);
  libpcap.setBufferSize(handle, BUFFER_BYTES);
  const status = libpcap.activate(handle); // above 0 are warnings
  const wanted = dltOf(target.linkType);
  if (status >= 0 && libpcap.dataLink(handle) === wanted) return handle;
  const reason = status < 0 ? libpcap.errorText(handle) || `error ${status}` : `it sees link type ${libpcap.dataLink(handle)}, not ${wanted}`;
  libpcap.close(handle);
  if (status === PCAP_ERROR_IFACE_NOT_UP && target.linkType === LINK_ETHERNET && name !== LOOPBACK) return openInterface(libpcap, LOOPBACK, target);
  throw new WeirError('CONFIGURATION', `libpcap cannot compile filters for ${target.interface}: ${reason}`);
}

function dltOf(linkType: number): number {
  return linkType === LINK_RAW ? DLT_RAW : linkType;
}

function cString(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

function loadLibpcap(names: readonly string[]): Libpcap {
  const koffi = loadKoffi();
  const library = openFirst(koffi, names);
  return {
    koffi,
    openDead: library.func('void *pcap_open_dead(int linktype, int snaplen)'),
    create: library.func('void *pcap_create(const char *device, void *error)'),
    setSnapLength: library.func('int pcap_set_snaplen(void *handle, int bytes)'),
    setBufferSize: library.func('int pcap_set_buffer_size(void *handle, int bytes)'),
    activate: library.func('int pcap_activate(void *handle)'),
    dataLink: library.func('int pcap_datalink(void *handle)'),
    compile: library.func('int pcap_compile(void *handle, void *program, const char *expression, int optimize, uint32_t netmask)'),
    freeCode: library.func('void pcap_freecode(void *program)'),
    errorText: library.func('const char *pcap_geterr(void *handle)'),
    close: library.func('void pcap_close(void *handle)'),
  };
}

function openFirst(koffi: Koffi, names: readonly string[]): ReturnType<Koffi['load']> {
  let cause: unknown;
  for (const name of names) {
    try {
      return koffi.load(name);
    } catch (error) {
      cause = error;
    }
  }
  throw new WeirError('CONFIGURATION',
    'a capture filter needs libpcap, which is not installed: apt install libpcap0.8 (Debian, Ubuntu), dnf install libpcap (Fedora, RHEL), apk add libpcap (Alpine)', { cause });
}
