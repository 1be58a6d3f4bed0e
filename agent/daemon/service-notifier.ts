/** What a service tells systemd, sd_notify(3): datagrams to a unix socket, which Node itself cannot send. */
import { loadKoffi, type Koffi } from '../capture/live/system-calls.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const FAMILY_BYTES = 2;
/** sun_path */
const MAX_PATH_BYTES = 108;

export interface ServiceNotifier {
  /** Such as `READY=1`; several lines are several statements. Never throws. */
  notify(state: string): void;
  /** How often `WATCHDOG=1` is expected; null: never. */
  readonly watchdogMs: number | null;
}

/** Takes NOTIFY_SOCKET and the like. Without a service manager it says nothing. */
export function serviceNotifier(environment: NodeJS.ProcessEnv, warn: (text: string) => void): ServiceNotifier {
  const path = environment['NOTIFY_SOCKET'];
  if (!path || !/^[/@]/.test(path) || Buffer.byteLength(path) >= MAX_PATH_BYTES) return { notify: () => {}, watchdogMs: null };
  const isOurs = !environment['WATCHDOG_PID'] || Number(environment['WATCHDOG_PID']) === process.pid;
  const watchdogUs = Number(environment['WATCHDOG_USEC']);
  let send: (state: string) => void;
  try {
    send = datagramSender(loadKoffi(), path);
  } catch (error) {
    warn(`the service manager cannot be told anything: ${(error as Error).message}`);
    return { notify: () => {}, watchdogMs: null };
  }
  return { notify: send, watchdogMs: isOurs && watchdogUs > 0 ? watchdogUs / 1000 : null };
}

function datagramSender(koffi: Koffi, path: string): (state: string) => void {
  const library = koffi.load(null);
  const socket = library.func('int socket(int family, int type, int protocol)');
  const sendto = library.func('intptr_t sendto(int fd, const void *bytes, size_t length, int flags, const void *address, uint addressLength)');
  const descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) as number;
  if (descriptor < 0) throw new Error(`no unix socket (errno ${koffi.errno()})`);
  const address = socketAddress(path);
  return (state) => {
    const bytes = Buffer.from(state);
    sendto(descriptor, bytes, bytes.length, 0, address, address.length);
  };
}

/** struct sockaddr_un; `@` stands for the zero byte of an abstract name. */
function socketAddress(path: string): Uint8Array {
  const name = Buffer.from(path);
  if (path.startsWith('@')) name[0] = 0;
  const address = new Uint8Array(FAMILY_BYTES + name.length + (path.startsWith('@') ? 0 : 1));
  new Uint16Array(address.buffer, 0, 1)[0] = AF_UNIX;
  address.set(name, FAMILY_BYTES);
  return address;
}
