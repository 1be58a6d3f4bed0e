import type { CommandLog } from './shared/command-log.ts';

/** Levels of WEIR_LOG_LEVEL that leave out what is only information. */
const QUIET_LEVELS = ['warn', 'error'];

/** What commands tell a person: plain lines. Daemons have the logger of log.ts, which takes longer to load than many a replay. */
export const stderrLog: CommandLog = {
  info: (message) => {
    if (!QUIET_LEVELS.includes(process.env['WEIR_LOG_LEVEL'] ?? '')) process.stderr.write(`weir: ${message}\n`);
  },
  warn: (message) => {
    if (process.env['WEIR_LOG_LEVEL'] !== 'error') process.stderr.write(`weir: warn: ${message}\n`);
  },
};
