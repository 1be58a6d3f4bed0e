import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../bench/random.ts';

/** What happens to one request. */
const FAULTS = [
  'delayed', 'dropped', 'request-cut', 'answer-cut', 'answer-lost', 'sent-twice', 'sent-late', 'replayed', 'error-page', 'foreign-page',
] as const;
export type Fault = (typeof FAULTS)[number];

/**
 * What happens to all requests for a while: in `rough` weather a fault each now and then, in `wild` each time. `away`:
 * connections are reset. `deaf`: nothing passes, and connections stay open. `mute`: requests pass, answers do not.
 */
const WEATHERS = ['calm', 'calm', 'rough', 'rough', 'wild', 'away', 'deaf', 'mute'] as const;
export type Weather = (typeof WEATHERS)[number];

export interface FaultProxyOptions {
  readonly seed: number;
  /** Of the collector; null while there is none. */
  readonly target: () => string | null;
  /** The longest time until the weather changes. */
  readonly weatherMs: number;
  /** The longest delay of a request, of an answer, and of what comes late. */
  readonly delayMs: number;
  /** What must not be was seen. */
  readonly violated: (text: string) => void;
}

interface Message {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const REMEMBERED = 48;
const ROUGH_SHARE = 0.3;
/** How many of those that wait when the weather changes are left to the client's patience. */
const LEFT_HANGING_SHARE = 0.1;
const MOST_REPLAYS = 6;
const PAGE = '<html><body>Please sign in to the network</body></html>';
const HOP_BY_HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host']);

/**
 * Stands between one agent and the collector, and does to its batches whatever a network may do.
 *
 * It also judges what it sees of batches. I1. Under one number an agent sends always the same bytes. I2. The collector calls a number
 * stored once. I3. Nothing that an agent has sent is refused.
 */
export class FaultProxy {
  /** Faults and weathers that met a request, and answers of the collector by what they say. */
  readonly counts = new Map<string, number>();
  private readonly options: FaultProxyOptions;
  private readonly random: () => number;
  private readonly server: Server;
  private readonly digests = new Map<string, string>();
  private readonly storedNumbers = new Set<string>();
  private readonly remembered: Message[] = [];
  /** Connections that wait for nothing. */
  private readonly held = new Set<Socket>();
  /** Ends what is still to be sent late. */
  private readonly ending = new AbortController();
  private readonly late = new Set<Promise<unknown>>();
  private weather: Weather = 'calm';

  private constructor(options: FaultProxyOptions) {
    this.options = options;
    this.random = seededRandom(options.seed);
    this.server = createServer((request, response) => {
      this.serve(request, response).catch(() => request.socket.destroy());
    });
  }

  static async listen(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Changes the weather at random moments until `signal`; then it is calm, and what was to come late is sent. */
  async storm(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.change(WEATHERS[Math.floor(this.random() * WEATHERS.length)]!, LEFT_HANGING_SHARE);
      // most are short, some are long
      await sleep(this.random() ** 2 * this.options.weatherMs, undefined, { signal }).catch(() => {});
    }
    this.change('calm', 0);
    await Promise.all(this.late);
  }

  async close(): Promise<void> {
    this.ending.abort();
    this.change('calm', 0);
    this.server.closeAllConnections();
    this.server.close();
    await Promise.all(this.late);
  }

  private change(weather: Weather, leftHangingShare: number): void {
    this.weather = weather;
    for (const socket of this.held) {
      if (this.random() < leftHangingShare) continue;
      socket.resetAndDestroy();
      this.held.delete(socket);
    }
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const message: Message = { method: request.method!, url: request.url!, headers: request.headers, body: Buffer.concat(chunks) };
    if (message.method === 'POST') {
      this.checkBytes(message);
      this.remember(message);
    }
    const { weather } = this;
    this.count(`weather ${weather}`);
    if (weather === 'away') {
      socket.resetAndDestroy();
      return;
    }
    if (weather === 'deaf' || weather === 'mute') {
      this.hold(socket);
      if (weather === 'mute') await this.forward(message);
      return;
    }
    const isHit = weather === 'wild' || (weather === 'rough' && this.random() < ROUGH_SHARE);
    if (isHit) await this.hit(FAULTS[Math.floor(this.random() * FAULTS.length)]!, message, response);
    else await this.pass(message, response);
  }

