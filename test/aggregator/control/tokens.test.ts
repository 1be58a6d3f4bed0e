import { readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { Actor } from '../../../aggregator/control/audit-log.ts';
import type { MadeToken } from '../../../aggregator/control/token-changes.ts';
import { endsAtMs } from '../../../aggregator/control/token-entry.ts';
import { isWellFormedToken, makeToken, SCOPES } from '../../../aggregator/control/token-text.ts';
import { Tokens } from '../../../aggregator/control/tokens.ts';
import { temporaryDirectory } from '../collector-fixture.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ADMIN: Actor = { tokenId: 'tok-someone', name: 'someone', from: null };

interface Opened {
  readonly tokens: Tokens;
  readonly admin: string;
  readonly told: { actor: Actor; action: string; changes: unknown }[];
  readonly directory: string;
  /** The same files, as after a crash: nothing is closed before. */
  reopen(): Promise<Tokens>;
  pass(ms: number): void;
}

async function openTokens(t: ExecutionContext): Promise<Opened> {
  const directory = temporaryDirectory(t);
  const file = join(directory, 'admin-token');
  const told: Opened['told'] = [];
  const audit = { append: async (actor: Actor, action: string, changes: unknown) => void told.push({ actor, action, changes }) };
  let nowMs = Date.parse('2026-05-01T10:00:00Z');
  const reopen = () => Tokens.open(directory, file, audit, () => nowMs);
  return { tokens: await reopen(), admin: readFileSync(file, 'utf8').trim(), told, directory, reopen, pass: (ms) => { nowMs += ms; } };
}

const idOf = (tokens: Tokens, token: string): string | null => tokens.check(token).entry?.id ?? null;
const reasonOf = (tokens: Tokens, token: string): string => {
  const checked = tokens.check(token);
  return checked.entry === null ? checked.reason : 'valid';
};

test('the first start writes one admin token, for the owner alone', async (t) => {
  const { admin, reopen, directory } = await openTokens(t);
  t.is(statSync(join(directory, 'admin-token')).mode & 0o777, 0o600);
  const again = await reopen();
  t.is(readFileSync(join(directory, 'admin-token'), 'utf8').trim(), admin);
  t.like(again.check(admin).entry, { scope: 'admin', agentId: null, expires: null });
  t.is(again.list().length, 1);
});

test('only hashes are kept, here and in the audit log', async (t) => {
  const { tokens, told, directory } = await openTokens(t);
  const { token, entry } = await tokens.create(ADMIN, { scope: 'ingest', name: 'host 1', agentId: 'agent-1' });
  const kept = readFileSync(join(directory, 'tokens.json'), 'utf8');
  t.false(kept.includes(token.slice(12, 40)));
  t.true(kept.includes(entry.sha256));
  t.is(statSync(join(directory, 'tokens.json')).mode & 0o777, 0o600);
  const audit = JSON.stringify(told);
  t.false(audit.includes(token.slice(12, 40)));
  t.false(audit.includes(entry.sha256));
  t.like(told.at(-1), { actor: ADMIN, action: 'token.create' });
});

test('a revoked token is none, and what was asked for by mistake is not repeated', async (t) => {
  const { tokens } = await openTokens(t);
  const [first, second] = [await tokens.create(ADMIN, { scope: 'query' }), await tokens.create(ADMIN, { scope: 'query' })];
  await tokens.revoke(ADMIN, first.entry.id);
  t.regex(reasonOf(tokens, first.token), /revoked, or made by another collector/);
  t.is(idOf(tokens, second.token), second.entry.id);
  await t.throwsAsync(tokens.revoke(ADMIN, first.entry.id), { message: /no token with this id/ });
  const error = await t.throwsAsync(tokens.revoke(ADMIN, second.token));
  t.false(error.message.includes(second.token.slice(12, 30)));
});

test('a token ends when it expires, and its holder is told', async (t) => {
  const { tokens, pass, reopen } = await openTokens(t);
  const { token, entry } = await tokens.create(ADMIN, { scope: 'query', lifetimeMs: DAY_MS });
  pass(DAY_MS - 1);
  t.is(idOf(tokens, token), entry.id);
  pass(1);
  t.is(reasonOf(tokens, token), `the token ${entry.id} expired at 2026-05-02T10:00:00.000Z: ask for another one`);
  t.like(tokens.document(entry), { state: 'expired' });
  pass(31 * DAY_MS);
  await tokens.create(ADMIN, { scope: 'query' });
  t.false((await reopen()).list().some(({ id }) => id === entry.id), 'what ended long ago is forgotten');
});

test('limits belong to their scope', async (t) => {
  const { tokens } = await openTokens(t);
  const refused = (asked: Parameters<Tokens['create']>[1], message: RegExp) => t.throwsAsync(tokens.create(ADMIN, asked), { message });
  await refused({ scope: 'ingest' }, /belongs to one agent: name it with agent-id, or give \*/);
  await refused({ scope: 'query', agentId: 'a' }, /agent-id is for tokens with the scope ingest or enrol/);
  await refused({ scope: 'admin', logStores: ['flows'] }, /logstores is for tokens with the scope query/);
  await refused({ scope: 'enrol', agentId: '*' }, /leave agent-id out/);
  await refused({ scope: 'enrol', lifetimeMs: null }, /cannot be valid for ever/);
  t.is((await tokens.create(ADMIN, { scope: 'ingest', agentId: '*' })).entry.agentId, '*');
  t.deepEqual((await tokens.create(ADMIN, { scope: 'query', logStores: ['flows'] })).entry.logStores, ['flows']);
  t.is(tokens.list().length, 3);
});

test('rotation: the same rights and lifetime, two valid for the overlap and never three', async (t) => {
  const { tokens, pass } = await openTokens(t);
  const old = await tokens.create(ADMIN, { scope: 'query', name: 'grafana', logStores: ['flows'], lifetimeMs: 10 * DAY_MS });
  pass(4 * DAY_MS);
  const next = await tokens.rotate(ADMIN, old.entry.id, DAY_MS);
  t.like(next.entry, { scope: 'query', name: 'grafana', logStores: ['flows'], expires: '2026-05-15T10:00:00.000Z', rotatedFrom: old.entry.id });
  t.truthy(idOf(tokens, old.token));
  await t.throwsAsync(tokens.rotate(ADMIN, old.entry.id, DAY_MS), { message: new RegExp(`was rotated before, and ${next.entry.id} takes its place`) });
  await t.throwsAsync(tokens.rotate(ADMIN, next.entry.id, DAY_MS), { message: new RegExp(`took the place of ${old.entry.id}, which goes on until 2026-05-06T10`) });
  pass(DAY_MS);
  t.regex(reasonOf(tokens, old.token), /expired/);
  t.is(idOf(tokens, next.token), next.entry.id);
  const third = await tokens.rotate(ADMIN, next.entry.id, 0);
  t.is(idOf(tokens, next.token), null);
  t.is(idOf(tokens, third.token), third.entry.id);
});

test('an overlap does not make a token live longer', async (t) => {
  const { tokens, pass } = await openTokens(t);
  const twice = await tokens.create(ADMIN, { scope: 'query' });
  const { entry: successor } = await tokens.rotate(ADMIN, twice.entry.id, HOUR_MS);
  await tokens.revoke(ADMIN, successor.id);
  await tokens.rotate(ADMIN, twice.entry.id, DAY_MS);
  const old = await tokens.create(ADMIN, { scope: 'query', lifetimeMs: HOUR_MS });
  await tokens.rotate(ADMIN, old.entry.id, DAY_MS);
  pass(HOUR_MS);
  t.is(idOf(tokens, old.token), null);
  t.is(idOf(tokens, twice.token), null);
});

test('there is always an admin token that does not expire', async (t) => {
  const { tokens, admin, pass } = await openTokens(t);
  const first = tokens.check(admin).entry!;
  const last = { message: /the last admin token that does not expire/ };
  await t.throwsAsync(tokens.revoke(ADMIN, first.id), last);
  const brief = await tokens.create(ADMIN, { scope: 'admin', lifetimeMs: DAY_MS });
  await t.throwsAsync(tokens.revoke(ADMIN, first.id), last);
  const next = await tokens.rotate(ADMIN, first.id, HOUR_MS);
  await t.throwsAsync(tokens.revoke(ADMIN, next.entry.id), last, 'the old one is about to end');
  pass(HOUR_MS);
  t.is(idOf(tokens, admin), null);
  await tokens.create(ADMIN, { scope: 'admin' });
  await tokens.revoke(ADMIN, next.entry.id);
  t.truthy(idOf(tokens, brief.token));
});

test('a token neither revokes itself nor ends itself by rotation', async (t) => {
  const { tokens } = await openTokens(t);
  const { entry } = await tokens.create(ADMIN, { scope: 'admin' });
  const self = { ...ADMIN, tokenId: entry.id };
  await t.throwsAsync(tokens.revoke(self, entry.id), { message: /cannot revoke itself/ });
  await t.throwsAsync(tokens.rotate(self, entry.id, 0), { message: /cannot end itself at once/ });
  await tokens.rotate(self, entry.id, 1);
});

test('enrolment: a lost answer is asked for again until the token of the first was used', async (t) => {
  const { tokens, reopen, told } = await openTokens(t);
  const oneTime = await tokens.create(ADMIN, { scope: 'enrol', name: 'host 7' });
  t.is(endsAtMs(oneTime.entry) - Date.parse(oneTime.entry.created), HOUR_MS);
  const lost = await tokens.enrol(ADMIN, oneTime.entry, 'agent-7');
  const got = await tokens.enrol(ADMIN, oneTime.entry, 'agent-7');
  t.is(idOf(tokens, lost.token), null, 'the earlier one is void');
  t.like(tokens.check(got.token).entry, { scope: 'ingest', agentId: 'agent-7', name: 'host 7', expires: null });
  await t.throwsAsync(tokens.enrol(ADMIN, oneTime.entry, 'agent-8'), { message: /for the agent agent-7, not for agent-8/ });
  await t.throwsAsync(tokens.noteUse(lost.entry), { message: /has enrolled once more/ }, 'a request that was let in a moment before');

  await tokens.noteUse(got.entry);
  for (const now of [tokens, await reopen()]) {
    t.regex(reasonOf(now, oneTime.token), /one-time token was used, or has expired/);
    await t.throwsAsync(now.enrol(ADMIN, oneTime.entry, 'agent-7'), { message: /was used, or has expired/ });
    t.is(idOf(now, got.token), got.entry.id);
    t.is(now.document(now.get(oneTime.entry.id))['state'], 'used');
  }
  t.deepEqual(told.map(({ action }) => action), ['token.create', 'token.create', 'token.enrol', 'token.enrol']);
});

test('a one-time token is for its agent, for its time, and for no agent of all names', async (t) => {
  const { tokens, pass } = await openTokens(t);
  const bound = await tokens.create(ADMIN, { scope: 'enrol', agentId: 'agent-1', lifetimeMs: 2 * HOUR_MS });
  await t.throwsAsync(tokens.enrol(ADMIN, bound.entry, 'agent-2'), { message: /for the agent agent-1/ });
  const any = await tokens.create(ADMIN, { scope: 'enrol' });
  await t.throwsAsync(tokens.enrol(ADMIN, any.entry, '*'), { message: /no agent's id/ });
  await t.throwsAsync(tokens.rotate(ADMIN, any.entry.id, HOUR_MS), { message: /one-time token/ });
  pass(HOUR_MS);
  t.regex(reasonOf(tokens, any.token), /used, or has expired/);
  await t.throwsAsync(tokens.enrol(ADMIN, any.entry, 'agent-1'), { message: /used, or has expired/ });
  await tokens.enrol(ADMIN, bound.entry, 'agent-1');
});

test('a one-time token that any agent may use takes no agent\'s place', async (t) => {
  const { tokens, pass } = await openTokens(t);
  const any = (): Promise<MadeToken> => tokens.create(ADMIN, { scope: 'enrol' });
  const [first, second] = [await any(), await any()];
  const taken = { message: /there is an agent agent-1 with a token of its own.*weir token create --scope enrol --agent-id agent-1$/ };
  await tokens.enrol(ADMIN, first.entry, 'agent-1');
  await t.throwsAsync(tokens.enrol(ADMIN, second.entry, 'agent-1'), taken, 'not used yet, and taken all the same');
  const { entry } = await tokens.enrol(ADMIN, first.entry, 'agent-1');
  await tokens.noteUse(entry);
  await t.throwsAsync(tokens.enrol(ADMIN, second.entry, 'agent-1'), taken);
  await tokens.enrol(ADMIN, second.entry, 'agent-2');

  await tokens.create(ADMIN, { scope: 'ingest', agentId: 'agent-3', lifetimeMs: HOUR_MS / 2 });
  const third = await any();
  await t.throwsAsync(tokens.enrol(ADMIN, third.entry, 'agent-3'), { message: /there is an agent agent-3/ }, 'however it got its token');
  pass(HOUR_MS / 2);
  await tokens.enrol(ADMIN, third.entry, 'agent-3');

  const bound = await tokens.create(ADMIN, { scope: 'enrol', agentId: 'agent-1' });
  await tokens.enrol(ADMIN, bound.entry, 'agent-1');
  const again = await tokens.enrol(ADMIN, bound.entry, 'agent-1');
  t.is(idOf(tokens, again.token), again.entry.id);
});

test('an agent that is revoked cannot come in by the one-time token that it had', async (t) => {
  const { tokens, told } = await openTokens(t);
  const oneTime = await tokens.create(ADMIN, { scope: 'enrol' });
  const { token } = await tokens.enrol(ADMIN, oneTime.entry, 'agent-1');
  const other = await tokens.create(ADMIN, { scope: 'ingest', agentId: 'agent-2' });
  t.is(await tokens.revokeAgent(ADMIN, 'agent-1'), 2);
  const changes = told.length;
  t.is(await tokens.revokeAgent(ADMIN, 'agent-1'), 0);
  t.is(told.length, changes);
  t.is(idOf(tokens, token), null);
  t.is(idOf(tokens, oneTime.token), null);
  t.truthy(idOf(tokens, other.token));

  const again = await tokens.create(ADMIN, { scope: 'enrol' });
  const enrolled = await tokens.enrol(ADMIN, again.entry, 'agent-1');
  await tokens.revoke(ADMIN, enrolled.entry.id);
  t.is(idOf(tokens, again.token), null, 'revoking its token alone is enough too');
});

test('the last use is known to the minute, over a restart too', async (t) => {
  const { tokens, pass, reopen } = await openTokens(t);
  const { entry } = await tokens.create(ADMIN, { scope: 'query' });
  t.is(tokens.document(entry)['last-used'], null);
  pass(90_000);
  await tokens.noteUse(entry);
  t.is(tokens.document(entry)['last-used'], '2026-05-01T10:01:00.000Z');
  await tokens.close();
  t.is((await reopen()).document(entry)['last-used'], '2026-05-01T10:01:00.000Z');
});

test('changes at the same time are all made', async (t) => {
  const { tokens, reopen } = await openTokens(t);
  const made = await Promise.all(Array.from({ length: 200 }, (_, i) => tokens.create(ADMIN, { scope: 'ingest', agentId: `agent-${i}` })));
  const [refused] = await Promise.allSettled([tokens.revoke(ADMIN, 'tok-0'), ...made.slice(0, 100).map(({ entry }) => tokens.revoke(ADMIN, entry.id))]);
  t.is(refused.status, 'rejected');
  const again = await reopen();
  t.deepEqual(made.map(({ token }) => again.check(token).entry !== null), made.map((_, i) => i >= 100));
});

test('a disk that refuses changes nothing', async (t) => {
  const { tokens, directory, told } = await openTokens(t);
  const { token, entry } = await tokens.create(ADMIN, { scope: 'query' });
  symlinkSync('/dev/full', join(directory, 'tokens.json.new'));
  await t.throwsAsync(tokens.revoke(ADMIN, entry.id), { message: /could not be written, so nothing was changed: .*ENOSPC/ });
  t.is(idOf(tokens, token), entry.id);
  t.is(told.at(-1)!.action, 'undone');
  rmSync(join(directory, 'tokens.json.new'), { force: true });
  await tokens.revoke(ADMIN, entry.id);
  t.is(idOf(tokens, token), null);
});

test('a file that is damaged keeps the collector from starting, and says what to do', async (t) => {
  const { directory, reopen } = await openTokens(t);
  for (const text of ['', '{}', '[{"id":1}]', '[null]']) {
    writeFileSync(join(directory, 'tokens.json'), text);
    await t.throwsAsync(reopen(), { message: /tokens\.json cannot be read: .*; restore it, or delete it/ }, text);
  }
});

test('a token says whether it was copied whole', (t) => {
  for (const scope of SCOPES) t.true(isWellFormedToken(makeToken(scope)));
  const token = makeToken('query');
  for (let at = 0; at < token.length; at++) {
    const changed = token.slice(0, at) + (token[at] === 'a' ? 'b' : 'a') + token.slice(at + 1);
    t.false(isWellFormedToken(changed), `character ${at}`);
    t.false(isWellFormedToken(token.slice(0, at)));
  }
});

type Step = readonly ['create' | 'rotate' | 'revoke' | 'enrol' | 'use' | 'pass' | 'reopen', number];

test('whatever is done: an admin stays, at most two of a rotation are valid, a one-time token has one live child', async (t) => {
  const step: fc.Arbitrary<Step> = fc.tuple(
    fc.constantFrom<Step[0][]>('create', 'rotate', 'revoke', 'enrol', 'use', 'pass', 'reopen'), fc.nat(1000),
  );
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const opened = await openTokens(t);
    let { tokens } = opened;
    const made: MadeToken[] = [];
    for (const [kind, n] of steps) {
      const any = made[n % Math.max(1, made.length)];
      const done = async (): Promise<MadeToken | void> => {
        if (kind === 'create') return tokens.create(ADMIN, [{ scope: 'admin' }, { scope: 'query', lifetimeMs: DAY_MS }, { scope: 'enrol' }, { scope: 'admin', lifetimeMs: HOUR_MS }][n % 4] as { scope: 'admin' });
        if (kind === 'pass') return opened.pass(n * 60_000);
        if (kind === 'reopen') return void (tokens = await opened.reopen());
        if (!any) return undefined;
        if (kind === 'rotate') return tokens.rotate(ADMIN, any.entry.id, (n % 3) * HOUR_MS);
        if (kind === 'revoke') return tokens.revoke(ADMIN, any.entry.id);
        if (kind === 'enrol') return tokens.enrol(ADMIN, any.entry, `agent-${n % 2}`);
        const { entry } = tokens.check(any.token);
        return entry ? tokens.noteUse(entry) : undefined;
      };
      const token = await done().catch((error: unknown) => {
        if ((error as Error).name !== 'Problem') throw error;
      });
      if (token) made.push(token);
      const valid = made.filter((one) => tokens.check(one.token).entry !== null).map(({ entry }) => entry);
      t.true(tokens.list().some((entry) => entry.scope === 'admin' && endsAtMs(entry) === Infinity));
      for (const { id } of valid) {
        t.true(valid.filter(({ rotatedFrom }) => rotatedFrom === id).length <= 1);
        t.false(valid.some((middle) => middle.rotatedFrom === id && valid.some(({ rotatedFrom }) => rotatedFrom === middle.id)), 'three of a rotation');
      }
      for (const { entry } of made) t.true(valid.filter(({ enrolledBy }) => enrolledBy === entry.id).length <= 1);
    }
  }), { numRuns: 40 });
});
