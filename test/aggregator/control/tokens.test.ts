import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { isWellFormedToken, makeToken, Tokens } from '../../../aggregator/control/tokens.ts';
import { temporaryDirectory } from '../collector-fixture.ts';

test('the first start writes one admin token, for the owner alone', async (t) => {
  const directory = temporaryDirectory(t);
  const file = join(directory, 'admin-token');
  await Tokens.open(directory, file);
  const token = readFileSync(file, 'utf8').trim();
  t.is(statSync(file).mode & 0o777, 0o600);
  const again = await Tokens.open(directory, file);
  t.is(readFileSync(file, 'utf8').trim(), token);
  t.like(again.find(token), { scope: 'admin', agentId: null });
  t.is(again.list().length, 1);
});

test('only hashes are kept', async (t) => {
  const directory = temporaryDirectory(t);
  const tokens = await Tokens.open(directory, join(directory, 'admin-token'));
  const { token, entry } = await tokens.create('ingest', 'host 1', 'agent-1');
  const kept = readFileSync(join(directory, 'tokens.json'), 'utf8');
  t.false(kept.includes(token.slice(12, 40)));
  t.true(kept.includes(entry.sha256));
  t.is(statSync(join(directory, 'tokens.json')).mode & 0o777, 0o600);
});

test('a revoked token is none', async (t) => {
  const directory = temporaryDirectory(t);
  const tokens = await Tokens.open(directory, join(directory, 'admin-token'));
  const [first, second] = [await tokens.create('query', 'old', null), await tokens.create('query', 'new', null)];
  t.true(await tokens.revoke(first.entry.id));
  t.false(await tokens.revoke(first.entry.id));
  t.is(tokens.find(first.token), null);
  t.is(tokens.find(second.token)?.id, second.entry.id);
});

test('a token says whether it was copied whole', (t) => {
  const token = makeToken('query');
  t.true(isWellFormedToken(token));
  for (let at = 0; at < token.length; at++) {
    const changed = token.slice(0, at) + (token[at] === 'a' ? 'b' : 'a') + token.slice(at + 1);
    t.false(isWellFormedToken(changed), `character ${at}`);
    t.false(isWellFormedToken(token.slice(0, at)));
  }
});
