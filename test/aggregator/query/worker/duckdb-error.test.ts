import test from 'ava';
import { failureOf, plainMessage } from '../../../../aggregator/query/worker/duckdb-error.ts';

const duckdb = (type: string, message: string) => new Error(`Binder Error: ${JSON.stringify({ exception_type: type, exception_message: message })}`);

test('what names a file of the store is our failure, whatever its type', (t) => {
  const files = ['/data/logstore=a/1.parquet'];
  t.is(failureOf(duckdb('Invalid Input', 'No magic bytes found in /data/logstore=a/1.parquet'), files).reason, 'internal');
  t.is(failureOf(duckdb('Invalid Input', 'No such thing'), files).reason, 'query');
  t.is(failureOf(duckdb('IO', 'disk'), files).reason, 'internal');
  t.is(failureOf(duckdb('Out of Memory', 'failed to allocate'), files).reason, 'memory');
  t.is(failureOf(new TypeError('ours'), files).reason, 'internal');
});

test('texts recommend nothing that the one who asks cannot do', (t) => {
  t.is(plainMessage('Max expression depth limit of 1000 exceeded. Use "SET max_expression_depth TO x"'), 'the statement is nested too deeply');
  t.regex(plainMessage('syntax error at or near "end"'), /window_end/);
  t.false(plainMessage('Table weir_keyed has no column').includes('weir_'));
});
