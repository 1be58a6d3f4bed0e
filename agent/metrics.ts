import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import type { Records } from '../shared/records.ts';
import type { Seal } from '../shared/seal.ts';

/** What `/metrics` of an agent tells; one registry an agent. */
export class AgentMetrics {
  readonly registry = new Registry();
  readonly tapPackets = this.counter('weir_capture_packets_total', 'Packets read from an interface.', ['interface']);
  readonly tapBytes = this.counter('weir_capture_bytes_total', 'Bytes of those packets, as long as they were on the wire.', ['interface']);
  readonly tapDrops = this.counter('weir_capture_drops_total', 'Packets that the kernel dropped because the ring was full.', ['interface']);
  readonly gapPackets = this.counter('weir_capture_gap_packets_total', 'Packets that passed an interface before its capture began.', ['interface']);
  readonly interfaceUp = this.gaugeOf('weir_capture_interface_open', '1 while an interface is captured.', ['interface']);
  readonly unmatchedPackets = this.counter('weir_unmatched_packets_total', 'Packets that passed none of the ENIs.');
  readonly tableSize = this.gaugeOf('weir_flow_table_entries', 'Flows in the table of a worker.', ['worker']);
  readonly tableCapacity = this.gaugeOf('weir_flow_table_capacity', 'Flows that fit into it.', ['worker']);
  readonly clockSteps = this.counter('weir_clock_steps_total', 'Times that the wall clock was set.');
  readonly records = this.counter('weir_records_total', 'Records handed to the output.');
  readonly windows = this.counter('weir_sealed_windows_total', 'Windows sealed, counted for each ENI.');
  readonly recordedPackets = this.counter('weir_recorded_packets_total', 'Packets in records.');
  readonly recordedBytes = this.counter('weir_recorded_bytes_total', 'IP bytes in records.');
  readonly rejectedPackets = this.counter('weir_rejected_packets_total', 'Packets in records with the action REJECT.');
  readonly filteredPackets = this.counter('weir_filtered_packets_total', 'Packets that the traffic type leaves out.');
  readonly nonIpPackets = this.counter('weir_non_ip_packets_total', 'Frames that carry no IP.');
  readonly latePackets = this.counter('weir_late_packets_total', 'Packets that came after their window had closed.');
  readonly overflowPackets = this.counter('weir_overflow_packets_total', 'Packets that found a bounded structure full.');
  readonly undecodablePackets = this.counter('weir_undecodable_packets_total', 'Packets that claim to be IP and could not be decoded.', ['reason']);
  readonly lastSeal = this.gaugeOf('weir_last_seal_timestamp_seconds', 'When the last window was sealed, Unix time.');
  readonly revision = this.gaugeOf('weir_ruleset_revision', 'Revision of the rules in force.');
  readonly reloads = this.counter('weir_reloads_total', 'Reloads of the topology by what became of them.', ['result']);
  readonly assignments = this.counter('weir_assignments_total', 'Assignments from the collector by what became of them.', ['result']);
  readonly shippedBatches = this.counter('weir_shipped_batches_total', 'Batches that the collector has acknowledged.');
  readonly shippedBytes = this.counter('weir_shipped_bytes_total', 'Compressed bytes of those batches.');
  readonly shipFailures = this.counter('weir_ship_failures_total', 'Attempts to send a batch that failed.');
  readonly spoolFailures = this.counter('weir_spool_failures_total', 'Times that the disk did not take what was to be spooled.');
  readonly setAside = this.counter('weir_ship_set_aside_total', 'Parts of batches that the collector will never take; they lie in the quarantine.');
  readonly sentAgain = this.counter('weir_ship_sent_again_total', 'Batches that the collector had damaged and asked for again.');
  readonly lostRows = this.counter('weir_ship_lost_records_total', 'Records that were dropped on their way to the collector.');
  readonly lostPackets = this.counter('weir_ship_lost_packets_total', 'Packets in those records.');
  readonly lostWindows = this.counter('weir_ship_lost_windows_total', 'Windows of which a batch was dropped.');

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  countSeals(seals: readonly Seal[]): void {
    for (const seal of seals) {
      this.windows.inc();
      this.recordedPackets.inc(seal.packets);
      this.recordedBytes.inc(seal.bytes);
      this.filteredPackets.inc(seal.filteredPackets);
      this.nonIpPackets.inc(seal.nonIpPackets);
      this.latePackets.inc(seal.latePackets);
      this.overflowPackets.inc(seal.overflowPackets);
      for (const [reason, packets] of Object.entries(seal.undecodable)) this.undecodablePackets.inc({ reason }, packets);
    }
    this.lastSeal.set(Date.now() / 1000);
  }

  countRows(rows: Records, isReject: (verdict: number) => boolean): void {
    this.records.inc(rows.count);
    let rejected = 0;
    for (let row = 0; row < rows.count; row++) if (isReject(rows.verdict[row]!)) rejected += rows.packets[row]!;
    this.rejectedPackets.inc(rejected);
  }

  /** A gauge that is read when it is asked for. */
  readGauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name, help, registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  private counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private gaugeOf(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }
}
