/**
 * An agent that is killed under traffic, again and again, and the collector that it ships to if there is one: what is
 * recorded and what is admitted must be what was sent.
 */
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import winston from 'winston';
import { startCollector } from '../../aggregator/main.ts';
import { seededRandom } from '../../bench/random.ts';
import { udpFrame } from '../frames/frames.ts';
import { storedRows } from '../aggregator/collector-fixture.ts';
import { FrameSender } from '../netns/frame-sender.ts';
import { NetworkNamespace, connect } from '../netns/network-namespace.ts';

const WEIR = fileURLToPath(new URL('../../weir.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');
const BURST = 40;
const PAUSE_MS = 4;
const FIRST_LIFE_MS = 2500;
const LONGEST_LIFE_MS = 3000;
const SETTLE_MS = 1500;
const LONGEST_STOP_MS = 200;
const COLLECTOR = '127.0.0.1:8790';
const METRICS = '127.0.0.1:9790';
const PATIENCE_MS = 120_000;

export interface KillOutcome {
  readonly sent: number;
  readonly recorded: number;
  /** Stated by SKIPDATA rows. */
  readonly admitted: number;
  /** SKIPDATA rows that cannot say how much. */
  readonly unknown: number;
}

class Site {
  readonly folder = mkdtempSync(join(tmpdir(), 'weir-kill-'));
  readonly host = new NetworkNamespace();
  private readonly peer = new NetworkNamespace();
  private sender!: FrameSender;
  private isSending = false;
  sent = 0;

  async build(): Promise<void> {
    connect(
      { namespace: this.host, interface: 'eth0', mac: '02:00:00:00:00:01' }, { namespace: this.peer, interface: 'eth0', mac: '02:00:00:00:00:02' });
    this.sender = await FrameSender.open(this.peer, 'eth0');
  }

  /** Sends until `stopSending`. */
  async send(): Promise<void> {
    const frames = Array.from({ length: 200 }, (_, i) => udpFrame({
      src: '10.9.0.2', dst: '10.9.0.1', srcPort: 1000 + i, dstPort: 53, payload: 20, srcMac: '02:00:00:00:00:02', dstMac: '02:00:00:00:00:01',
    }));
    this.isSending = true;
    while (this.isSending) {
      const from = (this.sent * 7) % (frames.length - BURST);
      this.sender.send(frames.slice(from, from + BURST));
      this.sent += BURST;
      await sleep(PAUSE_MS);
    }
  }

  stopSending(): void {
    this.isSending = false;
  }

  /** Resolves when it captures. */
  startAgent({ workers = 1, ships = false, windowSeconds = 2 }: KillOptions): Promise<ChildProcess> {
    const output = ships
      ? ['--collector', `http://${COLLECTOR}`, '--token-file', join(this.data, 'admin-token'), '--metrics', METRICS]
      : ['--output', this.output, '--json', '--fields', 'all'];
    return this.startWeir(/capturing on/, [
      'agent', '-i', 'eth0', '--window', `${windowSeconds}s`, '--grace', '300ms', ...output,
      '--state-directory', join(this.folder, 'state'), '--table-capacity', '4096', '--workers', String(workers),
    ]);
  }

  startCollector(): Promise<ChildProcess> {
    return this.startWeir(/collector on/, ['collector', '--data', this.data, '--listen', COLLECTOR, '--aggregation-delay', '2s']);
  }

  private async startWeir(saysThatItRuns: RegExp, args: readonly string[]): Promise<ChildProcess> {
    const child = this.host.spawn(process.execPath, ['--import', TSX, WEIR, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stderr! })) {
      lines.push(line);
      if (saysThatItRuns.test(line)) {
        child.stderr!.resume();
        return child;
      }
    }
    throw new Error(`${args[0]} did not start: ${lines.join('\n')}`);
  }

  /** Resolves when each thread of the agent has written a checkpoint since then: before the first, nothing is known of what passed. */
  async checkpointed(sinceMs: number, { workers = 1 }: KillOptions): Promise<void> {
    const paths = Array.from({ length: workers }, (_, worker) => join(this.folder, 'state', `checkpoint-${worker}`));
    await until(() => paths.every((path) => (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > sinceMs), 'checkpoint');
  }

  /** Resolves when the collector has taken what the agent had for it. */
  async shipped(): Promise<void> {
    await until(() => {
      const { shipping } = JSON.parse(this.host.run('curl', '-s', `http://${METRICS}/status`)) as { shipping: { waitingBatches: number } };
      return shipping.waitingBatches === 0;
    }, 'acknowledgement of all batches');
  }

  get data(): string {
    return join(this.folder, 'data');
  }

  get output(): string {
    return join(this.folder, 'records.json');
  }

  destroy(): void {
    this.sender.close();
    this.host.remove();
    this.peer.remove();
    rmSync(this.folder, { recursive: true });
  }
}

export interface KillOptions {
  readonly workers?: number;
  /** To a collector, which is killed too: every third time. */
  readonly ships?: boolean;
  /** 2 unless given. */
  readonly windowSeconds?: number;
  /** Before each kill the agent is stopped in order, and goes on; or it is killed in the midst of stopping. */
  readonly stops?: 'whole' | 'cut off';
  readonly tell?: (text: string) => void;
}

export async function killAgentRepeatedly(kills: number, seed: number, options: KillOptions = {}): Promise<KillOutcome> {
  const { ships = false, stops, tell = () => {} } = options;
  const random = seededRandom(seed);
  const site = new Site();
  await site.build();
  let agent: ChildProcess | null = null;
  let collector: ChildProcess | null = null;
  try {
    if (ships) collector = await site.startCollector();
    agent = await site.startAgent(options);
    // what the capture sees from here on counts
    await sleep(SETTLE_MS);
    const sending = site.send();
    let startedMs = Date.now();
    for (let kill = 1; kill <= kills; kill++) {
      await sleep(kill === 1 ? FIRST_LIFE_MS : random() * LONGEST_LIFE_MS);
      if (kill === 1) await site.checkpointed(startedMs, options);
      if (stops === 'whole') {
        await end(agent, 'SIGTERM');
        startedMs = Date.now();
        agent = await site.startAgent(options);
        await sleep(FIRST_LIFE_MS);
        await site.checkpointed(startedMs, options);
      } else if (stops === 'cut off') {
        agent.kill('SIGTERM');
        await sleep(random() * LONGEST_STOP_MS);
      }
      await end(agent, 'SIGKILL');
      if (collector !== null && kill % 3 === 0) await end(collector, 'SIGKILL');
      agent = await site.startAgent(options);
      if (collector !== null && kill % 3 === 0) collector = await site.startCollector();
      if (kill % 10 === 0) tell(`${kill} kills, ${site.sent} packets sent`);
    }
    await sleep(SETTLE_MS);
    site.stopSending();
    await sending;
    await sleep(SETTLE_MS);
    if (ships) await site.shipped();
    await end(agent, 'SIGTERM');
    if (collector === null) return outcome(site, writtenRows(site));
    await end(collector, 'SIGKILL');
    return outcome(site, await publishedRows(site));
  } finally {
    site.stopSending();
    agent?.kill('SIGKILL');
    collector?.kill('SIGKILL');
    site.destroy();
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (const limit = performance.now() + PATIENCE_MS; !holds(); await sleep(50)) {
    if (performance.now() > limit) throw new Error(`no ${what} within ${PATIENCE_MS / 1000} s`);
  }
}

type Row = Readonly<Record<string, unknown>>;

function writtenRows(site: Site): Row[] {
  const lines = existsSync(site.output) ? readFileSync(site.output, 'utf8').split('\n').filter((line) => line !== '') : [];
  return lines.map((line) => JSON.parse(line) as Row);
}

/** Of the collector's LogStore, when everything that was acknowledged is published. */
async function publishedRows(site: Site): Promise<Row[]> {
  const collector = await startCollector({ data: site.data, host: '127.0.0.1', port: 0, log: winston.createLogger({ silent: true }), settleMs: 0 });
  await collector.flush();
  await collector.stop();
  return storedRows(site.data);
}

function outcome(site: Site, rows: readonly Row[]): KillOutcome {
  const total = { sent: site.sent, recorded: 0, admitted: 0, unknown: 0 };
  for (const row of rows) {
    if (row['log-status'] === 'OK') total.recorded += Number(row['packets']);
    else if (row['log-status'] === 'SKIPDATA' && row['skipped-packets'] === null) total.unknown++;
    else total.admitted += Number(row['skipped-packets'] ?? 0);
  }
  return total;
}
