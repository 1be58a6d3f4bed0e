/**
 * 10 million fuzzed inputs: capture files through the readers and frames through the decoder. Limit: 45 min
 * The seed of each round is its number, so that a failure names what repeats it.
 */
import { fuzzCaptureFiles } from '../fuzz/capture-file.ts';
import { fuzzDecoder } from '../fuzz/decoder.ts';

const ROUNDS = 50;
const FILES_A_ROUND = 100_000;
const FRAMES_A_ROUND = 100_352; // a multiple of the decoder's batch

const started = Date.now();
let files = 0;
let frames = 0;
let damaged = 0;
for (let seed = 1; seed <= ROUNDS; seed++) {
  const outcome = await fuzzCaptureFiles(seed, FILES_A_ROUND);
  files += outcome.inputs;
  damaged += outcome.damaged;
  fuzzDecoder(seed, FRAMES_A_ROUND);
  frames += FRAMES_A_ROUND;
  if (seed % 10 === 0) console.log(`${files} files (${damaged} ended in damage), ${frames} frames, ${Math.round((Date.now() - started) / 1000)} s`);
}
console.log(`no throw, no hang, no read outside: ${files + frames} inputs`);
