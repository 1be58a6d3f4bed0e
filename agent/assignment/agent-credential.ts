import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { accessToken } from '../../shared/access-token.ts';
import { WeirError, refusedBySystem } from '../../shared/errors.ts';
import type { CollectorSettings } from '../config/agent-configuration.ts';
import { readKept, replaceKept } from './kept-file.ts';

const FILE = 'credential.json';

/** The credential on disk. */
interface Credential {
  readonly 'agent-id': string;
  readonly 'token': string;
  /** SHA-256 of the one-time token that it was got with: that one is used up. */
  readonly 'enrolled-with': string;
}

export interface CredentialOptions {
  readonly agentId: string;
  readonly settings: Pick<CollectorSettings, 'tokenFile' | 'enrolTokenFile'>;
  /** Of the environment; a file that the configuration names goes before it. */
  readonly givenToken: string | null;
  /** Where a credential got by enrolment is kept; null: the agent does not enrol. */
  readonly directory: string | null;
}

/** The token with which the agent speaks to its collector: given to it, or got by enrolment and kept. Never logged. */
export class AgentCredential {
  /** Whether the token comes from a file or the environment. */
  readonly isGiven: boolean;
  private readonly options: CredentialOptions;
  private current: string | null;
  private enrolledWith = '';

  /** Throws CONFIGURATION where a token is named that cannot be read, and where there is no way to get one. */
  constructor(options: CredentialOptions) {
    const { settings: { tokenFile, enrolTokenFile }, givenToken, directory } = options;
    this.options = options;
    this.isGiven = directory === null || tokenFile !== null || (givenToken !== null && enrolTokenFile === null);
    this.current = this.isGiven ? this.readGiven() : this.readEnrolled();
    if (this.current === null && !this.isGiven && enrolTokenFile === null) {
      throw new WeirError('CONFIGURATION',
        'the agent has no token yet: let an administrator make a one-time token for it, and name its file as collector: {enrol-token-file: …} or --enrol-token-file');
    }
  }

  /** null: none is needed, or none was got yet. */
  get token(): string | null {
    return this.current;
  }

  /** A token in a file may be another one now. Throws CONFIGURATION and PERMISSION; the old one stays then. */
  readAgain(): void {
    if (this.isGiven) this.current = this.readGiven();
  }

  /**
   * The one-time token to enrol with; null where the one at hand is used up, or the token is given. Throws
   * CONFIGURATION and PERMISSION where its file cannot be read and the agent has no token.
   */
  readOneTimeToken(): string | null {
    const { enrolTokenFile } = this.options.settings;
    if (this.isGiven || enrolTokenFile === null) return null;
    try {
      const token = readToken(enrolTokenFile);
      return digest(token) === this.enrolledWith ? null : token;
    } catch (error) {
      if (this.current !== null) return null;
      throw error;
    }
  }

  /** The collector gave this token. Throws CONFIGURATION where it cannot be kept. */
  keep(token: string, oneTimeToken: string): void {
    const credential: Credential = { 'agent-id': this.options.agentId, token, 'enrolled-with': digest(oneTimeToken) };
    try {
      replaceKept(this.path, `${JSON.stringify(credential)}\n`);
    } catch (error) {
      throw refusedBySystem('CONFIGURATION', `the agent's credential cannot be kept as ${this.path}`, error);
    }
    this.current = token;
    this.enrolledWith = credential['enrolled-with'];
  }

  private get path(): string {
    return join(this.options.directory!, FILE);
  }

  private readGiven(): string | null {
    const { settings: { tokenFile }, givenToken } = this.options;
    return tokenFile === null ? givenToken : readToken(tokenFile);
  }

  /** One of another agent id, and one that is damaged, is none. */
  private readEnrolled(): string | null {
    let text: string | null;
    try {
      text = readKept(this.path);
    } catch (error) {
      throw refusedBySystem('CONFIGURATION', `the agent's credential ${this.path} cannot be read`, error);
    }
    const credential = text === null ? null : parseCredential(text);
    if (credential === null || credential['agent-id'] !== this.options.agentId) return null;
    this.enrolledWith = credential['enrolled-with'];
    return credential.token;
  }
}

function readToken(path: string): string {
  return accessToken(path, {}, (name) => readFileSync(name, 'utf8'))!;
}

function parseCredential(text: string): Credential | null {
  try {
    const value = JSON.parse(text) as Partial<Credential> | null;
    const isSound = value !== null && [value['agent-id'], value.token, value['enrolled-with']].every((member) => typeof member === 'string');
    return isSound ? (value as Credential) : null;
  } catch {
    return null;
  }
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
