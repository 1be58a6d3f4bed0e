import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { WeirError } from '../../../shared/errors.ts';
import { DEFAULT_BATCH_PACKETS, KERNEL_UNKNOWN, PacketBatch, type CaptureDamage, type CaptureInterface, type PacketSource } from '../../../shared/packet-batch.ts';
import { openCaptureStream } from '../capture-file.ts';
import type { CapAnswer, CapOrder } from './cap-process.ts';
import { POLL_INTERVAL_MS, ringSettings, type CaptureEnd, type CaptureStatistics, type LiveSettings, type LiveSource, type ShippingEndpoints } from './live-source.ts';
import { linkTable } from './link-table.ts';
import { noCapturePermission } from './system-calls.ts';

/** In the source tree modules are .ts, in a build .js. */
const PROGRAM = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './cap-process.ts' : './cap-process.js', import.meta.url));

/** With 64 MB cap has been seen to corrupt its memory. */
const MAX_BUFFER_BYTES = 10 * 1024 * 1024;
const BUILD_COMMAND = 'npm rebuild cap --ignore-scripts=false';

/** What nobody who captures with cap should have to find out alone. */
export const CAP_LIMITS =
  'capture with cap: times are those of reading, not of the kernel; drops are not known; there is no packet direction and no length ' +
  'of packets beyond the snap length; the interface is put in promiscuous mode, and capture ends when it goes down';

/** Packets of one interface through `cap`, which is a binding of libpcap: the fallback where there is no AF_PACKET. */
export class CapSource implements LiveSource {
  readonly interfaces: readonly CaptureInterface[];
  readonly damage: CaptureDamage | null = null;
  endReason: CaptureEnd | null = null;

  private readonly name: string;
  private readonly ifindex: number | undefined;
  private readonly child: ChildProcess;
  private readonly exited: Promise<string>;
  private readonly stream: PacketSource;
  /** What the stream has brought, and how much of it was handed out. */
  private readonly received = new PacketBatch(DEFAULT_BATCH_PACKETS);
  private handedOut = 0;
  private receiving: Promise<boolean> | null = null;
  private packets = 0;
  private isStopped = false;
  private isClosed = false;

  private constructor(name: string, child: ChildProcess, exited: Promise<string>, stream: PacketSource) {
    this.name = name;
    this.ifindex = linkTable().read(name)?.ifindex;
    this.child = child;
    this.exited = exited;
    this.stream = stream;
    this.interfaces = [{ name, linkType: stream.interfaces[0]!.linkType }];
  }

