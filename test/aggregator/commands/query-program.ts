/** `weir query` alone, as a process: what weir.ts does with it, without the other commands. */
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { queryCommand } from '../../../aggregator/commands/query.ts';
import { EXIT_USAGE, WeirError } from '../../../shared/errors.ts';

const log = { info: (text: string) => void process.stderr.write(`${text}\n`), warn: (text: string) => void process.stderr.write(`${text}\n`) };
try {
  await yargs(hideBin(process.argv)).command(queryCommand(log)).strict().exitProcess(false)
    .fail((message, error) => { throw error ?? new WeirError('USAGE', message); }).parseAsync();
} catch (error) {
  process.exitCode = error instanceof WeirError ? error.exitCode : EXIT_USAGE;
  process.stderr.write(`weir: ${(error as Error).message}\n`);
}
