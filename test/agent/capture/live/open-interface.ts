/** A program of a test: opens the interface that is named, and says how that went. */
import { openLiveSource } from '../../../../agent/capture/live/open-live-source.ts';
import { WeirError } from '../../../../shared/errors.ts';

try {
  const source = await openLiveSource({ interface: process.argv[2]! }, () => {});
  await source.close();
  process.stdout.write('open\n');
} catch (error) {
  if (!(error instanceof WeirError)) throw error;
  process.stdout.write(`${error.exitCode} ${error.code} ${error.message}\n`);
}
