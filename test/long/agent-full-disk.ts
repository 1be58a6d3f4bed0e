/** A disk that is full 100 times under the agent's spool: every row reaches the collector once. Wants root. Limit: 20 min */
import { spawnSync } from 'node:child_process';

const { status } = spawnSync(process.execPath, ['node_modules/ava/entrypoints/cli.mjs', 'test/agent/spool/full-disk.test.ts'], {
  stdio: 'inherit', env: { WEIR_TEST_CYCLES: '100', ...process.env },
});
process.exit(status ?? 1);
