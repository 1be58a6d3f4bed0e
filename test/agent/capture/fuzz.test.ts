import test from 'ava';

import { fuzzCaptureFiles } from '../../fuzz/capture-file.ts';

const INPUTS = 30_000;

test('random damage never gets past the reader', async (t) => {
  const outcome = await fuzzCaptureFiles(20_260, INPUTS);
  t.is(outcome.inputs, INPUTS);
  // The changes must be of a kind that reaches every outcome.
  t.true(outcome.refused > INPUTS / 1000, `${outcome.refused} refused`);
  t.true(outcome.damaged > INPUTS / 4 && outcome.damaged < INPUTS, `${outcome.damaged} damaged`);
  t.true(outcome.packets > INPUTS, `${outcome.packets} packets`);
});