  private async hit(fault: Fault, message: Message, response: ServerResponse): Promise<void> {
    this.count(fault);
    const socket = response.socket!;
    switch (fault) {
      case 'delayed':
        await this.delay();
        return this.answer(response, await this.forward(message), () => this.delay());
      case 'dropped':
        socket.resetAndDestroy();
        return;
      case 'request-cut':
        await this.forward(message, 1 + Math.floor(this.random() * (message.body.length - 1)));
        socket.resetAndDestroy();
        return;
      case 'answer-cut': {
        const answer = await this.forward(message);
        if (answer) await this.writeHalf(response, answer);
        socket.resetAndDestroy();
        return;
      }
      case 'answer-lost':
        await this.forward(message);
        socket.resetAndDestroy();
        return;
      case 'sent-twice': {
        const answers = await Promise.all([this.forward(message), this.forward(message)]);
        return this.answer(response, answers[this.random() < 0.5 ? 0 : 1]!);
      }
      case 'sent-late':
        socket.resetAndDestroy();
        this.sendLate(message);
        return;
      case 'replayed':
        await this.pass(message, response);
        for (let count = 1 + Math.floor(this.random() * MOST_REPLAYS); count > 0 && this.remembered.length > 0; count--) {
          this.sendLate(this.remembered[Math.floor(this.random() * this.remembered.length)]!);
        }
        return;
      case 'error-page':
        return this.page(message, response, 502);
      case 'foreign-page':
        return this.page(message, response, 200);
    }
  }

  private async pass(message: Message, response: ServerResponse): Promise<void> {
    this.answer(response, await this.forward(message));
  }

  /** Something else answers, whether the collector has it or not. */
  private async page(message: Message, response: ServerResponse, status: number): Promise<void> {
    if (this.random() < 0.5) await this.forward(message);
    response.writeHead(status, { 'content-type': 'text/html' }).end(PAGE);
  }

  private async answer(response: ServerResponse, answer: Answer | null, before: () => Promise<void> = async () => {}): Promise<void> {
    await before();
    if (answer === null) response.socket?.resetAndDestroy();
    else response.writeHead(answer.status, endToEnd(answer.headers)).end(answer.body);
  }

  private async writeHalf(response: ServerResponse, { status, headers, body }: Answer): Promise<void> {
    response.writeHead(status, { ...endToEnd(headers), 'content-length': body.length });
    const part = body.subarray(0, Math.floor(this.random() * body.length));
    await new Promise<void>((resolve) => response.write(part.length > 0 ? part : ' ', () => resolve()));
  }

  private hold(socket: Socket): void {
    this.held.add(socket);
    socket.once('close', () => this.held.delete(socket));
  }

  /** After all that the agent sends meanwhile. */
  private sendLate(message: Message): void {
    const sent = this.delay(3).then(() => (this.ending.signal.aborted ? null : this.forward(message)));
    this.late.add(sent);
    void sent.finally(() => this.late.delete(sent));
  }

  private async delay(times = 1): Promise<void> {
    await sleep(this.random() * this.options.delayMs * times, undefined, { signal: this.ending.signal }).catch(() => {});
  }

  private remember(message: Message): void {
    if (this.remembered.length < REMEMBERED) this.remembered.push(message);
    else this.remembered[Math.floor(this.random() * REMEMBERED)] = message;
  }

  /** null: no answer. With `bytes` only so much of the body is sent, and the connection is reset. */
  private forward(message: Message, bytes: number | null = null): Promise<Answer | null> {
    const target = this.options.target();
    if (target === null) return Promise.resolve(null);
    return new Promise((resolve) => {
      const { method, url, headers, body } = message;
      const sent = httpRequest(new URL(url, target), { method, headers: { ...endToEnd(headers), 'content-length': body.length }, agent: false });
      sent.on('error', () => resolve(null));
      sent.on('close', () => resolve(null));
      sent.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', () => resolve(null));
        response.on('end', () => {
          const answer = { status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) };
          if (method === 'POST') this.judge(message, answer);
          resolve(answer);
        });
      });
      if (bytes === null) sent.end(body);
      else sent.write(body.subarray(0, bytes), () => sent.socket?.resetAndDestroy());
    });
  }

  private checkBytes(message: Message): void {
    const digest = createHash('sha256').update(message.body).digest('base64');
    const number = numberOf(message);
    const known = this.digests.get(number);
    if (known !== undefined && known !== digest) this.options.violated(`${number} came with other bytes`);
    this.digests.set(number, digest);
  }

  private judge(message: Message, { status, body }: Answer): void {
    const text = body.toString();
    const said = status === 200 ? /"status"\s*:\s*"(\w+)"/.exec(text)?.[1] ?? 'nothing' : String(status);
    this.count(`answer ${said}`);
    const number = numberOf(message);
    if (said === 'stored') {
      if (this.storedNumbers.has(number)) this.options.violated(`${number} was stored twice`);
      this.storedNumbers.add(number);
    } else if (status !== 200 && status !== 409 && status < 500 && status !== 429) {
      this.options.violated(`${number} was refused: ${status} ${text.slice(0, 200)}`);
    }
  }

  private count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

function numberOf({ headers }: Message): string {
  return `${String(headers['weir-agent-id'])} ${String(headers['weir-epoch'])} ${String(headers['weir-sequence'])}`;
}

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}
