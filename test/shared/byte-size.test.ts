import test from 'ava';
import { bytesText, parseBytes } from '../../shared/byte-size.ts';

test('sizes as people write them', (t) => {
  const sizes = { '0': 0, '4194304': 4_194_304, '32MiB': 33_554_432, '100 MB': 1e8, '10gb': 1e10, '2TiB': 2 * 2 ** 40, ' 1KB ': 1000 };
  for (const [text, bytes] of Object.entries(sizes)) t.is(parseBytes(text), bytes, text);
  for (const text of ['', 'much', '-1', '1.5GB', '10 G', '1PB', '999999999999999TiB']) t.is(parseBytes(text), null, text);
});

test('sizes for people', (t) => {
  const texts = { 0: '0 B', 999: '999 B', 1000: '1.0 kB', 1234: '1.2 kB', 999_499: '999 kB', 999_500: '1.0 MB', 33_554_432: '33.6 MB', 1e10: '10.0 GB', 2.5e15: '2500 TB' };
  for (const [bytes, text] of Object.entries(texts)) t.is(bytesText(Number(bytes)), text);
});
