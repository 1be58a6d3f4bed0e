#!/usr/bin/env node
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { OutputClosed } from './agent/output/text-output.ts';
import { commandWords, ending, lastCounts, usageError, withoutHelpOfRun } from './command-line.ts';
import { addCommands } from './commands.ts';
import { EXIT_OK } from './shared/errors.ts';

const words = commandWords(hideBin(process.argv));
const parser = (await addCommands(withoutHelpOfRun(yargs(words)), words[0]))
  .scriptName('weir')
  .usage('$0 <command>: VPC flow logs that you run yourself')
  .demandCommand(1, 'name a command')
  .recommendCommands()
  .strict()
  .middleware(lastCounts, true)
  .parserConfiguration({ 'greedy-arrays': false })
  .help()
  .alias('help', 'h')
  .version()
  .exitProcess(false)
  .fail((message, error) => {
    throw usageError(message, error);
  });

try {
  await parser.parseAsync();
} catch (error) {
  // `| head` has seen enough: nothing is wrong, and nobody is left to tell
  if (error instanceof OutputClosed) process.exit(EXIT_OK);
  const { exitCode, text } = ending(error);
  process.exitCode = exitCode;
  process.stderr.write(`weir: ${text}\n`);
}
