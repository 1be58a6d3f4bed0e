/** Run by tests in a process of its own: opens the capture that is named and prints what it holds. */

import { openCaptureFile } from '../../../agent/capture/capture-file.ts';
import { WeirError } from '../../../shared/errors.ts';
import { PacketBatch } from '../../../shared/packet-batch.ts';

try {
  const source = await openCaptureFile(process.argv[2]!);
  const batch = new PacketBatch();
  let packets = 0;
  let bytes = 0;
  while (await source.fill(batch)) {
    packets += batch.count;
    for (let index = 0; index < batch.count; index++) bytes += batch.captureLength[index]!;
  }
  await source.close();
  process.stdout.write(`${JSON.stringify({ packets, bytes, damage: source.damage })}\n`);
} catch (error) {
  if (!(error instanceof WeirError)) throw error;
  process.stdout.write(`${error.code} ${error.message}\n`);
}
