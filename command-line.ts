import { EXIT_FAILURE, WeirError, refusedBySystem } from './shared/errors.ts';

/** yargs loses the word `-`; the system's own name for standard input passes. */
const STANDARD_INPUT = '/dev/stdin';

/** The command line as yargs can read it. */
export function commandWords(words: readonly string[]): string[] {
  return words.map((word) => (word === '-' ? STANDARD_INPUT : word));
}

/**
 * Of an option that is given twice, the last counts, except where it takes a list. yargs' own setting for this keeps
 * only the last of several files too. A middleware; its types leave out that it is given the parser.
 */
export function lastCounts(given: Record<string, unknown>, parser?: unknown): void {
  const lists = new Set(['_', ...(parser as { getOptions(): { array: string[] } }).getOptions().array]);
  for (const [name, value] of Object.entries(given)) {
    if (Array.isArray(value) && !lists.has(name)) given[name] = value.at(-1);
  }
}

/**
 * yargs words the help of each command that it runs, for who might ask for it afterwards. Nobody does, and it takes as long
 * as 250,000 packets; `--help` words its own. The types of yargs leave these methods out.
 */
export function withoutHelpOfRun<T>(parser: T): T {
  const yargs = parser as { getInternalMethods(): { getUsageInstance(): { cacheHelpMessage(): void } } };
  yargs.getInternalMethods().getUsageInstance().cacheHelpMessage = () => {};
  return parser;
}

/** What yargs or one of our checks found wrong with the command line; other errors pass as they are. */
export function usageError(message: string | null, error: Error | undefined): Error {
  if (!message) return error ?? new WeirError('USAGE', 'weir --help lists the commands');
  return new WeirError('USAGE', `${message}${message.endsWith('?') ? ' ' : '; '}weir --help tells more`);
}

/** How a command ends that failed: its exit code, and what is said. */
export function ending(error: unknown): { exitCode: number; text: string } {
  if (error instanceof WeirError) return { exitCode: error.exitCode, text: error.message };
  const { code, syscall, stack } = error as NodeJS.ErrnoException;
  // at a place that has no better words for it
  if (code !== undefined && syscall !== undefined) return ending(refusedBySystem('STORAGE', 'the system refuses', error));
  return { exitCode: EXIT_FAILURE, text: stack ?? String(error) };
}
