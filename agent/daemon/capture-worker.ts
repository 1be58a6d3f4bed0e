/** A capture thread: sources and one pipeline. It prints nothing, ships nothing and touches no disk. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { WeirError } from '../../shared/errors.ts';
import type { RecordContext, Records } from '../../shared/records.ts';
import type { Seal } from '../../shared/seal.ts';
import { openLiveSource } from '../capture/live/open-live-source.ts';
import { HARDWARE_LOOPBACK, type LinkCounters } from '../capture/live/network-link.ts';
import { linkTable } from '../capture/live/link-table.ts';
import { Pipeline } from '../pipeline.ts';
import { ClockWatch, SYSTEM_CLOCKS } from './clock-watch.ts';
import { GapMeasure, passedPackets, readBetweenPackets, type CounterReading } from './gap-measure.ts';
import { Tap } from './tap.ts';
import { WorkerCheckpoint, type SavedTap } from './worker-checkpoint.ts';
import type { NewNames, Revision, TapOrder, WorkerOrder, WorkerReport, WorkerSettings, WorkerStatistics } from './worker-messages.ts';

const TICK_MS = 200;
const TICKS_PER_REPORT = 5;
const DRAIN_POLL_MS = 10;

class CaptureWorker {
  private readonly pipeline: Pipeline;
  private readonly clock = new ClockWatch();
  private readonly taps = new Map<number, Tap>();
  private readonly checkpoint: WorkerCheckpoint | null;
  private readonly timer: NodeJS.Timeout;
  /** null: what had passed was not known yet. */
  private readonly tapsAtStop: (SavedTap | null)[] = [];
  private packetsLeft: number;
  private opening = 0;
  private isStopping = false;
  private ticks = 0;
  private clockSteps = 0;
  private namesSent = { verdicts: 0, enis: 0 };

  constructor(settings: WorkerSettings) {
    this.packetsLeft = settings.maxPackets ?? Infinity;
    this.pipeline = new Pipeline(settings.pipeline, {
      rows: (rows, context) => this.sendRows(rows, context),
      seals: (seals) => this.sendSeals(seals),
    });
    this.checkpoint = settings.checkpoint && new WorkerCheckpoint(settings.checkpoint);
    this.checkpoint?.restore(this.pipeline, SYSTEM_CLOCKS.wallUs());
    this.pipeline.tick(SYSTEM_CLOCKS.wallUs());
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  obey(order: WorkerOrder): void {
    if (order.kind === 'open') void this.open(order.tap);
    else if (order.kind === 'start') this.taps.get(order.ifindex)?.start();
    else if (order.kind === 'close') this.taps.get(order.ifindex)?.source.stop();
    else if (order.kind === 'handed-on') this.handedOn(order.windowStart, order.number);
    else if (order.kind === 'stop') void this.stop();
    else if (order.kind === 'end') this.end();
    else this.revise(order);
  }

  private revise({ topology, revision, watch, window, taps }: Revision): void {
    // what was lost until now was lost of the ENIs until now
    this.advance();
    // first, because a width may change at once as long as nothing is watched
    if (window !== null) this.pipeline.setWindow(window.seconds, window.fromSeconds);
    this.pipeline.revise(topology, revision, watch);
    for (const binding of taps) this.taps.get(binding.ifindex)?.rebind(binding);
  }

  private async open(order: TapOrder): Promise<void> {
    const { ifindex } = order;
    this.opening++;
    try {
      const source = await openLiveSource(order.source, (text) => send({ kind: 'warning', text }));
      if (linkTable().read(order.name)?.ifindex !== ifindex) {
        await source.close();
        throw new WeirError('CONFIGURATION', `${order.name} has just been replaced by another interface`);
      }
      const reading = readCounter(order);
      const tap = new Tap(order, source, measureGap(order, reading), reading, Boolean(order.source.filter));
      this.taps.set(ifindex, tap);
      if (this.isStopping) source.stop();
      send({ kind: 'opened', ifindex, fanOutGroup: tap.fanOutGroup });
      await this.capture(tap);
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      send({ kind: 'refused', ifindex, code: error.code, text: error.message });
    } finally {
      this.opening--;
    }
  }

  /** To the end of the source. */
  private async capture(tap: Tap): Promise<void> {
    const { source, batch } = tap;
    while (await source.fill(batch)) {
      if (batch.count > 0) this.take(tap);
      else tap.isBehind = false;
    }
    this.countLosses(tap, true);
    await source.close();
    this.taps.delete(tap.ifindex);
    if (this.isStopping) this.tapsAtStop.push(tap.saved(SYSTEM_CLOCKS.wallUs()));
    const link = linkTable().read(tap.name);
    const countersAfter: LinkCounters | null = link !== null && link.ifindex === tap.ifindex ? link.counters : null;
    const reason = source.endReason ?? { kind: 'failed', text: `capture on ${tap.name} ended` };
    send({ kind: 'ended', ifindex: tap.ifindex, reason, countersAfter, statistics: tap.statistics() });
  }

  private take(tap: Tap): void {
    const { batch } = tap;
    this.followClock();
    this.clock.translate(batch);
    tap.see(batch);
    const count = Math.min(batch.count, this.packetsLeft);
    this.pipeline.process(batch, 0, count, tap.interfaces);
    this.packetsLeft -= count;
    if (this.packetsLeft === 0 && count > 0) send({ kind: 'counted' });
  }

  private followClock(): void {
    const stepUs = this.clock.step();
    if (stepUs === 0) return;
    this.clockSteps++;
    this.pipeline.clockStep(stepUs);
    this.pipeline.tick(SYSTEM_CLOCKS.wallUs());
    send({ kind: 'warning', text: `the clock was set by ${(stepUs / 1e6).toFixed(1)} s: open windows are sealed as partial` });
  }

  private tick(): void {
    this.advance();
    if (++this.ticks % TICKS_PER_REPORT !== 0) return;
    send({ kind: 'statistics', statistics: this.statistics() });
    this.writeCheckpoint();
  }

  private advance(): void {
    this.followClock();
    let nowUs = SYSTEM_CLOCKS.wallUs();
    for (const tap of this.taps.values()) {
      this.countLosses(tap, false);
      // its packets still have to go to their window
      if (tap.isBehind && tap.lastTimeUs < nowUs) nowUs = tap.lastTimeUs;
    }
    this.pipeline.tick(nowUs);
  }

  /** The next checkpoint at once: until then the one on disk knows nothing of what was counted since. */
  private handedOn(windowStart: number, number: number): void {
    this.checkpoint?.handedOn(windowStart, number);
    this.writeCheckpoint();
  }

  /** Not while packets may still come that an interface counted before its source was read for the first time. */
  private writeCheckpoint(): void {
    const taps = [...this.taps.values()].map((tap) => tap.saved(SYSTEM_CLOCKS.wallUs())).filter((tap) => tap !== null);
    if (this.isStopping || this.opening > this.taps.size || taps.length < this.taps.size) return;
    try {
      this.checkpoint?.write(this.pipeline, taps);
    } catch (error) {
      send({ kind: 'warning', text: `no checkpoint can be written: ${(error as Error).message}` });
    }
  }

  private countLosses(tap: Tap, isLast: boolean): void {
    const drops = tap.takeDrops();
    if (drops !== 0) this.pipeline.countDrops(tap.eniIds, drops);
    const gapPackets = tap.takeGap(SYSTEM_CLOCKS.wallUs(), isLast);
    if (gapPackets !== 0) this.pipeline.countGap(tap.eniIds, gapPackets);
  }

  /** Hands out what is in the rings, then closes the windows. */
  private async stop(): Promise<void> {
    this.isStopping = true;
    clearInterval(this.timer);
    for (const tap of this.taps.values()) tap.source.stop();
    while (this.opening > 0) await sleep(DRAIN_POLL_MS);
    const statistics = this.statistics();
    this.pipeline.close(true);
    send({ kind: 'stopped', statistics });
  }

  private end(): void {
    const taps = this.tapsAtStop.filter((tap) => tap !== null);
    try {
      if (taps.length === this.tapsAtStop.length) this.checkpoint?.writeLast(this.pipeline, taps);
    } catch (error) {
      send({ kind: 'warning', text: `no checkpoint can be written: ${(error as Error).message}` });
    }
    parentPort!.close();
  }

  private statistics(): WorkerStatistics {
    return { ...this.pipeline.statistics, clockSteps: this.clockSteps, taps: [...this.taps.values()].map((tap) => tap.statistics()) };
  }

  private sendRows(rows: Records, context: RecordContext): void {
    this.checkpoint?.sent(rows.windowStart);
    const buffers = Object.values(rows).filter((column) => ArrayBuffer.isView(column)).map((column) => column.buffer as ArrayBuffer);
    send({ kind: 'rows', rows, names: this.newNames(context) }, buffers);
  }

  private sendSeals(seals: Seal[]): void {
    if (seals.length > 0) this.checkpoint?.sent(seals[0]!.windowStart);
    send({ kind: 'seals', seals });
  }

  private newNames({ verdicts, enis }: RecordContext): NewNames {
    const names = { verdicts: verdicts.slice(this.namesSent.verdicts), eniIds: enis.slice(this.namesSent.enis).map(({ eniId }) => eniId) };
    this.namesSent = { verdicts: verdicts.length, enis: enis.length };
    return names;
  }
}

/** null in a worker that joins another one's fan-out group, and where the interface has gone again. */
function readCounter({ source }: TapOrder): CounterReading | null {
  if (source.fanOut && source.fanOut.group !== 'new') return null;
  const read = (): number | null => {
    const link = linkTable().read(source.interface);
    return link && passedPackets(link.counters, link.hardwareType === HARDWARE_LOOPBACK);
  };
  return readBetweenPackets(read, SYSTEM_CLOCKS);
}

function measureGap({ countersBefore, source }: TapOrder, reading: CounterReading | null): GapMeasure | null {
  if (countersBefore === null || reading === null) return null;
  const isLoopback = linkTable().read(source.interface)?.hardwareType === HARDWARE_LOOPBACK;
  return new GapMeasure(passedPackets(countersBefore, isLoopback), reading.packets, reading.atUs);
}

function send(report: WorkerReport, buffers: ArrayBuffer[] = []): void {
  parentPort!.postMessage(report, buffers);
}

const worker = new CaptureWorker(workerData as WorkerSettings);
parentPort!.on('message', (order: WorkerOrder) => worker.obey(order));
