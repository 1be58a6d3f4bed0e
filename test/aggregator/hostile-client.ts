import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

/** Speaks HTTP by hand, as no library would. */
export class HostileClient {
  private readonly port: number;
  private readonly sockets: Socket[] = [];

  constructor(url: string) {
    this.port = Number(new URL(url).port);
  }

  async open(): Promise<Socket> {
    const socket = connect(this.port, '127.0.0.1');
    this.sockets.push(socket);
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
  }
}

/** All that the other side says until it closes the connection. */
export async function untilClosed(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (part: string) => { text += part; });
  await once(socket, 'close');
  return text;
}

/** The first that the other side says; to be called before it can have said anything. */
export async function firstAnswer(socket: Socket): Promise<string> {
  const [text] = await once(socket.setEncoding('utf8'), 'data') as [string];
  return text;
}

export function batchHead(token: string, headers: Readonly<Record<string, string | number>> = {}): string {
  const all = {
    'Host': 'x', 'Authorization': `Bearer ${token}`, 'weir-agent-id': 'slow', 'weir-epoch': 1, 'weir-sequence': 1, 'Content-Type': 'application/x-ndjson', ...headers,
  };
  return `POST /v1/batches HTTP/1.1\r\n${Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** The most memory that the process has had resident; on systems that do not say, what it has now. */
export function peakResidentBytes(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
  } catch {
    return process.memoryUsage.rss();
  }
}
