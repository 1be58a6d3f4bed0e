import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { WeirError, refusedBySystem } from '../../shared/errors.ts';
import type { CollectorSettings } from '../config/agent-configuration.ts';

/** PEM texts for the connections to the collector. */
export interface CollectorTls {
  /** The authority that signed the collector's certificate; absent: the system's. */
  readonly ca?: string;
  /** What the agent shows where the collector asks for it; both or none. */
  readonly cert?: string;
  readonly key?: string;
}

/** Throws CONFIGURATION: with what cannot be used every connection would fail, and only then. */
export function readCollectorTls({ ca, clientCert, clientKey }: Pick<CollectorSettings, 'ca' | 'clientCert' | 'clientKey'>): CollectorTls {
  const tls: CollectorTls = {
    ...(ca === null ? {} : { ca: readPem(ca, "the certificate of the collector's authority") }),
    ...(clientCert === null ? {} : { cert: readPem(clientCert, "the agent's certificate") }),
    ...(clientKey === null ? {} : { key: readPem(clientKey, "the key of the agent's certificate") }),
  };
  try {
    createSecureContext(tls);
  } catch (error) {
    const paths = [ca, clientCert, clientKey].filter((path) => path !== null).join(', ');
    throw new WeirError('CONFIGURATION', `no connection can be made with ${paths}: ${(error as Error).message}`, { cause: error });
  }
  return tls;
}

function readPem(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw refusedBySystem('CONFIGURATION', `${what} cannot be read from ${path}`, error);
  }
}
