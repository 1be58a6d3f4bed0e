/** Mistakes that somebody could make in what docs/reliability.md promises, and the test that sees each of them. */
export interface SeededBug {
  readonly name: string;
  readonly file: string;
  /** Stands there once. */
  readonly find: string;
  readonly replace: string;
  readonly test: string;
  /** Title of the test in that file, with * for what varies. */
  readonly title: string;
}

const SPOOL_MODEL = { test: 'test/agent/spool/spool-model.test.ts', title: '*lives on a disk that loses, tears and refuses*' };
const SPOOL_DAMAGE = 'test/agent/spool/spool-damage.test.ts';
const SPOOL_LIMITS = 'test/agent/spool/spool-limits.test.ts';
const STEPS = { test: 'test/aggregator/faults/storage-steps.test.ts', title: 'killed, without power, or refused by the disk*' };
const JOURNAL = 'test/aggregator/journal/journal.test.ts';
const LEDGER = 'test/aggregator/logstore/ledger.test.ts';
const RECEIVE = 'test/aggregator/receive/receive.test.ts';
const HOSTILE = 'test/aggregator/api/hostile.test.ts';
const POOL = 'test/aggregator/query/query-pool.test.ts';
const LOCKED = 'test/aggregator/query/worker/locked-database.test.ts';

const SPOOL: readonly SeededBug[] = [
  {
    name: 'segments of the spool are not synced', file: 'agent/spool/spool-segment.ts',
    find: 'await this.file!.sync();', replace: '', ...SPOOL_MODEL,
  },
  {
    name: 'positions of the spool are not synced', file: 'agent/spool/spool-position.ts',
    find: 'await this.files[index]!.sync();', replace: '', ...SPOOL_MODEL,
  },
  {
    name: 'the names of new segments are not synced', file: 'agent/spool/spool-segment.ts',
    find: 'await disk.syncNames();', replace: '', ...SPOOL_MODEL,
  },
  {
    name: 'the position is written once', file: 'agent/spool/spool-position.ts',
    find: 'for (const index of [this.first, 1 - this.first]) {', replace: 'for (const index of [this.first]) {',
    test: SPOOL_DAMAGE, title: "a file that is missing, doubled or none of the spool's*",
  },
  {
    name: 'a batch is sent before its number is durable', file: 'agent/spool/spool.ts',
    find: 'await this.makeBoundDurable();\n    const { id, parts }', replace: 'const { id, parts }', ...SPOOL_MODEL,
  },
  {
    name: 'the next batch goes under the same number', file: 'agent/spool/spool.ts',
    find: 'state.sequence++;', replace: '', test: SPOOL_LIMITS, title: 'three times as much as it may hold*',
  },
  {
    name: 'the spool has no limit', file: 'agent/spool/spool-room.ts',
    find: 'let excess = this.excessWith(bytes);', replace: 'let excess = -Infinity;',
    test: SPOOL_LIMITS, title: 'three times as much as it may hold*',
  },
  {
    name: 'rows of a window that is open are dropped', file: 'agent/spool/spool-room.ts',
    find: 'id === state.bound?.id || !isSealed', replace: 'id === state.bound?.id',
    test: SPOOL_LIMITS, title: 'what is being sent, and what its window has not sealed, is not dropped',
  },
  {
    name: 'what is dropped is not stated', file: 'agent/spool/spool-room.ts',
    find: 'else all.loss.add([...header.ifLost, ...header.seals]);', replace: 'else all.loss.add(header.seals);',
    test: SPOOL_LIMITS, title: 'three times as much as it may hold*',
  },
  {
    name: 'nobody looks at the checksum of a batch', file: 'agent/spool/spool-segment.ts',
    find: 'body.length === bodyLength && crc32(body) === bodyCrc', replace: 'body.length === bodyLength',
    test: SPOOL_DAMAGE, title: 'a batch that is damaged while it waits is not sent, and is stated',
  },
  {
    name: 'a number may be given twice after a damage', file: 'agent/spool/spool.ts',
    find: 'frame.segment.waiting.delete(frame.id);\n    this.beginEpoch(0);', replace: 'frame.segment.waiting.delete(frame.id);',
    test: SPOOL_DAMAGE, title: 'a batch that was sent, and is damaged when it is to be sent again*',
  },
  {
    name: 'a batch gets another number while its first one may still be taken', file: 'agent/spool/spool.ts',
    find: 'if (newest === 0 && this.closedEpoch !== this.state.epoch) return', replace: 'if (newest < 0) return',
    test: 'test/agent/ship/spool-shipping.test.ts', title: 'another collector, to which copies of all that was sent before come late*',
  },
  {
    name: 'the page of a proxy is a refusal', file: 'agent/ship/collector-post.ts',
    find: "if (problem?.['status'] !== statusCode) return { kind: 'refused', status: statusCode, reason };",
    replace: "if (problem === null) return { kind: 'unfit', status: statusCode, reason };",
    test: 'test/agent/ship/spool-shipping.test.ts', title: 'what does not come from a collector says nothing about the batch',
  },
];

