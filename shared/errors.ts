/** Errors that an operator can act on. A broken invariant of our own is a plain Error instead. */

export const EXIT_OK = 0;
export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;
/** EX_NOPERM of sysexits(3). */
export const EXIT_NO_PERMISSION = 77;
/** EX_CONFIG of sysexits(3). */
export const EXIT_CONFIGURATION = 78;

export const ERROR_CODES = [
  'CAPTURE_FORMAT', // the input is not a capture that can be read
  'CAPTURE_LINK_TYPE', // a link type that Weir does not decode
  'CONFIGURATION', // a configuration or topology document is wrong
  'PERMISSION', // the operating system refused
  'USAGE', // the command line or the request is wrong
  'QUERY', // the query text is wrong
  'NETWORK', // the other side could not be reached
  'REFUSED', // the other side answered with a refusal
  'STORAGE', // the disk refused
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

const EXIT_BY_CODE: Partial<Record<ErrorCode, number>> = {
  CONFIGURATION: EXIT_CONFIGURATION,
  PERMISSION: EXIT_NO_PERMISSION,
  USAGE: EXIT_USAGE,
};

/** An operating error: the message names the bad value and the way out. */
export class WeirError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'WeirError';
    this.code = code;
  }

  get exitCode(): number {
    return EXIT_BY_CODE[this.code] ?? EXIT_FAILURE;
  }
}

/** What the operating system said no to, in an operator's words: `text` says what cannot be done. */
export function refusedBySystem(code: ErrorCode, text: string, cause: unknown): WeirError {
  const { code: reason, message } = cause as NodeJS.ErrnoException;
  return new WeirError(reason === 'EACCES' || reason === 'EPERM' ? 'PERMISSION' : code, `${text}: ${message}`, { cause });
}
