import test from 'ava';
import { killAgentRepeatedly } from './agent-kill.ts';

test.serial('kill -9 under traffic, six times: recorded + admitted = sent, to the packet', async (t) => {
  t.timeout(120_000);
  const { sent, recorded, admitted, unknown } = await killAgentRepeatedly(6, 1);
  t.log(`${sent} sent, ${recorded} recorded, ${admitted} admitted`);
  t.is(recorded + admitted, sent);
  t.is(unknown, 0);
  t.true(recorded > 0 && admitted > 0);
});