const STORAGE: readonly SeededBug[] = [
  {
    name: 'the journal is not synced', file: 'aggregator/journal/segment.ts',
    find: 'await writeAll(this.handle, parts, this.length);\n    await this.handle.datasync();', replace: 'await writeAll(this.handle, parts, this.length);', ...STEPS,
  },
  {
    name: 'the name of a new segment is not synced', file: 'aggregator/journal/segment.ts',
    find: 'await handle.sync();\n      await syncDirectory(dirname(path));', replace: 'await handle.sync();', ...STEPS,
  },
  {
    name: 'the name of a new ledger is not synced', file: 'aggregator/logstore/ledger.ts',
    find: 'await syncDirectory(this.directory);', replace: '', ...STEPS,
  },
  {
    name: 'what a write that failed has left stays', file: 'aggregator/journal/journal.ts',
    find: 'if (this.failed) await this.segment.truncateToDurable();', replace: '', ...STEPS,
  },
  {
    name: 'nobody looks at the checksum of rows in the journal', file: 'aggregator/journal/frame.ts',
    find: "return crc32(body, salt) === bytes.readUInt32LE(12) ? 'whole' : 'body-damaged';", replace: "return 'whole';",
    test: JOURNAL, title: 'no bit flip goes unnoticed',
  },
  {
    name: 'every segment has the same salt', file: 'aggregator/journal/segment.ts',
    find: 'const salt = randomInt(1, 0x1_0000_0000);', replace: 'const salt = 7;',
    test: JOURNAL, title: 'a body that looks like a frame is not taken for one',
  },
  {
    name: "segments go before the ledger's record", file: 'aggregator/publish/publisher.ts',
    find: "await ledger.append({ type: 'release',", replace: "for (const path of removable) await (await import('node:fs/promises')).unlink(path).catch(() => {});\n    await ledger.append({ type: 'release',", ...STEPS,
  },
  {
    name: 'a record does not name the batches that it publishes', file: 'aggregator/publish/publication.ts',
    find: 'frames: frames.map(({ frame }) => frame), statePath', replace: 'frames: [], statePath', ...STEPS,
  },
  {
    name: "agents' numbers go with the segments that knew them", file: 'aggregator/logstore/ledger-state.ts',
    find: 'for (const position of record.positions) this.setPosition(position);\n        for (const frame of record.frames)', replace: 'for (const frame of record.frames)', ...STEPS,
  },
  {
    name: 'frames of segments that are gone are forgotten by the snapshot', file: 'aggregator/logstore/ledger-state.ts',
    find: 'released: [...this.released],', replace: 'released: [],', test: LEDGER, title: 'frames of deleted segments count as published until the next are deleted',
  },
  {
    name: 'the ledger keeps no file before its snapshot', file: 'aggregator/logstore/ledger.ts',
    find: 'if (file !== before) await unlink', replace: 'await unlink', test: LEDGER, title: 'a snapshot that is damaged: the file before says all that it said',
  },
  {
    name: 'seals of a window are not synced', file: 'aggregator/publish/publication.ts',
    find: 'await file.datasync();', replace: '', ...STEPS,
  },
  {
    name: 'a batch counts as seen before it is in the journal', file: 'aggregator/receive/receiver.ts',
    find: 'const frame = await this.journal.append(header, body);', replace: 'this.positions.advance(batch.agent, batch.epoch, batch.sequence);\n        const frame = await this.journal.append(header, body);',
    test: 'test/aggregator/faults/storage.test.ts', title: 'a disk that takes nothing*',
  },
  {
    name: 'an older epoch stays open', file: 'aggregator/receive/agent-positions.ts',
    find: 'if (epoch < newest && !(isNext', replace: 'if (epoch < newest && !epochs.has(epoch) && !(isNext', test: RECEIVE, title: 'an epoch begins at 1, and closes those before it*',
  },
  {
    name: 'what a start has struck out comes too late', file: 'aggregator/storage.ts',
    find: 'positions.strike(agent, epoch, sequence);', replace: 'positions.advance(agent, epoch, 0);',
    test: 'test/agent/ship/sent-again.test.ts', title: 'the last batch of an agent is damaged, and the agent goes on*',
  },
  {
    name: 'a window that cannot be published is always the first', file: 'aggregator/publish/publisher.ts',
    find: 'if (failures.size > 0) due.sort((a, b) => failed(a) - failed(b));', replace: '',
    test: 'test/aggregator/publish/failing-window.test.ts', title: 'a window that cannot be published keeps no other one waiting',
  },
  {
    name: 'the disk has no floor', file: 'aggregator/journal/disk-room.ts',
    find: 'return this.freeBytes < this.floorBytes;', replace: 'return false;',
    test: 'test/aggregator/faults/full-disk.test.ts', title: 'below the floor batches are refused*',
  },
];

