import yargs, { type Argv } from 'yargs';
import { OutputClosed } from './agent/output/text-output.ts';
import { commandWords, ending, lastCounts, usageError, withoutHelpOfRun } from './command-line.ts';
import type { Logger } from './log.ts';
import { EXIT_OK } from './shared/errors.ts';
import { stderrLog } from './stderr-log.ts';

type AddCommand = (parser: Argv) => Promise<Argv>;

/** In the order of the help. Each loads what it needs and nothing else: to load all takes as long as 3 million packets. */
const COMMANDS: Readonly<Record<string, AddCommand>> = {
  agent: async (parser) => parser.command((await import('./agent/commands/agent.ts')).agentCommand(await daemonLog())),
  replay: async (parser) => parser.command((await import('./agent/commands/replay.ts')).replayCommand(stderrLog)),
  collector: async (parser) => parser.command((await import('./aggregator/main.ts')).collectorCommand(await daemonLog())),
  apply: async (parser) => parser.command((await import('./aggregator/commands/apply.ts')).applyCommand(stderrLog)),
  inventory: async (parser) => parser.command((await import('./aggregator/commands/inventory.ts')).inventoryCommand()),
  rules: async (parser) => parser.command((await import('./aggregator/commands/rules.ts')).rulesCommand(stderrLog)),
  authorize: async (parser) => parser.command((await import('./aggregator/commands/authorize.ts')).authorizeCommand(stderrLog)),
  'flow-log': async (parser) => parser.command((await import('./aggregator/commands/flow-log.ts')).flowLogCommand(stderrLog)),
  logstore: async (parser) => parser.command((await import('./aggregator/commands/logstore.ts')).logStoreCommand(stderrLog)),
  completeness: async (parser) => parser.command((await import('./aggregator/commands/completeness.ts')).completenessCommand(stderrLog)),
  agents: async (parser) => parser.command((await import('./aggregator/commands/agents.ts')).agentsCommand(stderrLog)),
  audit: async (parser) => parser.command((await import('./aggregator/commands/audit.ts')).auditCommand(stderrLog)),
  query: async (parser) => parser.command((await import('./aggregator/commands/query.ts')).queryCommand(stderrLog)),
  token: async (parser) => parser.command((await import('./aggregator/commands/token.ts')).tokenCommand(stderrLog)),
  spool: async (parser) => parser.command((await import('./agent/commands/spool.ts')).spoolCommand()),
  top: async (parser) => parser.command((await import('./agent/commands/top.ts')).topCommand()),
  validate: async (parser) => parser.command((await import('./agent/commands/validate.ts')).validateCommand(stderrLog)),
};

/** The command that the words of the command line name. It sets the exit code, and says on stderr what has failed. */
export async function runCommand(givenWords: readonly string[]): Promise<void> {
  const words = commandWords(givenWords);
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
}

/** Adds the command that the first word names; all of them where it names none, for the help and for "did you mean". */
async function addCommands(parser: Argv, firstWord: string | undefined): Promise<Argv> {
  const named = firstWord === undefined ? undefined : COMMANDS[firstWord];
  let all = parser;
  for (const add of named ? [named] : Object.values(COMMANDS)) all = await add(all);
  return all;
}

async function daemonLog(): Promise<Logger> {
  const { createLogger } = await import('./log.ts');
  return createLogger(process.env['WEIR_LOG_LEVEL'] ?? 'info', process.stderr.isTTY ? 'text' : 'json');
}
