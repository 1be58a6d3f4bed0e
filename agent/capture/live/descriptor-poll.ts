import type { Koffi } from './system-calls.ts';

type PollHandle = ReturnType<Koffi['node']['poll']>;

/**
 * Waits for a descriptor in the event loop of this thread, main or worker. No thread of libuv's pool is held meanwhile:
 * with more than four interfaces that would stop file access.
 */
export class DescriptorPoll {
  private readonly handle: PollHandle;
  private resume: (() => void) | null = null;
  private timer: NodeJS.Timeout | undefined;
  private isClosed = false;

  /** The descriptor stays its owner's, who closes it after this. */
  constructor(koffi: Koffi, descriptor: number) {
    this.handle = koffi.node.poll(descriptor, this.wake);
    this.handle.stop();
  }

  /** Resolves when the descriptor is readable or in error, after `timeoutMs`, or on `wake` or `close`. One at a time. */
  wait(timeoutMs: number): Promise<void> {
    if (this.isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      this.resume = resolve;
      this.timer = setTimeout(this.wake, timeoutMs);
      this.handle.start({ readable: true }, this.wake);
    });
  }

  readonly wake = (): void => {
    const { resume } = this;
    if (resume === null) return;
    this.resume = null;
    clearTimeout(this.timer);
    if (!this.isClosed) this.handle.stop();
    // libuv calls from outside of Node's callbacks, where nobody runs the continuations of promises
    setImmediate(resume);
  };

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.handle.close();
    this.wake();
  }
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
