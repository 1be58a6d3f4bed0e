import test from 'ava';
import { isLoopback, parseListenAddress, urlAt } from '../../aggregator/listen-address.ts';
import { runCollector } from './collector-fixture.ts';

test('addresses to listen on', (t) => {
  t.deepEqual(parseListenAddress('127.0.0.1:8790'), { host: '127.0.0.1', port: 8790 });
  t.deepEqual(parseListenAddress('[::1]:0'), { host: '::1', port: 0 });
  t.deepEqual(parseListenAddress('collector.example:80'), { host: 'collector.example', port: 80 });
  for (const wrong of ['8790', ':8790', '127.0.0.1', '127.0.0.1:65536', '::1:80', 'a b:1', '']) {
    t.throws(() => parseListenAddress(wrong), { message: /--listen is .*; write an address and a port/ }, wrong);
  }
  t.true(isLoopback({ host: '127.8.0.1', port: 1 }));
  t.false(isLoopback({ host: '127.example.com', port: 1 }));
  t.false(isLoopback({ host: '0.0.0.0', port: 1 }));
});

test('where a collector is to be reached is the address that it is bound to, not one of them', async (t) => {
  for (const host of ['0.0.0.0', '127.0.0.1', '::1', '::']) {
    const { url, request } = await runCollector(t, { host });
    const { port } = new URL(url);
    t.is(url, host.includes(':') ? `http://[${host}]:${port}` : `http://${host}:${port}`);
    t.is((await request('/healthz')).status, 200);
  }
  t.is(urlAt({ address: '::', family: 'IPv6', port: 1 }, true), 'https://[::]:1');
});
