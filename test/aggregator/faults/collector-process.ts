/**
 * A collector in a process of its own, to be killed: prints its URL, publishes as fast as it can, keeps little in one file.
 *
 *     collector-process.ts DATA [no-queries]     no-queries: it starts no worker for them
 */
import winston from 'winston';
import { startCollector } from '../../../aggregator/main.ts';
import { DEFAULT_QUERY_SETTINGS } from '../../../aggregator/query/query-settings.ts';

const collector = await startCollector({
  data: process.argv[2]!, host: '127.0.0.1', port: 0, log: winston.createLogger({ silent: true }),
  aggregationDelayMs: 100, settleMs: 0, journalSegmentBytes: 20_000, ledgerCompactBytes: 5_000,
  query: process.argv[3] === 'no-queries' ? { ...DEFAULT_QUERY_SETTINGS, workers: 0 } : DEFAULT_QUERY_SETTINGS,
});
process.stdout.write(`${JSON.stringify({ url: collector.url, adminTokenFile: collector.adminTokenFile })}\n`);
