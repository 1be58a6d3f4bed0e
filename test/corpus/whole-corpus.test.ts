import test from 'ava';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse } from 'yaml';
import { lostPackets } from '../../shared/seal.ts';
import { CORPUS, corpusFiles } from './corpus-files.ts';
import { replayFile, type ReplayedFile } from './replayed-file.ts';
import { hasWireshark } from './wireshark.ts';

/** Of the processor. */
const MAX_FILE_MS = 5000;
const MAX_RSS_BYTES = 300e6;
/** By tshark, in http/206_example_a.pcap without its last five bytes. */
const PACKETS_BEFORE_CUT = 671;
const WEIR = fileURLToPath(new URL('../../weir.ts', import.meta.url));
const unreadable = parse(readFileSync(new URL('unreadable.yaml', import.meta.url), 'utf8')) as Record<string, number>;

/** Packets in each file by Wireshark's readers; files that those cannot name are absent. */
function countWithCapinfos(files: readonly string[]): Map<string, number> {
  const options = ['-T', '-r', '-c', '-N', '-K'];
  const { stdout } = spawnSync('capinfos', [...options, ...files], { cwd: CORPUS, encoding: 'utf8', maxBuffer: 1 << 26 });
  const counts = new Map<string, number>();
  for (const line of stdout.split('\n')) {
    const [name, packets] = line.split('\t');
    if (name && packets) counts.set(name, Number(packets));
  }
  return counts;
}

/** What is wrong with the sums of one file; empty where every packet is accounted for. */
function unaccounted({ rows, seals, summary }: ReplayedFile): string[] {
  const complaints: string[] = [];
  let seen = summary!.unmatchedPackets;
  for (const seal of seals) {
    seen += seal.packetsSeen;
    const parts = seal.packets + seal.filteredPackets + seal.nonIpPackets + lostPackets(seal);
    if (parts !== seal.packetsSeen) complaints.push(`seal of ${seal.windowStart}: ${seal.packetsSeen} packets seen, ${parts} accounted for`);
  }
  if (seen !== summary!.packets) complaints.push(`${summary!.packets} packets read, ${seen} seen`);
  const rowPackets = rows.reduce((sum, row) => sum + row.packets, 0);
  const rowBytes = rows.reduce((sum, row) => sum + row.bytes, 0);
  const sealed = seals.reduce((sum, seal) => ({ packets: sum.packets + seal.packets, bytes: sum.bytes + seal.bytes }), { packets: 0, bytes: 0 });
  if (rowPackets !== sealed.packets || rowBytes !== sealed.bytes) {
    complaints.push(`rows hold ${rowPackets} packets ${rowBytes} bytes, seals state ${sealed.packets} packets ${sealed.bytes} bytes`);
  }
  return complaints;
}

test.serial('every capture of the corpus is read to its end or refused with a reason, and every packet is accounted for', async (t) => {
  const files = corpusFiles(CORPUS);
  if (files.length === 0) {
    t.log(`the corpus is absent (${CORPUS}): nothing read`);
    return void t.pass();
  }
  const counts = hasWireshark(t) ? countWithCapinfos(files) : null;
  const refused: Record<string, number> = {};
  const wrong: string[] = [];
  const total = { packets: 0, slowestMs: 0, slowest: '' };
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (const [index, file] of files.entries()) {
    // what the files before have left is no memory that this one takes; a busy machine collects it late
    if (index % 20 === 0) collect();
    const before = process.cpuUsage();
    const replayed = await replayFile(join(CORPUS, file));
    const { user, system } = process.cpuUsage(before);
    const tookMs = (user + system) / 1000;
    if (tookMs > total.slowestMs) [total.slowestMs, total.slowest] = [tookMs, file];
    if (replayed.error) {
      const linkType = /^link type (\d+) is not supported/.exec(replayed.error.message)?.[1];
      if (replayed.error.code !== 'CAPTURE_LINK_TYPE' || !linkType) wrong.push(`${file}: ${replayed.error.message}`);
      else refused[linkType] = (refused[linkType] ?? 0) + 1;
      continue;
    }
    const { packets, damaged } = replayed.summary!;
    total.packets += packets;
    wrong.push(...unaccounted(replayed).map((line) => `${file}: ${line}`));
    wrong.push(...damaged.map(({ offset, reason }) => `${file}: damaged at ${offset}: ${reason}`));
    if (counts && packets !== counts.get(file)) wrong.push(`${file}: ${packets} packets, capinfos counts ${counts.get(file)}`);
  }
  const maxRssBytes = process.resourceUsage().maxRSS * 1024;
  t.log(`${files.length} files, ${total.packets} packets; slowest ${total.slowest} in ${total.slowestMs.toFixed(0)} ms; RSS at most ${(maxRssBytes / 1e6).toFixed(0)} MB`);
  t.deepEqual(wrong, []);
  t.deepEqual(refused, unreadable);
  t.is(files.length, 1630);
  t.true(total.slowestMs < MAX_FILE_MS);
  t.true(maxRssBytes < MAX_RSS_BYTES);
});

/** `weir replay` as its user starts it; peak memory comes out of the process itself. */
function runWeir(...words: string[]): { status: number | null; rows: string[]; errors: string; maxRssBytes: number } {
  const report = `data:text/javascript,process.on('exit',()=>process.stderr.write('\\nmaxRSS '+process.resourceUsage().maxRSS))`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--import', report, WEIR, 'replay', ...words, '--format', 'json'], {
    encoding: 'utf8', timeout: 120_000, maxBuffer: 1 << 28,
  });
  const maxRss = /maxRSS (\d+)$/.exec(stderr);
  return { status, rows: stdout.split('\n').filter((line) => line !== ''), errors: stderr, maxRssBytes: Number(maxRss?.[1] ?? NaN) * 1024 };
}

function packetsIn(rows: readonly string[]): number {
  return rows.reduce((sum, row) => sum + ((JSON.parse(row) as { packets: number | null }).packets ?? 0), 0);
}

test.serial('the command reads, refuses and reports damage with the exit codes it promises, within its memory', (t) => {
  if (corpusFiles(CORPUS).length === 0) {
    t.log(`the corpus is absent (${CORPUS}): nothing read`);
    return void t.pass();
  }
  const whole = join(CORPUS, 'zeek/echo-connections.pcap.gz');
  const good = runWeir(whole);
  t.is(good.status, 0, good.errors);
  t.is(packetsIn(good.rows), 82_582);
  t.log(`a process of its own takes ${(good.maxRssBytes / 1e6).toFixed(0)} MB`);
  t.true(good.maxRssBytes < MAX_RSS_BYTES, `${good.maxRssBytes} bytes`);

  const refused = runWeir(join(CORPUS, 'zeek/radiotap.pcap'));
  t.is(refused.status, 1);
  t.deepEqual(refused.rows, []);
  t.regex(refused.errors, /link type 127 is not supported/);

  const scratch = mkdtempSync(join(tmpdir(), 'weir-corpus-'));
  try {
    const bytes = readFileSync(join(CORPUS, 'zeek/http/206_example_a.pcap'));
    const cut = join(scratch, 'cut.pcap');
    writeFileSync(cut, bytes.subarray(0, bytes.length - 5));
    const damaged = runWeir(cut);
    t.is(damaged.status, 1);
    t.regex(damaged.errors, /damaged at byte \d+/);
    t.is(packetsIn(damaged.rows), PACKETS_BEFORE_CUT);
  } finally {
    rmSync(scratch, { recursive: true });
  }
});
