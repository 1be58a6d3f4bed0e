/** What the thread with the flow table says to the one that reads. Everything is plain data; rows are transferred, not copied. */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import { Records, type RecordContext } from '../../shared/records.ts';
import type { Seal } from '../../shared/seal.ts';
import type { Verdict } from '../../shared/verdict/verdict.ts';
import type { WindowSink } from '../seal/sealer.ts';
import type { KeyRing } from './key-ring.ts';

/** Rows on their way, 6 MB each: beyond this the flow table waits for whoever takes them. */
const MAX_UNDELIVERED = 4;

/** Words of `counts`, which go round at 2^32. */
const POSTED = 0;
const DELIVERED = 1;

type TableMail =
  /** `verdicts`: those that have come up since the last rows. */
  | { readonly kind: 'rows'; readonly rows: Records; readonly verdicts: readonly Verdict[] }
  | { readonly kind: 'seals'; readonly seals: Seal[] }
  /** The input is dealt with. */
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** The sending end, in the thread with the flow table. */
export class TableOutbox implements WindowSink {
  private readonly port: MessagePort;
  private readonly counts: Int32Array;
  private readonly ring: KeyRing;
  private verdictsSent = 0;

  /** `ring`: its writer is whom the mail goes to. */
  constructor(port: MessagePort, counts: Int32Array, ring: KeyRing) {
    this.port = port;
    this.counts = counts;
    this.ring = ring;
  }

  rows(rows: Records, context: RecordContext): void {
    const buffers = Object.values(rows).filter((column) => ArrayBuffer.isView(column)).map((column) => column.buffer as ArrayBuffer);
    this.post({ kind: 'rows', rows, verdicts: context.verdicts.slice(this.verdictsSent) }, buffers);
    this.verdictsSent = context.verdicts.length;
    this.awaitDelivery();
  }

  seals(seals: Seal[]): void {
    this.post({ kind: 'seals', seals });
  }

  done(): void {
    this.post({ kind: 'done' });
  }

  failed(error: unknown): void {
    this.post({ kind: 'failed', error });
  }

  private post(mail: TableMail, buffers: ArrayBuffer[] = []): void {
    this.port.postMessage(mail, buffers);
    Atomics.add(this.counts, POSTED, 1);
    this.ring.wakeWriter();
  }

  private awaitDelivery(): void {
    for (;;) {
      const delivered = Atomics.load(this.counts, DELIVERED);
      if (((Atomics.load(this.counts, POSTED) - delivered) | 0) < MAX_UNDELIVERED) return;
      Atomics.wait(this.counts, DELIVERED, delivered);
    }
  }
}

/** The receiving end: hands rows and seals on to a sink as they come. */
export class TableInbox {
  isDone = false;
  readonly counts = new Int32Array(new SharedArrayBuffer(8));
  private readonly port: MessagePort;
  private readonly sink: WindowSink;
  private readonly context: RecordContext;
  private readonly verdicts: Verdict[];

  /** `verdicts`: the list of the context, which grows with what comes. */
  constructor(port: MessagePort, sink: WindowSink, context: RecordContext, verdicts: Verdict[]) {
    this.port = port;
    this.sink = sink;
    this.context = context;
    this.verdicts = verdicts;
  }

  get isEmpty(): boolean {
    return Atomics.load(this.counts, POSTED) === Atomics.load(this.counts, DELIVERED);
  }

  /** The next one to the sink; only while it is not empty. Throws what the other thread has failed with. */
  deliver(): void {
    const mail = receiveMessageOnPort(this.port)!.message as TableMail;
    if (mail.kind === 'rows') {
      this.verdicts.push(...mail.verdicts);
      this.sink.rows(Object.assign(Object.create(Records.prototype) as Records, mail.rows), this.context);
    } else if (mail.kind === 'seals') {
      this.sink.seals(mail.seals, this.context);
    } else if (mail.kind === 'failed') {
      throw mail.error;
    } else {
      this.isDone = true;
    }
  }

  /** The sink has room for more. */
  delivered(): void {
    Atomics.add(this.counts, DELIVERED, 1);
    Atomics.notify(this.counts, DELIVERED);
  }

  close(): void {
    this.port.close();
  }
}
