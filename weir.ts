#!/usr/bin/env node
import { prepareTableWorker } from './agent/parallel/table-worker-start.ts';

const words = process.argv.slice(2);
// a thread takes its time to start, and can do so while the command line is read
if (words[0] === 'replay') prepareTableWorker(words);
const { runCommand } = await import('./commands.ts');
await runCommand(words);
