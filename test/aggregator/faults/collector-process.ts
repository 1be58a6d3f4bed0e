/** A collector in a process of its own, to be killed: prints its URL, publishes as fast as it can, keeps little in one file. */
import winston from 'winston';
import { startCollector } from '../../../aggregator/main.ts';

const collector = await startCollector({
  data: process.argv[2]!, host: '127.0.0.1', port: 0, log: winston.createLogger({ silent: true }),
  aggregationDelayMs: 100, settleMs: 0, journalSegmentBytes: 20_000, ledgerCompactBytes: 5_000,
});
process.stdout.write(`${JSON.stringify({ url: collector.url, adminTokenFile: collector.adminTokenFile })}\n`);
