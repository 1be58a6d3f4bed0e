/** A disk that is full 100 times: no acknowledged row is lost. Wants root. Limit: 30 min */
import { spawnSync } from 'node:child_process';

const { status } = spawnSync(process.execPath, ['node_modules/ava/entrypoints/cli.mjs', 'test/aggregator/faults/full-disk.test.ts'], {
  stdio: 'inherit', env: { WEIR_TEST_CYCLES: '100', ...process.env },
});
process.exit(status ?? 1);
