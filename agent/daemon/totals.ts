import { lostPackets, type Seal } from '../../shared/seal.ts';
import type { AgentMetrics } from '../metrics.ts';
import type { AgentStatus, InterfaceStatus } from './agent-status.ts';
import type { CaptureThread } from './capture-thread.ts';
import type { TapView } from './tap-board.ts';
import type { TapStatistics } from './worker-messages.ts';

interface InterfaceTotal { packets: number; bytes: number; drops: number; isDropsKnown: boolean; gapPackets: number }

/** Since the start of the agent, over all sources that an interface has had in each worker. */
export class Totals {
  private readonly metrics: AgentMetrics;
  /** By name: an interface that comes back goes on counting. */
  private readonly interfaces = new Map<string, InterfaceTotal>();
  /** What has been added of a worker's source. */
  private readonly added = new Map<string, TapStatistics>();
  private readonly unmatched: number[] = [];
  private readonly steps: number[] = [];
  private recordedPackets = 0;
  private latePackets = 0;
  private undecodablePackets = 0;
  private lastSealMs: number | null = null;

  constructor(metrics: AgentMetrics) {
    this.metrics = metrics;
  }

  update(thread: CaptureThread, views: readonly TapView[]): void {
    const { index, statistics } = thread;
    const names = new Map(views.map(({ ifindex, name }) => [ifindex, name]));
    for (const tap of statistics.taps) this.add(`${index} ${tap.ifindex}`, names.get(tap.ifindex), tap);
    this.metrics.tableSize.set({ worker: index }, statistics.tableSize);
    this.metrics.tableCapacity.set({ worker: index }, statistics.tableCapacity);
    this.metrics.unmatchedPackets.inc(statistics.unmatchedPackets - (this.unmatched[index] ?? 0));
    this.unmatched[index] = statistics.unmatchedPackets;
    if (index === 0) this.metrics.clockSteps.inc(statistics.clockSteps - (this.steps[index] ?? 0));
    this.steps[index] = statistics.clockSteps;
    this.metrics.interfaceUp.reset();
    for (const { name, isOpen } of views) this.metrics.interfaceUp.set({ interface: name }, isOpen ? 1 : 0);
  }

  /** The last figures of a source. */
  end(thread: CaptureThread, name: string | undefined, tap: TapStatistics): void {
    const key = `${thread.index} ${tap.ifindex}`;
    this.add(key, name, tap);
    this.added.delete(key);
  }

  countSeals(seals: readonly Seal[]): void {
    for (const seal of seals) {
      this.recordedPackets += seal.packets;
      this.latePackets += seal.latePackets;
      this.undecodablePackets += lostPackets({ ...seal, latePackets: 0, overflowPackets: 0, ringDrops: 0, gapPackets: 0 });
    }
    this.lastSealMs = Date.now();
  }

  status(threads: readonly CaptureThread[], views: readonly TapView[]): Pick<
    AgentStatus, 'interfaces' | 'workers' | 'unmatchedPackets' | 'recordedPackets' | 'latePackets' | 'undecodablePackets' | 'lastSealMs'
  > {
    return {
      interfaces: views.map((view): InterfaceStatus => {
        const { packets, bytes, drops, isDropsKnown, gapPackets } = this.of(view.name);
        return { name: view.name, eniIds: view.eniIds, isOpen: view.isOpen, packets, bytes, drops: isDropsKnown ? drops : null, gapPackets };
      }),
      workers: threads.map(({ statistics: { tableSize, tableCapacity } }) => ({ tableSize, tableCapacity })),
      unmatchedPackets: this.unmatched.reduce((sum, packets) => sum + packets, 0),
      recordedPackets: this.recordedPackets, latePackets: this.latePackets, undecodablePackets: this.undecodablePackets,
      lastSealMs: this.lastSealMs,
    };
  }

  private add(key: string, name = 'unknown', tap: TapStatistics): void {
    const last = this.added.get(key);
    const since = (of: 'packets' | 'bytes' | 'gapPackets' | 'drops'): number => (tap[of] ?? 0) - (last?.[of] ?? 0);
    const total = this.of(name);
    total.packets += since('packets');
    total.bytes += since('bytes');
    total.drops += since('drops');
    total.gapPackets += since('gapPackets');
    total.isDropsKnown = tap.drops !== null;
    this.metrics.tapPackets.inc({ interface: name }, since('packets'));
    this.metrics.tapBytes.inc({ interface: name }, since('bytes'));
    this.metrics.tapDrops.inc({ interface: name }, since('drops'));
    this.metrics.gapPackets.inc({ interface: name }, since('gapPackets'));
    this.added.set(key, tap);
  }

  private of(name: string): InterfaceTotal {
    let total = this.interfaces.get(name);
    if (!total) this.interfaces.set(name, (total = { packets: 0, bytes: 0, drops: 0, isDropsKnown: true, gapPackets: 0 }));
    return total;
  }
}
