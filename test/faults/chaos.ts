/**
 * Agents and a collector that are killed, with a network between them that does whatever it may do, all at random
 * moments: what is stored must be what the agents' ledgers say, or be stated to be lost, to the row.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once, setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '../../bench/random.ts';
import { startCollectorProcess, type StartedCollector } from '../aggregator/faults/started-collector.ts';
import type { ChaosAgentTask } from './chaos-agent.ts';
import { auditChaos, type AuditOutcome } from './chaos-audit.ts';
import { ChaosLedger } from './chaos-ledger.ts';
import type { WindowSizes } from './chaos-windows.ts';
import { FaultProxy } from './fault-proxy.ts';

const AGENT_PROGRAM = fileURLToPath(new URL('./chaos-agent.ts', import.meta.url));
/** What a log line may tell: the network, and a spool that is too small, are what the test does. */
const EXPECTED_LOG = /does not take batches|the spool has reached its|its? (damaged )?bytes .* set aside/;

export interface ChaosOptions {
  readonly seed: number;
  /** At least; and until so many batches were stored, four times as long at most. */
  readonly forMs: number;
  readonly batches: number;
  /** Ends it before its time; what was made until then is looked at all the same. */
  readonly stop?: AbortSignal;
  readonly agents: number;
  /** A window of an agent, on average. */
  readonly windowEveryMs: number;
  /** At most; the last agent makes four times as many, and its spool is too small for a long outage. */
  readonly rows: number;
  readonly largeEvery: number;
  /** The longest life of each. */
  readonly agentLifeMs: number;
  readonly collectorLifeMs: number;
  /** The longest time until it is started again. */
  readonly awayMs: number;
  readonly weatherMs: number;
  readonly delayMs: number;
  readonly tell?: (text: string) => void;
  readonly tellEveryMs?: number;
}

export interface ChaosOutcome extends AuditOutcome {
  readonly agentKills: number;
  readonly collectorKills: number;
  /** Of all proxies, see FaultProxy. */
  readonly counts: ReadonlyMap<string, number>;
}

const SPOOL_BYTES = 64 * 1024 * 1024;
const SMALL_SPOOL_BYTES = 256 * 1024;
/** For what is left when it is calm again. */
const DRAIN_LIMIT_MS = 180_000;

class Chaos {
  readonly folder = mkdtempSync(join(tmpdir(), 'weir-chaos-'));
  readonly violations: string[] = [];
  agentKills = 0;
  collectorKills = 0;
  private readonly options: ChaosOptions;
  private readonly proxies: FaultProxy[] = [];
  private readonly agents = new Set<ChildProcess>();
  private collector: StartedCollector | null = null;
  private token = '';

  constructor(options: ChaosOptions) {
    this.options = options;
  }

  get data(): string {
    return join(this.folder, 'data');
  }

  get sizes(): WindowSizes[] {
    const { agents, rows, largeEvery } = this.options;
    return Array.from({ length: agents }, (_, agent) => (agent === agents - 1 ? { rows: 4 * rows, largeEvery: 0 } : { rows, largeEvery }));
  }

  async run(): Promise<void> {
    const { seed, agents, weatherMs, delayMs } = this.options;
    await this.startCollector();
    for (let agent = 0; agent < agents; agent++) {
      this.proxies.push(await FaultProxy.listen({ seed: seed * 31 + agent, target: () => this.collector?.target.url ?? null, weatherMs, delayMs, violated: (text) => this.violate(text) }));
    }
    const first = await Promise.all(this.proxies.map((proxy, agent) => this.startAgent(agent, proxy, this.options.windowEveryMs)));
    const ending = new AbortController();
    const { signal } = ending;
    setMaxListeners(0, signal);
    this.options.stop?.addEventListener('abort', () => ending.abort());
    const enough = this.enough(signal).then(() => ending.abort());
    const telling = this.tellUntil(signal);
    const actors = [this.killCollector(signal), ...first.map((child, agent) => this.killAgent(agent, child, signal)), ...this.proxies.map((proxy) => proxy.storm(signal))];
    // one that fails ends the others, and with them the test
    const ends = await Promise.allSettled(actors.map((actor) => actor.catch((error: unknown) => {
      ending.abort();
      throw error;
    })));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    await Promise.all([enough, telling]);
    await this.drain();
  }

  /** By agent, the life of each window that counts. */
  ledgers(): number[][] {
    return this.sizes.map((_, agent) => {
      const ledger = new ChaosLedger(join(this.agentFolder(agent), 'ledger'));
      for (const text of ledger.forgotten()) this.violate(`agent ${agent}: ${text}`);
      return ledger.windows();
    });
  }

