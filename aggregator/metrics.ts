import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** What `/metrics` tells; one registry a collector, so that several can live in one process. */
export class Metrics {
  readonly registry = new Registry();
  readonly batches = this.counter('weir_batches_total', 'Batches by what became of them.', ['result']);
  readonly rows = this.counter('weir_rows_received_total', 'Rows in stored batches.');
  readonly bodyBytes = this.counter('weir_batch_bytes_total', 'Bytes of batch bodies as they came.');
  readonly refusedTokens = this.counter('weir_refused_tokens_total', 'Requests without a valid token, or with one of another scope.');
  readonly publishFailures = this.counter('weir_publish_failures_total', 'Publications that failed and are tried again.');
  readonly publishedWindows = this.counter('weir_published_windows_total', 'Windows published, amendments included.');
  readonly publishedRows = this.counter('weir_published_rows_total', 'Rows written to LogStores, those written again included.');
  readonly leftOutRows = this.counter('weir_left_out_rows_total', 'Rows that no LogStore took: no flow log covered the ENI then, or the LogStore keeps that time no longer.', ['reason']);
  readonly journalSync = this.histogram('weir_journal_sync_seconds', 'Time of one write and fdatasync of the journal.',
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]);
  readonly journalGroup = this.histogram('weir_journal_group_batches', 'Batches that shared one fdatasync.', [1, 2, 4, 8, 16, 32, 64, 128, 256]);
  readonly publication = this.histogram('weir_publish_seconds', 'Time of one publication.', [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]);

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** A gauge that is read when it is asked for. */
  gauge(name: string, help: string, read: () => number): void {
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

  private histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, registers: [this.registry] });
  }
}
