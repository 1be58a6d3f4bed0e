/** One of the programs that capture-loss.ts compares: Weir on eth0, by a capture method, until SIGTERM. */
import { readFileSync } from 'node:fs';
import { openLiveSource, type CaptureMethod } from '../agent/capture/live/open-live-source.ts';
import { Pipeline } from '../agent/pipeline.ts';
import { PacketBatch } from '../shared/packet-batch.ts';
import { parseTopology } from '../shared/topology/parse.ts';

/** Rules of the security group that the ENI is in; the last ones let the trace in. */
const RULES = 100;

const [capture, work] = process.argv.slice(2) as [CaptureMethod, 'count' | 'pipeline'];
const source = await openLiveSource({ capture, interface: 'eth0' }, () => {});
const batch = new PacketBatch();
let recorded = 0;
const pipeline = work === 'count' ? null : new Pipeline({ topology: parseTopology(topologyText(), 'bench'), windowSeconds: 60 }, {
  rows: () => {},
  seals: (seals) => {
    for (const seal of seals) recorded += seal.packets;
  },
});

const cpuBefore = process.cpuUsage();
process.once('SIGTERM', () => source.stop());
process.stdout.write('capturing\n');
let seen = 0;
while (await source.fill(batch)) {
  seen += batch.count;
  pipeline?.process(batch, 0, batch.count, source.interfaces);
}
pipeline?.close();
const { drops } = source.statistics();
await source.close();
const { user, system } = process.cpuUsage(cpuBefore);
// cutime and cstime of proc(5): cap runs in a process of its own
const ofChildren = readFileSync('/proc/self/stat', 'utf8').replace(/^.*\) /, '').split(' ').slice(13, 15).reduce((sum, ticks) => sum + Number(ticks) / 100, 0);
const endReason = source.endReason?.kind === 'stopped' ? '' : source.endReason?.text;
if (pipeline && recorded !== seen) throw new Error(`${recorded} packets in records, ${seen} seen`);
process.stdout.write(`${JSON.stringify({ seen, drops, cpuSeconds: (user + system) / 1e6 + ofChildren, endReason })}\n`);

function topologyText(): string {
  const rules = Array.from({ length: RULES }, (_, index) =>
    `      - { rule-id: sgr-${index}, direction: ingress, policy: ${index % 3 === 0 ? 'drop' : 'accept'}, protocol: ${index % 2 === 0 ? 'tcp' : 'udp'}, port-range: ${index * 600 + 1}/${index * 600 + 600}, cidr: ${index % 4 === 0 ? '10.0.0.0/8' : '0.0.0.0/0'}, priority: ${(index % 100) + 1} }`);
  return `account-id: "1"\nregion: bench\nsecurity-groups:\n  - security-group-id: sg-1\n    type: basic\n    rules:\n${rules.join('\n')}\nenis:\n  - { eni-id: eni-1, interface: eth0, mac: 02:00:00:00:00:99, side: guest, security-groups: [sg-1] }\n`;
}
