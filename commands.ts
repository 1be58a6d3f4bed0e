import type { Argv } from 'yargs';
import type { Logger } from './log.ts';
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

/** Adds the command that the first word names; all of them where it names none, for the help and for "did you mean". */
export async function addCommands(parser: Argv, firstWord: string | undefined): Promise<Argv> {
  const named = firstWord === undefined ? undefined : COMMANDS[firstWord];
  let all = parser;
  for (const add of named ? [named] : Object.values(COMMANDS)) all = await add(all);
  return all;
}

async function daemonLog(): Promise<Logger> {
  const { createLogger } = await import('./log.ts');
  return createLogger(process.env['WEIR_LOG_LEVEL'] ?? 'info', process.stderr.isTTY ? 'text' : 'json');
}
