import { NONE, type Records } from './records.ts';

/**
 * Makes one row of all rows with the same key, in place; the first row of a key keeps its position. What is summed,
 * or-ed, kept smallest or largest is the merge rule of the field table; `record-merge.test.ts` holds both together.
 */
export function mergeRows(rows: Records): void {
  const slots = 2 ** Math.ceil(Math.log2(rows.count * 2 + 2));
  const index = new Int32Array(slots).fill(NONE);
  const mask = slots - 1;
  let kept = 0;
  for (let row = 0; row < rows.count; row++) {
    let slot = hashRow(rows, row) & mask;
    while (index[slot] !== NONE && !sameKey(rows, index[slot]!, row)) slot = (slot + 1) & mask;
    const target = index[slot]!;
    if (target !== NONE) {
      mergeInto(rows, target, row);
      continue;
    }
    if (kept !== row) rows.copyRow(kept, rows, row);
    index[slot] = kept++;
  }
  rows.count = kept;
}

function mergeInto(rows: Records, to: number, from: number): void {
  rows.packets[to]! += rows.packets[from]!;
  rows.bytes[to]! += rows.bytes[from]!;
  rows.firstSeenUs[to] = Math.min(rows.firstSeenUs[to]!, rows.firstSeenUs[from]!);
  rows.lastSeenUs[to] = Math.max(rows.lastSeenUs[to]!, rows.lastSeenUs[from]!);
  rows.tcpFlags[to]! |= rows.tcpFlags[from]!;
  rows.fragments[to]! += rows.fragments[from]!;
  // both lists are ordered by what wins
  rows.initiator[to] = Math.min(rows.initiator[to]!, rows.initiator[from]!);
  rows.flowState[to] = Math.min(rows.flowState[to]!, rows.flowState[from]!);
}

function sameKey(rows: Records, a: number, b: number): boolean {
  return (
    rows.source[a * 4 + 3] === rows.source[b * 4 + 3] && rows.destination[a * 4 + 3] === rows.destination[b * 4 + 3] &&
    rows.sourcePort[a] === rows.sourcePort[b] && rows.destinationPort[a] === rows.destinationPort[b] &&
    rows.verdict[a] === rows.verdict[b] && rows.eni[a] === rows.eni[b] && rows.protocol[a] === rows.protocol[b] &&
    rows.direction[a] === rows.direction[b] && rows.icmp[a] === rows.icmp[b] && rows.status[a] === rows.status[b] &&
    rows.source[a * 4] === rows.source[b * 4] && rows.source[a * 4 + 1] === rows.source[b * 4 + 1] &&
    rows.source[a * 4 + 2] === rows.source[b * 4 + 2] && rows.destination[a * 4] === rows.destination[b * 4] &&
    rows.destination[a * 4 + 1] === rows.destination[b * 4 + 1] && rows.destination[a * 4 + 2] === rows.destination[b * 4 + 2]
  );
}

function hashRow(rows: Records, row: number): number {
  let h = Math.imul(rows.source[row * 4 + 3]! ^ Math.imul(rows.source[row * 4]!, 0x27d4eb2f) ^ rows.source[row * 4 + 1]!, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ rows.destination[row * 4 + 3]! ^ Math.imul(rows.destination[row * 4 + 1]!, 0x27d4eb2f), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13) ^ ((rows.sourcePort[row]! << 16) | rows.destinationPort[row]!), 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16) ^ ((rows.eni[row]! << 9) ^ (rows.protocol[row]! << 1) ^ rows.direction[row]! ^ (rows.verdict[row]! << 16)), 0x27d4eb2f);
  return h ^ (h >>> 15);
}
