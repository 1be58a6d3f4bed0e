import test from 'ava';
import { call, INVENTORY, operate } from './weir-program.ts';

interface Entry { readonly number: number; readonly action: string }

test('what was changed, newest first', async (t) => {
  const operated = await operate(t);
  await call(operated, 'PUT', '/v1/inventory', INVENTORY);
  for (let at = 1; at <= 14; at++) await call(operated, 'PUT', `/v1/vpcs/vpc-${at}`, { name: `name ${at}` });
  await call(operated, 'PUT', '/v1/vpcs/vpc-14', { name: 'another' });
  await call(operated, 'PUT', '/v1/inventory', `vpcs:\n${Array.from({ length: 14 }, (_, at) => `  - { vpc-id: vpc-${at + 1} }\n`).join('')}`);
  const [newest, all, reader] = await Promise.all([
    operated.weir('audit', '--limit', '2'), operated.objects<Entry>('audit', '--json'),
    operated.weirGiven({ environment: { WEIR_TOKEN: 'weir_no-token', WEIR_TOKEN_FILE: '' } }, 'audit'),
  ]);
  t.regex(newest.stdout, new RegExp([
    '^\\d+  \\S+Z  inventory.apply  tok-\\S+ \\(first admin\\) from 127.0.0.1', '    ~ vpc vpc-1 \\(name name 1 → vpc-1\\)', '(?:    ~ vpc vpc-\\d+ .*\n){8}    ~ vpc vpc-10 .*', '    and 4 more',
    '\\d+  \\S+Z  vpc.put  tok-\\S+ \\(first admin\\) from 127.0.0.1', '    ~ vpc vpc-14 \\(name name 14 → another\\)', '$',
  ].join('\n')));
  t.is(all.at(-1)!.number, 1);
  t.deepEqual(all.map(({ number }) => number), Array.from({ length: all.length }, (_, at) => all.length - at));
  t.is(all.filter(({ action }) => action === 'vpc.put').length, 15);
  t.is(reader.code, 77);
});
