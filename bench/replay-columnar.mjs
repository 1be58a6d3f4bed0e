/** `node bench/replay-columnar.mjs DIST CAPTURE TOPOLOGY`: a replay whose batches for the collector are made and discarded. */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [dist, capture, topology] = process.argv.slice(2);
const load = (path) => import(`${pathToFileURL(dist).href}/${path}`);
const { replay } = await load('agent/replay.js');
const { helpfulWorkers } = await load('agent/parallel/helpful-workers.js');
const { BatchPacker } = await load('agent/ship/batch-packer.js');
const { parseTopology } = await load('shared/topology/parse.js');

const packer = new BatchPacker(async () => {});
await replay([capture], { topology: parseTopology(readFileSync(topology, 'utf8'), topology), workers: helpfulWorkers([capture]) }, packer);
await packer.sent();