  counts(): Map<string, number> {
    const sum = new Map<string, number>();
    for (const { counts } of this.proxies) for (const [what, count] of counts) sum.set(what, (sum.get(what) ?? 0) + count);
    return new Map([...sum].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  async end(): Promise<void> {
    for (const child of this.agents) child.kill('SIGKILL');
    for (const proxy of this.proxies) await proxy.close();
    await this.collector?.stop();
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  private violate(text: string): void {
    this.violations.push(text);
    this.options.tell?.(text);
  }

  private async enough(signal: AbortSignal): Promise<void> {
    const { forMs, batches } = this.options;
    const untilMs = performance.now() + 4 * forMs;
    await waits(forMs, signal);
    while ((this.counts().get('answer stored') ?? 0) < batches && performance.now() < untilMs && (await waits(50, signal)));
  }

  private agentFolder(agent: number): string {
    return join(this.folder, `agent-${agent}`);
  }

  private async startCollector(): Promise<void> {
    const collector = await startCollectorProcess(this.data);
    this.token = collector.target.token;
    this.collector = collector;
  }

  private async killCollector(signal: AbortSignal): Promise<void> {
    const { seed, collectorLifeMs, awayMs } = this.options;
    const random = seededRandom(seed * 17 + 1);
    while (await waits(random() * collectorLifeMs, signal)) {
      const killed = this.collector!;
      await killed.stop();
      this.collector = null;
      this.collectorKills++;
      await waits(random() ** 2 * awayMs, signal);
      await this.startCollector();
    }
  }

  private async killAgent(agent: number, first: ChildProcess, signal: AbortSignal): Promise<void> {
    const { seed, agentLifeMs, awayMs, windowEveryMs } = this.options;
    const random = seededRandom(seed * 13 + 7 * agent + 2);
    for (let child = first; ; child = await this.startAgent(agent, this.proxies[agent]!, windowEveryMs)) {
      await waits(random() ** 2 * agentLifeMs, signal);
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`agent ${agent} ended by itself: ${child.exitCode ?? child.signalCode}`);
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      this.agentKills++;
      if (!(await waits(random() ** 2 * awayMs, signal))) return;
    }
  }

  private async startAgent(agent: number, proxy: FaultProxy, windowEveryMs: number | null): Promise<ChildProcess> {
    const task: ChaosAgentTask = {
      ...this.sizes[agent]!, seed: this.options.seed, agent, folder: this.agentFolder(agent), url: proxy.url, token: this.token,
      spoolBytes: agent === this.sizes.length - 1 ? SMALL_SPOOL_BYTES : SPOOL_BYTES, windowEveryMs,
    };
    const child = fork(AGENT_PROGRAM, [JSON.stringify(task)], { execArgv: ['--import=tsx'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.agents.add(child);
    child.once('exit', () => this.agents.delete(child));
    const started = Promise.race([
      new Promise<void>((resolve) => child.on('message', (message: { started?: number }) => {
        if (message.started !== undefined) resolve();
      })),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`agent ${agent} did not start: exit code ${String(code)}`))),
    ]);
    child.on('message', ({ log }: { log?: string }) => {
      if (log !== undefined && !EXPECTED_LOG.test(log)) this.violate(`agent ${agent} says: ${log}`);
    });
    await started;
    return child;
  }

  /** In calm weather new lives of the agents send what the last ones have left. */
  private async drain(): Promise<void> {
    await Promise.all(this.proxies.map(async (proxy, agent) => {
      const child = await this.startAgent(agent, proxy, null);
      const timer = setTimeout(() => child.kill('SIGKILL'), DRAIN_LIMIT_MS);
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      clearTimeout(timer);
      if (child.exitCode !== 0) this.violate(`agent ${agent} was not rid of its batches within ${DRAIN_LIMIT_MS / 1000} s of calm`);
    }));
  }

  private async tellUntil(signal: AbortSignal): Promise<void> {
    const { tell = () => {}, tellEveryMs = 60_000 } = this.options;
    for (let minute = 1; await waits(tellEveryMs, signal); minute++) {
      const counts = this.counts();
      const of = (what: string): number => counts.get(`answer ${what}`) ?? 0;
      tell(`${minute}: ${this.agentKills} kills of agents, ${this.collectorKills} of the collector; ${of('stored')} batches stored, ${of('duplicate')} duplicates; ${this.violations.length} violations`);
    }
  }
}

/** false: the signal came first. */
async function waits(ms: number, signal: AbortSignal): Promise<boolean> {
  return sleep(ms, true, { signal }).catch(() => false);
}

export async function runChaos(options: ChaosOptions): Promise<ChaosOutcome> {
  const chaos = new Chaos(options);
  try {
    await chaos.run();
    await chaos.end();
    const audit = await auditChaos(chaos.data, options.seed, chaos.sizes, chaos.ledgers());
    const { agentKills, collectorKills } = chaos;
    const outcome = { ...audit, agentKills, collectorKills, counts: chaos.counts(), violations: [...chaos.violations, ...audit.violations] };
    if (outcome.violations.length === 0) chaos.remove();
    else options.tell?.(`what is on the disk stays in ${chaos.folder}`);
    return outcome;
  } catch (error) {
    await chaos.end();
    throw error;
  }
}