const INTAKE: readonly SeededBug[] = [
  {
    name: 'a token speaks for every agent', file: 'aggregator/api/batch-routes.ts',
    find: 'if (!speaksFor(request.token!, agent))', replace: 'if (false)',
    test: RECEIVE, title: 'who has no token, a wrong one, or one of another scope or agent*',
  },
  {
    name: "rows in another agent's name are taken", file: 'aggregator/receive/receiver.ts',
    find: 'checkAgent(decoded, batch.agent);', replace: '', test: RECEIVE, title: 'nobody reports in the name of another',
  },
  {
    name: 'the body is read before the token', file: 'aggregator/api/authorization.ts',
    find: "app.addHook('onRequest', async (request, reply) => {\n    if (request.is404) return;", replace: "app.addHook('preHandler', async (request, reply) => {\n    if (request.is404) return;",
    test: HOSTILE, title: 'headers without end*',
  },
  {
    name: 'an expired token is valid', file: 'aggregator/control/tokens.ts',
    find: 'if (known.endsAtMs <= this.now()) return', replace: 'if (known.endsAtMs === 0) return',
    test: 'test/aggregator/control/tokens.test.ts', title: 'a token ends when it expires, and its holder is told',
  },
  {
    name: 'bodies inflate as far as they like', file: 'aggregator/receive/inflate.ts',
    find: 'maxOutputLength: size,', replace: 'maxOutputLength: 2 ** 31,', test: RECEIVE, title: 'compressed bodies*',
  },
  {
    name: 'one agent may hold all memory for batches', file: 'aggregator/receive/fair-budget.ts',
    find: ' && this.ofHolder(holder) + bytes <= this.limits.bytesPerHolder;', replace: ';',
    test: 'test/aggregator/receive/fair-budget.test.ts', title: 'whatever is asked for and given back*',
  },
  {
    name: 'who asks most is served most', file: 'aggregator/receive/fair-budget.ts',
    find: 'this.queues.delete(holder);\n      if (queue.length > 0) this.queues.set(holder, queue);', replace: 'if (queue.length === 0) this.queues.delete(holder);',
    test: 'test/aggregator/receive/fair-budget.test.ts', title: 'holders that wait are served in turn*',
  },
  {
    name: 'what waits for publication has no bound', file: 'aggregator/receive/receiver.ts',
    find: 'if (unpublished.bytesOf(agent) >= backlogBytesPerAgent) {', replace: 'if (unpublished.bytesOf(agent) === Infinity) {',
    test: HOSTILE, title: 'where publication lags*',
  },
];

const QUERIES: readonly SeededBug[] = [
  {
    name: 'one function too many is allowed', file: 'aggregator/query/sql/allowed-functions.ts',
    find: '  count count_star count_if', replace: '  current_setting count count_star count_if',
    test: 'test/aggregator/query/sandbox.test.ts', title: "refuses SELECT current_setting('temp_directory')",
  },
  {
    name: 'any table may be read', file: 'aggregator/query/sql/statement-check.ts',
    find: 'if (qualified || !scope.has(lower)) {', replace: 'if (qualified) {',
    test: 'test/aggregator/query/sandbox.test.ts', title: 'refuses SELECT * FROM weir_stored',
  },
  {
    name: 'settings of a worker are not locked', file: 'aggregator/query/worker/locked-database.ts',
    find: "'lock_configuration = true',", replace: '', test: LOCKED, title: 'what is not asked through the check*',
  },
  {
    name: 'a worker may open any file', file: 'aggregator/query/worker/locked-database.ts',
    find: "'enable_external_access = false',", replace: '', test: LOCKED, title: 'what is not asked through the check*',
  },
  {
    name: 'a query has three times its deadline', file: 'aggregator/query/worker/worker-process.ts',
    find: 'narrow the time range or the search`)), deadlineMs);', replace: 'narrow the time range or the search`)), 3 * deadlineMs);',
    test: POOL, title: 'a query that takes too long is killed at the deadline*',
  },
  {
    name: "a worker has no limit of the kernel's", file: 'aggregator/query/worker/address-space.ts',
    find: "`--as=${bytes}`, ", replace: '', test: POOL, title: "a worker stands under the kernel's limits",
  },
  {
    name: 'an answer has no limit', file: 'aggregator/query/worker/body-writer.ts',
    find: 'this.bytes + chunk.length > this.maximumBytes', replace: 'this.bytes < 0', test: POOL, title: 'an answer in text has a limit*',
  },
  {
    name: 'one token may have all workers', file: 'aggregator/query/turns.ts',
    find: 'this.held >= this.limits.atOnce || this.ofHolder(holder) >= this.limits.perHolder', replace: 'this.held >= this.limits.atOnce',
    test: 'test/aggregator/query/turns.test.ts', title: 'one holder leaves room for another*',
  },
];

export const SEEDED_BUGS: readonly SeededBug[] = [...SPOOL, ...STORAGE, ...INTAKE, ...QUERIES];
