/** The other programs that read a capture file into flows, and the one that only copies it. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Peer {
  readonly name: string;
  readonly version: string;
  readonly program: string;
  readonly parameters: (capture: string, folder: string) => string[];
}

interface PeerRecipe {
  readonly name: string;
  readonly versionParameters: readonly string[];
  readonly parameters: (capture: string, folder: string) => string[];
}

const RECIPES: readonly PeerRecipe[] = [
  // reads and writes every packet, looks at none
  { name: 'tcpdump', versionParameters: ['--version'], parameters: (capture) => ['-r', capture, '-w', '/dev/null'] },
  { name: 'nfpcapd', versionParameters: ['-V'], parameters: (capture, folder) => ['-r', capture, '-w', folder] },
  {
    // with its default of 8,192 flows it would mostly write out flows that go on; with a control socket it may never end
    name: 'softflowd', versionParameters: ['-h'],
    parameters: (capture, folder) => ['-m', '4000000', '-r', capture, '-n', '127.0.0.1:9', '-v', '9', '-d', '-p', join(folder, 'pid'), '-c', 'none'],
  },
  { name: 'argus', versionParameters: ['-h'], parameters: (capture) => ['-r', capture, '-w', '/dev/null'] },
  {
    name: 'pmacctd', versionParameters: ['-V'],
    parameters: (capture) => ['-I', capture, '-c', 'src_host,dst_host,src_port,dst_port,proto', '-P', 'print', '-o', '/dev/null', '-r', '10'],
  },
];

const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];

/** Those that are installed, and the names of those that are not. */
export function findPeers(): { found: Peer[]; absent: string[] } {
  const found: Peer[] = [];
  const absent: string[] = [];
  for (const { name, versionParameters, parameters } of RECIPES) {
    const folder = FOLDERS.find((candidate) => existsSync(join(candidate, name)));
    if (folder === undefined) absent.push(name);
    else found.push({ name, program: join(folder, name), version: versionOf(join(folder, name), versionParameters), parameters });
  }
  return { found, absent };
}

function versionOf(program: string, parameters: readonly string[]): string {
  let said = '';
  try {
    said = execFileSync('sh', ['-c', '"$0" "$@" 2>&1 || true', program, ...parameters], { encoding: 'utf8' });
  } catch {
    return 'unknown';
  }
  return /\d+\.\d+(\.\d+)*/.exec(said)?.[0] ?? 'unknown';
}
