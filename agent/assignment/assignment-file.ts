import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseAssignment, type Assignment } from '../../shared/assignment.ts';
import { WeirError, refusedBySystem } from '../../shared/errors.ts';
import type { ReceivedAssignment } from './control-channel.ts';
import { readKept, replaceKept } from './kept-file.ts';

const FILE = 'assignment.json';

export interface AssignmentInForce {
  readonly etag: string;
  readonly assignment: Assignment;
}

/** The last assignment on disk: with it the agent works while the collector is away. */
export class AssignmentFile {
  private readonly path: string;
  private readonly agentId: string;

  constructor(directory: string, agentId: string) {
    this.path = join(directory, FILE);
    this.agentId = agentId;
  }

  /** null: there is none. Throws WeirError where it cannot be used. */
  read(): AssignmentInForce | null {
    let text: string | null;
    try {
      text = readKept(this.path);
    } catch (error) {
      throw refusedBySystem('STORAGE', `${this.path} cannot be read`, error);
    }
    return text === null ? null : readAssignment(unwrap(text, this.path), this.agentId, this.path);
  }

  /** Throws STORAGE and PERMISSION. */
  keep({ etag, text }: ReceivedAssignment): void {
    this.change(() => replaceKept(this.path, `${JSON.stringify({ etag, text })}\n`));
  }

  forget(): void {
    this.change(() => rmSync(this.path, { force: true }));
  }

  private change(action: () => void): void {
    try {
      action();
    } catch (error) {
      throw refusedBySystem('STORAGE', `the assignment cannot be kept as ${this.path}`, error);
    }
  }
}

/** Throws CONFIGURATION with what is wrong. `source` names the text in errors. */
export function readAssignment({ etag, text }: ReceivedAssignment, agentId: string, source: string): AssignmentInForce {
  const assignment = parseAssignment(text, source);
  if (assignment.agentId !== agentId) throw new WeirError('CONFIGURATION', `the assignment from ${source} is that of the agent ${JSON.stringify(assignment.agentId)}, not of ${agentId}`);
  return { etag, assignment };
}

function unwrap(text: string, path: string): ReceivedAssignment {
  try {
    const { etag, text: document } = JSON.parse(text) as Partial<ReceivedAssignment>;
    if (typeof etag === 'string' && typeof document === 'string') return { etag, text: document };
  } catch {
    // said below
  }
  throw new WeirError('CONFIGURATION', `${path} is damaged`);
}
