#!/usr/bin/env node
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { agentCommand } from './agent/commands/agent.ts';
import { replayCommand } from './agent/commands/replay.ts';
import { topCommand } from './agent/commands/top.ts';
import { validateCommand } from './agent/commands/validate.ts';
import { OutputClosed } from './agent/output/text-output.ts';
import { applyCommand } from './aggregator/commands/apply.ts';
import { queryCommand } from './aggregator/commands/query.ts';
import { tokenCommand } from './aggregator/commands/token.ts';
import { collectorCommand } from './aggregator/main.ts';
import { commandWords, ending, lastCounts, usageError } from './command-line.ts';
import { createLogger } from './log.ts';
import { EXIT_OK } from './shared/errors.ts';

const DAEMONS = ['agent', 'collector'];
const isDaemon = DAEMONS.includes(process.argv[2] ?? '');
const log = createLogger(process.env['WEIR_LOG_LEVEL'] ?? 'info', isDaemon && !process.stderr.isTTY ? 'json' : 'text');

const parser = yargs(commandWords(hideBin(process.argv)))
  .scriptName('weir')
  .usage('$0 <command>: VPC flow logs that you run yourself')
  .command(agentCommand(log))
  .command(replayCommand(log))
  .command(collectorCommand(log))
  .command(applyCommand(log))
  .command(queryCommand(log))
  .command(tokenCommand(log))
  .command(topCommand())
  .command(validateCommand(log))
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
