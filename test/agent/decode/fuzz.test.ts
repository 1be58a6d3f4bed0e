import test from 'ava';
import { fuzzDecoder } from '../../fuzz/decoder.ts';

test('200,000 damaged frames: no throw, no read outside of the frame, one outcome each', (t) => {
  t.notThrows(() => fuzzDecoder(1, 200_000));
});
