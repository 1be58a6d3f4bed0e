import { readFileSync } from 'node:fs';
import test from 'ava';
import { CollectorClient } from '../../../aggregator/client/collector-client.ts';
import { listed } from '../../../aggregator/client/listed.ts';
import { runCollector } from '../collector-fixture.ts';

test('every page of a list, or as much as is wanted', async (t) => {
  const collector = await runCollector(t);
  const client = new CollectorClient(collector.url, readFileSync(collector.adminTokenFile, 'utf8').trim());
  for (let at = 1; at <= 7; at++) await client.json([], 'PUT', `/v1/vpcs/vpc-${at}`, { body: {} });
  const numbers = async (limit?: number) => {
    const found: string[] = [];
    for await (const vpc of listed<Record<string, string>>(client, '/v1/vpcs', 'vpcs', {}, { pageItems: 2, limit })) found.push(vpc['vpc-id']!.slice(4));
    return found.join('');
  };
  t.is(await numbers(), '1234567');
  t.is(await numbers(5), '12345');
  t.is(await numbers(4), '1234');
  t.is(await numbers(1), '1');
});
