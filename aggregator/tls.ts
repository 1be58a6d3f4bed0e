import { randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { WeirError, refusedBySystem } from '../shared/errors.ts';

/** Paths of PEM files. */
export interface TlsFiles {
  /** The collector's certificate, and those between it and the authority. */
  readonly cert: string;
  readonly key: string;
  /** Clients must show a certificate that this authority signed; null: they need none. */
  readonly clientCa: string | null;
}

const TICKET_KEY_BYTES = 48;

/** What the files held when they were read, whole and fitting together. */
export interface TlsContext {
  readonly options: SecureContextOptions;
  readonly asksClients: boolean;
  readonly validUntil: Date;
}

/** Throws where a file cannot be read or used, or the two do not belong together. */
export function readTls({ cert, key, clientCa }: TlsFiles): TlsContext {
  const certificate = readCertificate(cert, '--tls-cert');
  if (clientCa !== null) readCertificate(clientCa, '--tls-client-ca');
  const options: SecureContextOptions = {
    cert: readPem(cert, '--tls-cert'), key: readPem(key, '--tls-key'), minVersion: 'TLSv1.2', ...(clientCa === null ? {} : { ca: readPem(clientCa, '--tls-client-ca') }),
    // sessions that began under other files are not resumed
    ticketKeys: randomBytes(TICKET_KEY_BYTES),
  };
  try {
    createSecureContext(options);
  } catch (cause) {
    throw new WeirError('CONFIGURATION', `--tls-cert ${cert} and --tls-key ${key} cannot be used together: ${(cause as Error).message}`, { cause });
  }
  return { options, asksClients: clientCa !== null, validUntil: new Date(certificate.validTo) };
}

function readCertificate(path: string, flag: string): X509Certificate {
  const pem = readPem(path, flag);
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new WeirError('CONFIGURATION', `${flag} ${path} holds no certificate in PEM: ${(cause as Error).message}`, { cause });
  }
}

function readPem(path: string, flag: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw refusedBySystem('CONFIGURATION', `${flag} ${path} cannot be read`, cause);
  }
}
