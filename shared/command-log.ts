/** What a command tells a person about its work; stderr, never stdout. */
export interface CommandLog {
  info(message: string): void;
  warn(message: string): void;
}
