/**
 * docs/flow-logs.md as it is written: every command of its `sh` blocks, in their order, in one shell, in a network of its
 * own. Needs root. Limit: 10 min
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const GUIDE = 'docs/flow-logs.md';
/** What the reader should see, at least. */
const EXPECTED = [
  '+ eni eni-web', 'no agent reports an interface named veth-web', '1 of 1 ENI', 'hello', /10\.20\.1\.10 +9090 +REJECT/, /eni-web +[.\-PUM ]+ +\d+\.\d%/,
  '~ security-group sg-web (rule r-http: port-range 8080/8080 → 8080/9090)', '~ rule sg-web r-http (port-range 8080/8080 → 8080/9090)',
  /veth-web +\S+ +up/, 'LogStore rejected is deleted', 'logstore.delete',
];

const folder = mkdtempSync(join(tmpdir(), 'weir-guide-'));
const blocks = [...readFileSync(GUIDE, 'utf8').matchAll(/^```sh\n([^]*?)^```$/gm)].map((match) => match[1]!);
assert.ok(blocks.length > 8, 'the guide has commands');
const programs = join(folder, 'bin');
const work = join(folder, 'work');
for (const path of [programs, work]) mkdirSync(path);
writeFileSync(join(programs, 'weir'), `#!/bin/sh\nexec '${process.execPath}' --import='${resolve('node_modules/tsx/dist/loader.mjs')}' '${resolve('weir.ts')}' "$@"\n`);
chmodSync(join(programs, 'weir'), 0o755);
// threads of the agent look for tsx from the working directory on
symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
// names of network namespaces are the mount namespace's
const script = ['set -e -o pipefail', 'mount -t tmpfs none /run', 'ip link set lo up', ...blocks, 'wait'].join('\n');
writeFileSync(join(folder, 'guide.sh'), script);

const shell = spawn('unshare', ['--net', '--mount', '--pid', '--mount-proc', '--fork', '--kill-child', 'bash', '-x', join(folder, 'guide.sh')], {
  cwd: work, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: `${programs}:${process.env['PATH']}`, HOME: folder },
});
let output = '';
for (const stream of [shell.stdout, shell.stderr]) {
  stream.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    process.stdout.write(text);
  });
}
const patience = setTimeout(() => shell.kill('SIGKILL'), 8 * 60_000);
const [code] = await new Promise<[number | null]>((done) => { shell.once('close', (status) => done([status])); });
clearTimeout(patience);
rmSync(folder, { recursive: true, force: true });
assert.equal(code, 0, 'the guide runs to its end');
for (const text of EXPECTED) assert.ok(typeof text === 'string' ? output.includes(text) : text.test(output), `the guide shows ${String(text)}`);
