import { formatAddress } from '../../shared/address.ts';
import type { RecordContext, Records } from '../../shared/records.ts';
import { NONE } from '../../shared/records.ts';

export interface RejectedFlow {
  readonly eniId: string;
  readonly source: string;
  readonly destination: string;
  readonly destinationPort: number;
  readonly protocol: number;
  readonly ruleId: string | null;
  packets: number;
}

const MAX_FLOWS_COUNTED = 10_000;
const SHOWN = 10;

/** The most rejected of the window whose rows came last, by peers, port and rule. */
export class TopRejected {
  private windowStart = 0;
  private readonly flows = new Map<string, RejectedFlow>();

  see(rows: Records, { verdicts, enis }: RecordContext): void {
    if (rows.windowStart < this.windowStart && rows.windowStart > this.windowStart - 10 * rows.windowSeconds) return; // late rows of an older window
    if (rows.windowStart !== this.windowStart) this.flows.clear();
    this.windowStart = rows.windowStart;
    for (let row = 0; row < rows.count; row++) {
      if (rows.verdict[row] === NONE) continue;
      const verdict = verdicts[rows.verdict[row]!]!;
      if (verdict.action === 'REJECT') this.add(rows, row, enis[rows.eni[row]!]!.eniId, verdict.ruleId);
    }
  }

  get window(): { readonly start: number; readonly flows: readonly RejectedFlow[] } {
    const flows = [...this.flows.values()].toSorted((a, b) => b.packets - a.packets).slice(0, SHOWN);
    return { start: this.windowStart, flows };
  }

  private add(rows: Records, row: number, eniId: string, ruleId: string | null): void {
    const source = formatAddress(rows.source, row * 4);
    const destination = formatAddress(rows.destination, row * 4);
    const destinationPort = rows.destinationPort[row]!;
    const protocol = rows.protocol[row]!;
    const key = `${eniId} ${source} ${destination} ${destinationPort} ${protocol} ${ruleId}`;
    const known = this.flows.get(key);
    if (known) known.packets += rows.packets[row]!;
    else if (this.flows.size < MAX_FLOWS_COUNTED) {
      this.flows.set(key, { eniId, source, destination, destinationPort, protocol, ruleId, packets: rows.packets[row]! });
    }
  }
}
