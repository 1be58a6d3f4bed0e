import { readFileSync } from 'node:fs';
import test from 'ava';
import { parseTopology } from '../../../shared/topology/parse.ts';
import { TOPOLOGY_KEYS } from '../../../shared/topology/topology-document.ts';

const page = readFileSync(new URL('../../../docs/topology.md', import.meta.url), 'utf8');

test('docs/topology.md names every key', (t) => {
  for (const key of Object.values(TOPOLOGY_KEYS).flat()) t.true(page.includes(`\`${key}\``), key);
});

test('the example of docs/topology.md is valid', (t) => {
  const [, example] = /```yaml\n([\s\S]*?)```/.exec(page)!;
  t.is(parseTopology(example!, 'docs/topology.md').enis[0]!.vpcId, 'vpc-lab');
});
