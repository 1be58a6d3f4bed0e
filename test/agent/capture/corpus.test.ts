/** Real captures of other projects, which lie beside the checkout where the whole project is tested. */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import test from 'ava';
import { parse } from 'pcap-parser';
import type { PacketHeader } from 'pcap-parser';

import { openCaptureFile } from '../../../agent/capture/capture-file.ts';
import { PacketBatch } from '../../../shared/packet-batch.ts';

const CORPUS = fileURLToPath(new URL('../../../../shared/corpus', import.meta.url));
/** Classic pcap with microseconds, of either byte order: all that pcap-parser reads. */
const PARSER_MAGICS = ['d4c3b2a1', 'a1b2c3d4'];

interface CaptureDigest {
  packets: number;
  /** Over time, lengths and bytes of each packet in turn. */
  hash: string;
  damaged: boolean;
}

function corpusFiles(): string[] {
  return readdirSync(CORPUS, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function ownDigest(path: string): Promise<CaptureDigest> {
  const source = await openCaptureFile(path);
  const batch = new PacketBatch();
  const hash = createHash('sha256');
  let packets = 0;
  while (await source.fill(batch)) {
    for (let index = 0; index < batch.count; index++) {
      const offset = batch.offset[index]!;
      const captured = batch.captureLength[index]!;
      hash.update(`${batch.timeUs[index]} ${captured} ${batch.originalLength[index]}\n`);
      hash.update(batch.bytes.subarray(offset, offset + captured));
    }
    packets += batch.count;
  }
  await source.close();
  return { packets, hash: hash.digest('hex'), damaged: source.damage !== null };
}

function parserDigest(path: string): Promise<CaptureDigest> {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256');
    let packets = 0;
    const parser = parse(path);
    parser.on('packet', ({ header, data }: { header: PacketHeader; data: Buffer }) => {
      packets++;
      const timeUs = header.timestampSeconds * 1e6 + header.timestampMicroseconds;
      hash.update(`${timeUs} ${header.capturedLength} ${header.originalLength}\n`).update(data);
    });
    parser.on('error', reject);
    parser.on('end', () => resolve({ packets, hash: hash.digest('hex'), damaged: false }));
  });
}

test('every capture of the corpus is read whole, and as pcap-parser reads it', async (t) => {
  if (!existsSync(CORPUS)) {
    t.log(`no corpus at ${CORPUS}: nothing was compared`);
    return t.pass();
  }
  const files = corpusFiles();
  let compared = 0;
  for (const path of files) {
    const own = await ownDigest(path);
    t.false(own.damaged, path);
    if (!PARSER_MAGICS.includes(readFileSync(path).subarray(0, 4).toString('hex'))) continue;
    t.deepEqual(own, await parserDigest(path), path);
    compared++;
  }
  t.log(`${files.length} captures read, ${compared} compared`);
  t.true(compared > files.length / 2);
});
