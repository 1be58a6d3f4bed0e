/** An agent that is killed under traffic, again and again: what it recorded and what it admits must be what was sent. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '../../bench/random.ts';
import { udpFrame } from '../frames/frames.ts';
import { FrameSender } from '../netns/frame-sender.ts';
import { NetworkNamespace, connect } from '../netns/network-namespace.ts';

const WEIR = fileURLToPath(new URL('../../weir.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');
const BURST = 40;
const PAUSE_MS = 4;
/** The first checkpoint is written after about a second; before it nothing is known of what passed. */
const FIRST_LIFE_MS = 2500;
const LONGEST_LIFE_MS = 3000;
const SETTLE_MS = 1500;

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
  async startAgent(workers: number): Promise<ChildProcess> {
    const agent = this.host.spawn(process.execPath, [
      '--import', TSX, WEIR, 'agent', '-i', 'eth0', '--window', '2s', '--grace', '300ms', '--output', this.output, '--json', '--fields', 'all',
      '--state-directory', join(this.folder, 'state'), '--table-capacity', '4096', '--workers', String(workers),
    ], { stdio: ['ignore', 'ignore', 'pipe'] });
    const lines: string[] = [];
    for await (const line of createInterface({ input: agent.stderr! })) {
      lines.push(line);
      if (line.includes('capturing on')) return agent;
    }
    throw new Error(`the agent did not start: ${lines.join('\n')}`);
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

export async function killAgentRepeatedly(kills: number, seed: number, workers = 1, tell: (text: string) => void = () => {}): Promise<KillOutcome> {
  const random = seededRandom(seed);
  const site = new Site();
  await site.build();
  let agent: ChildProcess | null = null;
  try {
    agent = await site.startAgent(workers);
    // what the capture sees from here on counts
    await sleep(SETTLE_MS);
    const sending = site.send();
    for (let kill = 1; kill <= kills; kill++) {
      await sleep(kill === 1 ? FIRST_LIFE_MS : random() * LONGEST_LIFE_MS);
      const ended = once(agent, 'exit');
      agent.kill('SIGKILL');
      await ended;
      agent = await site.startAgent(workers);
      if (kill % 10 === 0) tell(`${kill} kills, ${site.sent} packets sent`);
    }
    await sleep(SETTLE_MS);
    site.stopSending();
    await sending;
    await sleep(SETTLE_MS);
    const ended = once(agent, 'exit');
    agent.kill('SIGTERM');
    await ended;
    return outcome(site);
  } finally {
    site.stopSending();
    agent?.kill('SIGKILL');
    site.destroy();
  }
}

function outcome(site: Site): KillOutcome {
  const lines = existsSync(site.output) ? readFileSync(site.output, 'utf8').split('\n').filter((line) => line !== '') : [];
  const total = { sent: site.sent, recorded: 0, admitted: 0, unknown: 0 };
  for (const line of lines) {
    const row = JSON.parse(line) as Record<string, string | number | null>;
    if (row['log-status'] === 'OK') total.recorded += Number(row['packets']);
    else if (row['log-status'] === 'SKIPDATA' && row['skipped-packets'] === null) total.unknown++;
    else total.admitted += Number(row['skipped-packets'] ?? 0);
  }
  return total;
}
