/** 2,000 times kill -9 of a collector under load from 20 agents: what is stored equals what was sent. Limit: 180 min */
import { spawnSync } from 'node:child_process';

const { status } = spawnSync(process.execPath, ['node_modules/ava/entrypoints/cli.mjs', 'test/aggregator/faults/kill.test.ts'], {
  stdio: 'inherit', env: { WEIR_TEST_SEED: '1', WEIR_TEST_KILLS: '2000', ...process.env },
});
process.exit(status ?? 1);
