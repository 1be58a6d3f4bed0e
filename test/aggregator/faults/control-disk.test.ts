import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runCollector, temporaryDirectory, type RunningCollector } from '../collector-fixture.ts';
import { INVENTORY } from '../control/control-fixture.ts';

interface Disk {
  readonly data: string;
  fill(): void;
  empty(): void;
  /** What is open for writing stays so; nothing new can be written, or read. */
  readOnly(is: boolean): void;
}

/** The control state on a disk of its own, of 4 MiB. Only root may have one: others make do with permissions. */
function smallDisk(t: ExecutionContext): Disk {
  const data = join(temporaryDirectory(t), 'data');
  const control = join(data, 'control');
  mkdirSync(control, { recursive: true });
  const mount = (...args: string[]): boolean => spawnSync('mount', args, { stdio: 'ignore' }).status === 0;
  if (mount('-t', 'tmpfs', '-o', 'size=4m', 'weir-test', control)) {
    t.teardown(() => void spawnSync('umount', ['-l', control]));
    return { data, fill: () => fillUp(join(control, 'filler')), empty: () => rmSync(join(control, 'filler')), readOnly: (is) => void (is ? mount('-t', 'tmpfs', '-o', 'ro', 'weir-test', control) : spawnSync('umount', [control])) };
  }
  t.log('no tmpfs without root: permissions in its place');
  const readOnly = (is: boolean): void => {
    for (const path of [control, join(control, 'audit'), join(control, 'rule-sets')]) chmodSync(path, is ? 0o500 : 0o700);
  };
  return { data, fill: () => readOnly(true), empty: () => readOnly(false), readOnly };
}

function fillUp(path: string): void {
  const file = openSync(path, 'w');
  for (let bytes = 65_536; bytes > 0;) {
    try {
      writeSync(file, Buffer.alloc(bytes));
    } catch {
      bytes >>= 1;
    }
  }
  closeSync(file);
}

const JSON_TYPE = { 'content-type': 'application/json' };
const flowLog = JSON.stringify({ 'name': 'all', 'resource-type': 'VPC', 'resource-id': 'vpc-1', 'logstore': 'flows' });
/** Each of another kind, none of which may be half made. */
const CHANGES: readonly [string, RequestInit][] = [
  ['/v1/inventory', { method: 'PUT', body: INVENTORY.replace('80/80', '81/81') }],
  ['/v1/enis/eni-9', { method: 'PUT', body: '{"addresses":["10.0.0.9"]}', headers: JSON_TYPE }],
  ['/v1/enis/eni-3', { method: 'DELETE' }],
  ['/v1/security-groups/sg-9', { method: 'PUT', body: '{}', headers: JSON_TYPE }],
  ['/v1/logstores', { method: 'POST', body: '{"name":"new"}', headers: JSON_TYPE }],
  ['/v1/saved-queries', { method: 'POST', body: '{"name":"n","logstore":"flows","query":"*"}', headers: JSON_TYPE }],
  ['/v1/flow-logs', { method: 'POST', body: flowLog, headers: { ...JSON_TYPE, 'idempotency-key': 'k' } }],
];

async function shown(collector: RunningCollector): Promise<unknown> {
  const [inventory, flowLogs, queries, revisions] = await Promise.all(['/v1/inventory?format=json', '/v1/flow-logs', '/v1/saved-queries', '/v1/rule-sets'].map((path) => collector.json(path)));
  return { inventory, flowLogs, queries, revisions };
}

for (const kind of ['full', 'read-only'] as const) {
  test.serial(`a disk that is ${kind}: 503 and when to come back, nothing half made; then the same requests do`, async (t) => {
    t.timeout(300_000);
    const disk = smallDisk(t);
    const collector = await runCollector(t, { data: disk.data });
    await collector.request('/v1/inventory', { method: 'PUT', body: INVENTORY });
    await collector.request('/v1/authorization', { method: 'PUT' });
    const before = await shown(collector);
    if (kind === 'full') disk.fill();
    else disk.readOnly(true);
    for (const [path, init] of [...CHANGES, ...CHANGES]) {
      const answer = await collector.request(path, init);
      t.is(answer.status, 503, path);
      t.truthy(answer.headers.get('retry-after'));
      t.regex(((await answer.json()) as { detail: string }).detail, /could not be written, so nothing was changed: (ENOSPC|EROFS|EACCES|ENOENT)/);
    }
    if (kind === 'full') {
      t.deepEqual(await shown(collector), before);
      disk.empty();
    } else {
      disk.readOnly(false);
    }
    t.deepEqual(await shown(collector), before);
    for (const [path, init] of CHANGES) t.true((await collector.request(path, init)).ok, path);
    t.is((await collector.request(...CHANGES.at(-1)!)).status, 201);
    const now = await shown(collector);
    t.like(now, { flowLogs: { used: 1 } });
    const { entries } = await collector.json<{ entries: { action: string }[] }>('/v1/audit?limit=7');
    t.deepEqual(entries.map(({ action }) => action), ['flow-log.create', 'saved-query.create', 'logstore.create', 'security-group.put', 'eni.delete', 'eni.put', 'inventory.apply']);
    await collector.stop();
    const again = await runCollector(t, { data: disk.data });
    t.deepEqual(await shown(again), now);
  });
}
