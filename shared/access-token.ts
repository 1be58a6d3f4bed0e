import { WeirError, refusedBySystem } from './errors.ts';

/**
 * The token that a command sends: out of the file that the option names, else WEIR_TOKEN, else out of the file that
 * WEIR_TOKEN_FILE names; null where there is none of them. `read` gives a file's text.
 */
export function accessToken(tokenFile: string | undefined, environment: Readonly<Record<string, string | undefined>>, read: (path: string) => string): string | null {
  const given = environment['WEIR_TOKEN'];
  if (tokenFile === undefined && given) return checkedToken(given, 'WEIR_TOKEN');
  const path = tokenFile ?? environment['WEIR_TOKEN_FILE'];
  if (!path) return null;
  let text: string;
  try {
    text = read(path);
  } catch (error) {
    throw refusedBySystem('CONFIGURATION', `the token file ${path} cannot be read`, error);
  }
  return checkedToken(text, path);
}

/** The token itself must not show up in an error. */
function checkedToken(text: string, source: string): string {
  const token = text.trim();
  if (!/^[\x21-\x7e]{1,256}$/.test(token)) throw new WeirError('CONFIGURATION', `${source} holds no token: expected one line of letters, digits and _`);
  return token;
}
