/**
 * The stages of the collector, in order.
 *
 *     receive → journal → publish → LogStore → query
 *   roll call ↗
 */
export { Receiver } from './receive/receiver.ts';
export { Journal } from './journal/journal.ts';
export { RollCall } from './publish/roll-call.ts';
export { PendingWindows } from './publish/pending-windows.ts';
export { Publisher } from './publish/publisher.ts';
export { PublishProcess } from './publish/publish-process.ts';
export { Ledger } from './logstore/ledger.ts';
export { CommittedCatalog } from './logstore/committed-catalog.ts';
export { QueryPool } from './query/query-pool.ts';
