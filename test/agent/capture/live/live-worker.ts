/** A worker thread of a test: captures until it is told to stop, then says what it has seen. */
import { closeSync, openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { AfPacketSource } from '../../../../agent/capture/live/af-packet-source.ts';
import { systemCalls } from '../../../../agent/capture/live/system-calls.ts';
import { countToEnd } from './live-rows.ts';

const { interface: name, namespace } = workerData as { interface: string; namespace: string };

// a namespace is a thread's own
const descriptor = openSync(`/run/netns/${namespace}`, 'r');
systemCalls().koffi.load(null).func('int setns(int fd, int kind)')(descriptor, 0);
closeSync(descriptor);

const source = new AfPacketSource({ interface: name, filter: 'udp' });
parentPort!.once('message', () => source.stop());
parentPort!.postMessage('open');
const seen = await countToEnd(source);
parentPort!.postMessage({ seen, ...source.statistics() });
await source.close();
