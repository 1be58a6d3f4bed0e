#!/usr/bin/env node
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { agentCommand } from './agent/commands/agent.ts';
import { replayCommand } from './agent/commands/replay.ts';
import { validateCommand } from './agent/commands/validate.ts';
import { OutputClosed } from './agent/output/text-output.ts';
import { applyCommand } from './aggregator/commands/apply.ts';
import { queryCommand } from './aggregator/commands/query.ts';
import { tokenCommand } from './aggregator/commands/token.ts';
import { collectorCommand } from './aggregator/main.ts';
import { createLogger } from './log.ts';
import { EXIT_FAILURE, EXIT_OK, EXIT_USAGE, WeirError } from './shared/errors.ts';

const DAEMONS = ['agent', 'collector'];
const isDaemon = DAEMONS.includes(process.argv[2] ?? '');
const log = createLogger(process.env['WEIR_LOG_LEVEL'] ?? 'info', isDaemon && !process.stderr.isTTY ? 'json' : 'text');

const parser = yargs(hideBin(process.argv))
  .scriptName('weir')
  .usage('$0 <command>: VPC flow logs that you run yourself')
  .command(agentCommand(log))
  .command(replayCommand(log))
  .command(collectorCommand(log))
  .command(applyCommand(log))
  .command(queryCommand(log))
  .command(tokenCommand(log))
  .command(validateCommand(log))
  .demandCommand(1, 'name a command; weir --help lists them')
  .recommendCommands()
  .strict()
  .parserConfiguration({ 'duplicate-arguments-array': false, 'greedy-arrays': false })
  .help()
  .alias('help', 'h')
  .version()
  .exitProcess(false)
  .fail((message, error) => {
    throw error ?? new WeirError('USAGE', `${message}; weir --help tells more`);
  });

try {
  await parser.parseAsync();
} catch (error) {
  // `| head` has seen enough: nothing is wrong, and nobody is left to tell
  if (error instanceof OutputClosed) process.exit(EXIT_OK);
  process.exitCode = error instanceof WeirError ? error.exitCode : isUsage(error) ? EXIT_USAGE : EXIT_FAILURE;
  process.stderr.write(`weir: ${error instanceof WeirError || isUsage(error) ? (error as Error).message : (error as Error).stack}\n`);
}

/** yargs' own complaints, and those of our `.check` functions. */
function isUsage(error: unknown): boolean {
  return error instanceof Error && (error.name === 'YError' || error.constructor === Error);
}
