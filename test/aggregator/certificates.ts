import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export interface Certificate {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** A certificate authority in a folder, by openssl. */
export class Authority implements Certificate {
  readonly cert: string;
  readonly key: string;
  private readonly directory: string;

  constructor(directory: string, name: string) {
    this.directory = directory;
    this.cert = join(directory, `${name}.pem`);
    this.key = join(directory, `${name}.key`);
    openssl('req', '-x509', ...KEY, '-keyout', this.key, '-out', this.cert, '-days', '2', '-subj', `/CN=${name}`);
  }

  /** For localhost and 127.0.0.1. */
  issue(name: string): Certificate {
    const path = (suffix: string): string => join(this.directory, `${name}.${suffix}`);
    openssl('req', '-x509', ...KEY, '-keyout', path('key'), '-out', path('pem'), '-days', '1', '-subj', `/CN=${name}`, '-CA', this.cert, '-CAkey', this.key,
      '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE');
    return { cert: path('pem'), key: path('key') };
  }
}

function openssl(...words: string[]): void {
  execFileSync('openssl', words, { stdio: 'pipe' });
}
