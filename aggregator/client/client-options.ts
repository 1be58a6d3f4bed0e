import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Argv } from 'yargs';
import { WeirError, refusedBySystem } from '../../shared/errors.ts';

/** How a command reaches the collector. */
export interface ClientOptions {
  /** Base URL; else WEIR_COLLECTOR, else the collector on this machine. */
  readonly collector?: string | undefined;
  /** File with the token; else WEIR_TOKEN, else the file that WEIR_TOKEN_FILE names. */
  readonly tokenFile?: string | undefined;
  /** Files in PEM: the authority that signed the collector's certificate, else WEIR_CA, else those of the system. */
  readonly ca?: string | undefined;
  /** What is shown to a collector that asks for it, else WEIR_CLIENT_CERT and WEIR_CLIENT_KEY. */
  readonly clientCert?: string | undefined;
  readonly clientKey?: string | undefined;
}

/** The options that every command has which talks to the collector. */
export function withClientOptions<T>(yargs: Argv<T>, tokenScope = ''): Argv<T> {
  return yargs
    .option('collector', { type: 'string', requiresArg: true, describe: 'URL of the collector (or WEIR_COLLECTOR)' })
    .option('token-file', { type: 'string', requiresArg: true, describe: `file with ${tokenScope === '' ? 'the' : `an ${tokenScope}`} token (or WEIR_TOKEN, WEIR_TOKEN_FILE)` })
    .option('ca', { type: 'string', requiresArg: true, describe: 'PEM file of the authority that signed the collector\'s certificate (or WEIR_CA)' })
    .option('client-cert', { type: 'string', requiresArg: true, describe: 'PEM file of the certificate to show the collector (or WEIR_CLIENT_CERT)' })
    .option('client-key', { type: 'string', requiresArg: true, describe: 'PEM file of its key (or WEIR_CLIENT_KEY)' }) as unknown as Argv<T>;
}

export interface ClientTls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** What the files hold; null where none is named. Throws where they cannot be used. */
export function clientTls(options: ClientOptions, environment: NodeJS.ProcessEnv): ClientTls | null {
  const ca = options.ca ?? environment['WEIR_CA'];
  const cert = options.clientCert ?? environment['WEIR_CLIENT_CERT'];
  const key = options.clientKey ?? environment['WEIR_CLIENT_KEY'];
  if (!ca && !cert && !key) return null;
  if (!cert !== !key) throw new WeirError('USAGE', 'a client certificate needs its key: give both, --client-cert and --client-key, or none');
  const tls: ClientTls = { ...(ca ? { ca: readPem(ca) } : {}), ...(cert && key ? { cert: readPem(cert), key: readPem(key) } : {}) };
  try {
    createSecureContext(tls);
  } catch (cause) {
    throw new WeirError('CONFIGURATION', `${[ca, cert, key].filter(Boolean).join(', ')} cannot be used for TLS: ${(cause as Error).message}`, { cause });
  }
  return tls;
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw refusedBySystem('CONFIGURATION', `the file ${path} for TLS cannot be read`, cause);
  }
}
