import type { Argv, CommandModule } from 'yargs';
import { withClientOptions, type ClientOptions } from '../client/client-options.ts';

/** What every command takes that talks to the collector. */
export interface CollectorArguments extends ClientOptions {
  json: boolean;
}

export type Options = (yargs: Argv) => Argv;

/** A command that talks to the collector. `command` as yargs has it: `show <id>`. */
export function collectorCommand<A extends CollectorArguments>(
  command: string, describe: string, tokenScope: string, options: Options, run: (given: A) => Promise<void>,
): CommandModule {
  return {
    command, describe,
    builder: (yargs: Argv) => withCollectorOptions(options(yargs), tokenScope),
    handler: run,
  } as unknown as CommandModule;
}

/** One of a group's commands; the group has the options that all share. */
export function subcommand<A extends CollectorArguments>(command: string | readonly string[], describe: string, options: Options, run: (given: A) => Promise<void>): CommandModule {
  return { command, describe, builder: options, handler: run } as unknown as CommandModule;
}

/** A command of which each subcommand talks to the collector. */
export function commandGroup(name: string, describe: string, tokenScope: string, subcommands: readonly CommandModule[]): CommandModule {
  const names = subcommands.map(({ command }) => [command ?? ''].flat()[0]!.split(' ')[0]!);
  return {
    command: name, describe,
    builder: (yargs) => subcommands.reduce((parser, one) => parser.command(one), withCollectorOptions(yargs, tokenScope))
      .demandCommand(1, `name what to do: ${names.slice(0, -1).join(', ')} or ${names.at(-1)!}`),
    handler: () => {},
  };
}

export function noOptions(yargs: Argv): Argv {
  return yargs;
}

/** For lists that may be long. */
export function withLimit(yargs: Argv, what: string): Argv {
  return yargs
    .option('limit', { alias: 'n', type: 'number', requiresArg: true, describe: `${what} at most; all unless given` })
    .check(({ limit }) => {
      if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0)) throw new Error(`--limit is ${String(limit)}; it takes a whole number above 0`);
      return true;
    }) as unknown as Argv;
}

function withCollectorOptions(yargs: Argv, tokenScope: string): Argv {
  return withClientOptions(yargs, tokenScope).option('json', { type: 'boolean', default: false, describe: 'print JSON; of lists, one object a line' }) as unknown as Argv;
}
