/** A scan of 5 million distinct 5-tuples against a table for 200,000 flows: totals exact, memory bounded. Limit: 10 min */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { replay } from '../../agent/replay.ts';
import { TRACE_DEFAULTS, writeTrace } from '../../bench/trace.ts';
import { lostPackets } from '../../shared/seal.ts';
import { DEFAULT_TOPOLOGY } from '../../shared/topology/topology.ts';

const PACKETS = 5_000_000;
const TABLE_CAPACITY = 200_000;
const MAX_RSS_BYTES = 400e6;

const folder = mkdtempSync(join(tmpdir(), 'weir-scan-'));
try {
  const path = join(folder, 'scan.pcap');
  writeTrace(path, { ...TRACE_DEFAULTS, packets: PACKETS, scan: true });
  let rows = 0;
  let packets = 0;
  let stated = 0;
  let lost = 0;
  let maxRss = 0;
  const summary = await replay([path], { topology: DEFAULT_TOPOLOGY, tableCapacity: TABLE_CAPACITY }, {
    rows: (some) => {
      rows += some.count;
      for (let row = 0; row < some.count; row++) packets += some.packets[row]!;
      maxRss = Math.max(maxRss, process.memoryUsage.rss());
    },
    seals: (seals) => {
      for (const seal of seals) {
        stated += seal.packets;
        lost += lostPackets(seal);
      }
    },
  });
  console.log(`${summary.packets} packets, ${rows} rows with ${packets} packets, ${stated} stated, ${lost} lost, RSS at most ${Math.round(maxRss / 1e6)} MB`);
  if (summary.packets !== PACKETS || packets !== PACKETS || stated !== PACKETS || lost !== 0 || maxRss > MAX_RSS_BYTES) process.exit(1);
} finally {
  rmSync(folder, { recursive: true });
}
