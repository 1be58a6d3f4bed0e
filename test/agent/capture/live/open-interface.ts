/** A program of a test: opens the interface that is named by the method that is named, and says how that went. */
import { openLiveSource, type CaptureMethod } from '../../../../agent/capture/live/open-live-source.ts';
import { WeirError } from '../../../../shared/errors.ts';

const [name, capture] = process.argv.slice(2) as [string, CaptureMethod];
const options = { interface: name, capture, ringBytes: 1 << 18, blockBytes: 1 << 16 };
const say = (line: string): boolean => process.stdout.write(`${line}\n`);
try {
  for (let time = 0; time < 2; time++) {
    const source = await openLiveSource(options, (warning) => say(`warning: ${warning}`));
    await source.close();
    say(source.constructor.name);
  }
} catch (error) {
  if (!(error instanceof WeirError)) throw error;
  say(`${error.exitCode} ${error.code} ${error.message}`);
}
