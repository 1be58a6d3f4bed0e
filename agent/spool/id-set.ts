/** First and last. */
export type IdSpan = readonly [number, number];

/** Numbers that mostly come in runs. */
export class IdSet {
  /** Sorted, apart from each other. */
  private readonly runs: [number, number][] = [];

  constructor(spans: Iterable<IdSpan> = []) {
    for (const [first, last] of spans) this.add(first, last);
  }

  get spans(): readonly IdSpan[] {
    return this.runs;
  }

  has(id: number): boolean {
    const run = this.runs[this.firstEndingAt(id)];
    return run !== undefined && run[0] <= id;
  }

  add(first: number, last = first): void {
    const from = this.firstEndingAt(first - 1);
    let to = from;
    let low = first;
    let high = last;
    for (; to < this.runs.length && this.runs[to]![0] <= last + 1; to++) {
      low = Math.min(low, this.runs[to]![0]);
      high = Math.max(high, this.runs[to]![1]);
    }
    this.runs.splice(from, to - from, [low, high]);
  }

  /** Forgets all below. */
  cutBelow(id: number): void {
    this.runs.splice(0, this.firstEndingAt(id));
    const first = this.runs[0];
    if (first && first[0] < id) first[0] = id;
  }

  /** Index of the first run that ends at `id` or later. */
  private firstEndingAt(id: number): number {
    let low = 0;
    let high = this.runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.runs[middle]![1] < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
