import test from 'ava';
import { call, INVENTORY, operate } from './weir-program.ts';

test('history, differences, and the way back', async (t) => {
  const operated = await operate(t);
  t.is((await operated.weir('rules', 'history')).stderr, 'weir: there are no rules yet; weir apply brings them\n');
  await call(operated, 'PUT', '/v1/inventory', INVENTORY);
  const changed = INVENTORY.replace('80/80', '443/443').replace('203.0.113.0/24', '203.0.114.0/24').replace(/ {6}- \{ rule-id: r-ssh.*\n/, '').replace('10.20.1.11', '10.20.1.12');
  await call(operated, 'PUT', '/v1/inventory', changed);
  const [history, [newest, ...others], diff, [json], shown] = await Promise.all([
    operated.weir('rules', 'history'), operated.objects('rules', 'history', '--json', '-n', '1'), operated.weir('rules', 'diff', '1', '2'),
    operated.objects<{ changes: unknown[] }>('rules', 'diff', '2', '1', '--json'), operated.weir('rules', 'show', '1'),
  ]);
  t.regex(history.stdout, /^revision +created +by +groups +rules +prefix lists +members\n +2 +\S+Z +tok-\S+ +1 +1 +1 +2\n +1 +\S+Z +tok-\S+ +1 +2 +1 +2\n$/);
  t.like(newest, { revision: 2, rules: 1 });
  t.is(others.length, 0);
  t.deepEqual(diff.stdout.trimEnd().split('\n').sort(), [
    '+ entry pl-office 203.0.114.0/24', '- entry pl-office 203.0.113.0/24',
    '- rule sg-front r-ssh (direction ingress, policy accept, protocol tcp, port-range 22/22, priority 1, prefix-list pl-office)',
    '~ eni eni-db (addresses +10.20.1.12 -10.20.1.11)', '~ rule sg-front r-http (port-range 80/80 → 443/443)',
  ]);
  t.is(diff.stderr, 'weir: from revision 1 to 2: 5 changes\n');
  t.is(json!.changes.length, 5);
  t.regex(shown.stdout, /^# revision 1 of \S+Z, by tok-\S+\n[^]*\n {6}- \{ rule-id: r-http, direction: ingress, policy: accept, protocol: tcp, port-range: 80\/80, priority: 1, cidr: 0\.0\.0\.0\/0 \}\n/);
  t.is((await operated.weirGiven({ input: shown.stdout }, 'apply', '-f', '-')).code, 0);
  t.deepEqual((await operated.weir('rules', 'diff', '1', '3')).stdout, '~ eni eni-db (addresses +10.20.1.12 -10.20.1.11)\n');

  const refusals = await Promise.all([operated.weir('rules', 'show', '9'), operated.weir('rules', 'diff', '1', 'x'), operated.weir('rules', 'history', '--limit', '0')]);
  t.deepEqual(refusals.map(({ code }) => code), [1, 2, 2]);
  t.regex(refusals[0]!.stderr, /there is no revision 9 of the rules; there are 1 to 3/);
});