  /** Throws PERMISSION, USAGE for a wrong filter, CONFIGURATION where cap is not built or the interface is missing. */
  static async open(settings: LiveSettings): Promise<CapSource> {
    const { snapLengthBytes, ringBytes } = ringSettings(settings);
    if (settings.fanOut) throw new WeirError('CONFIGURATION', 'cap cannot share an interface between workers; use one worker');
    const order: CapOrder = {
      interface: settings.interface, snapLengthBytes, bufferBytes: Math.min(ringBytes, MAX_BUFFER_BYTES),
      filter: combinedFilter(settings.filter ?? null, settings.shipping ?? null),
    };
    const child = fork(PROGRAM, [JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    const exited = ended(child);
    const reply = await Promise.race([once(child, 'message').then(([message]) => message as CapAnswer), exited]);
    if (typeof reply === 'string') throw new WeirError('CONFIGURATION', `cap on ${settings.interface} did not start: ${reply}`);
    if (reply.kind === 'unbuilt') throw notBuilt(reply.text);
    if (reply.kind === 'refused') throw refused(settings, reply.text);
    return new CapSource(settings.interface, child, exited, await openCaptureStream(child.stdout!, `cap on ${settings.interface}`));
  }

  async fill(batch: PacketBatch): Promise<boolean> {
    batch.count = 0;
    if (this.endReason !== null || this.isClosed) return false;
    if (this.handedOut === this.received.count && !(await this.receive())) {
      await this.end();
      return false;
    }
    this.handOut(batch);
    return !this.isClosed;
  }

  stop(): void {
    this.isStopped = true;
    if (this.child.connected) this.child.send('stop', () => {}); // a failure to send shows as the end of the process
  }

  statistics(): CaptureStatistics {
    return { packets: this.packets, drops: null };
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.child.kill('SIGKILL');
    await this.exited;
    await this.stream.close();
    await this.receiving;
  }

  /** False at the end of the stream. */
  private async receive(): Promise<boolean> {
    this.handedOut = this.received.count = 0;
    this.receiving ??= this.stream.fill(this.received).finally(() => (this.receiving = null));
    let timer: NodeJS.Timeout | undefined;
    const interval = new Promise<true>((resolve) => (timer = setTimeout(() => resolve(true), POLL_INTERVAL_MS)));
    const goesOn = await Promise.race([this.receiving, interval]);
    clearTimeout(timer);
    return goesOn;
  }

  private handOut(batch: PacketBatch): void {
    const { received } = this;
    const from = this.handedOut;
    const to = Math.min(received.count, from + batch.capacity);
    batch.setBytes(received.bytes);
    batch.offset.set(received.offset.subarray(from, to));
    batch.captureLength.set(received.captureLength.subarray(from, to));
    batch.originalLength.set(received.originalLength.subarray(from, to));
    batch.timeUs.set(received.timeUs.subarray(from, to));
    batch.interfaceIndex.fill(0, 0, to - from);
    batch.kernelDirection.fill(KERNEL_UNKNOWN, 0, to - from);
    batch.count = to - from;
    this.handedOut = to;
    this.packets += to - from;
  }

  private async end(): Promise<void> {
    const how = await this.exited;
    if (this.isClosed) return;
    const isGone = linkTable().read(this.name)?.ifindex !== this.ifindex;
    if (this.isStopped) this.endReason = { kind: 'stopped', text: `capture on ${this.name} was stopped` };
    else if (isGone) this.endReason = { kind: 'removed', text: `interface ${this.name} was removed` };
    else this.endReason = { kind: 'failed', text: `cap on ${this.name} ended, as it does when the interface goes down (${how})` };
  }
}

/** As one expression of libpcap: what the user asked for, without the connection to the collector. */
export function combinedFilter(filter: string | null, shipping: ShippingEndpoints | null): string {
  const parts = filter === null ? [] : [`(${filter})`];
  if (shipping !== null) {
    const hosts = (addresses: readonly string[]): string => addresses.map((address) => `host ${address.replace(/%.*$/, '')}`).join(' or ');
    parts.push(`not (tcp port ${shipping.port} and (${hosts(shipping.collectorAddresses)}) and (${hosts(shipping.localAddresses)}))`);
  }
  return parts.join(' and ');
}

/** How the process ended, with what it had to say. */
function ended(child: ChildProcess): Promise<string> {
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-1000)));
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve([signal ?? `exit code ${code}`, said.trim()].filter(Boolean).join(': ')));
  });
}

function notBuilt(text: string): WeirError {
  return new WeirError('CONFIGURATION',
    `the package cap is not installed or not built (${text}). Build it with: ${BUILD_COMMAND} (needs a C++ compiler, make, python3 and the headers of libpcap: apt install build-essential libpcap-dev)`);
}

function refused(settings: LiveSettings, text: string): WeirError {
  if (/permission|not permitted/i.test(text)) return noCapturePermission(`capture on ${settings.interface}`);
  if (/syntax|expression|parse|unknown|filter/i.test(text) && settings.filter) {
    return new WeirError('USAGE', `the filter "${settings.filter}" does not compile: ${text}; see man pcap-filter`);
  }
  return new WeirError('CONFIGURATION', `cap cannot capture on ${settings.interface}: ${text}`);
}
