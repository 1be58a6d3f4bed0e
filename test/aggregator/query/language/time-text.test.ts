import test from 'ava';
import { parseInstantUs } from '../../../../aggregator/query/language/time-text.ts';
import { END_OF_TIME, parseTime, timeRange } from '../../../../aggregator/query/time-range.ts';

test('reads Unix seconds and RFC 3339', (t) => {
  t.is(parseInstantUs('1700000000'), 1_700_000_000e6);
  t.is(parseInstantUs('1700000000.000001'), 1_700_000_000_000_001);
  t.is(parseInstantUs('2026-01-01T00:00:00Z'), Date.UTC(2026, 0, 1) * 1000);
  t.is(parseInstantUs('2026-01-01'), Date.UTC(2026, 0, 1) * 1000);
  t.is(parseInstantUs('2026-01-01T02:30:00.25+02:30'), Date.UTC(2026, 0, 1) * 1000 + 250_000);
  t.is(parseInstantUs('2026-01-01 05:00'), Date.UTC(2026, 0, 1, 5) * 1000);
  for (const bad of ['', 'x', '2026-02-30', '2026-13-01', '2026-01-01T25:00:00Z', '2026-01-01T00:60:00Z', '-5', '1e9']) t.is(parseInstantUs(bad), null, bad);
});

test('reads times relative to now, and ranges', (t) => {
  t.is(parseTime('now', 1000), 1000);
  t.is(parseTime('-15m', 1000), 100);
  t.is(parseTime('now-1m', 1000), 940);
  t.is(parseTime('+10s', 1000), 1010);
  t.is(parseTime('-7d', 1000), 0);
  t.deepEqual(timeRange(undefined, undefined, 5), { from: 0, to: END_OF_TIME });
  t.throws(() => timeRange('20', '10', 5), { message: /ends \(10\) before it begins \(20\)/ });
  t.throws(() => parseTime('yesterday', 5), { message: /"yesterday" is no time/ });
});
