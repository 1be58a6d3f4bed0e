/** `node FOLDER/bench/replay-columnar.js CAPTURE TOPOLOGY`, as bench/run.ts builds it: a replay whose batches for the collector are discarded. */
import { readFileSync } from 'node:fs';
import { helpfulWorkers } from '../agent/parallel/helpful-workers.ts';
import { startTableWorker } from '../agent/parallel/table-worker-start.ts';
import { replay } from '../agent/replay.ts';
import { BatchPacker } from '../agent/ship/batch-packer.ts';
import { parseTopology } from '../shared/topology/parse.ts';

const [capture = '', topology = ''] = process.argv.slice(2);
const workers = helpfulWorkers([capture]);
const tableWorker = workers > 1 ? startTableWorker() : undefined;
const packer = new BatchPacker(async () => {});
await replay([capture], { topology: parseTopology(readFileSync(topology, 'utf8'), topology), workers, tableWorker }, packer);
await packer.sent();
