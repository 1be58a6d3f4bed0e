import test from 'ava';
import { killAgentRepeatedly } from './agent-kill.ts';

test.serial('kill -9 under traffic, six times: recorded + admitted = sent, to the packet', async (t) => {
  t.timeout(600_000);
  const { sent, recorded, admitted, unknown } = await killAgentRepeatedly(6, 1);
  t.log(`${sent} sent, ${recorded} recorded, ${admitted} admitted`);
  t.is(recorded + admitted, sent);
  t.is(unknown, 0);
  t.true(recorded > 0 && admitted > 0);
});

test.serial('kill -9 of the agent, and at times of its collector: what is stored and what is admitted is what was sent', async (t) => {
  t.timeout(600_000);
  const { sent, recorded, admitted, unknown } = await killAgentRepeatedly(4, 2, { ships: true });
  t.log(`${sent} sent, ${recorded} stored, ${admitted} admitted`);
  t.is(recorded + admitted, sent);
  t.is(unknown, 0);
  t.true(recorded > 0 && admitted > 0);
});

test.serial('stopped in order, started again in the same window and killed in it: what was counted stays, to the packet', async (t) => {
  t.timeout(600_000);
  const { sent, recorded, admitted, unknown } = await killAgentRepeatedly(1, 3, { windowSeconds: 600, stops: 'whole', ships: true });
  t.log(`${sent} sent, ${recorded} stored, ${admitted} admitted`);
  t.is(recorded + admitted, sent);
  t.is(unknown, 0);
});

test.serial('killed in the midst of an orderly stop: to the packet', async (t) => {
  t.timeout(600_000);
  const { sent, recorded, admitted, unknown } = await killAgentRepeatedly(2, 4, { windowSeconds: 600, stops: 'cut off', ships: true });
  t.log(`${sent} sent, ${recorded} stored, ${admitted} admitted`);
  t.is(recorded + admitted, sent);
  t.is(unknown, 0);
});
