import type { Assignment } from '../../shared/assignment.ts';
import { WeirError } from '../../shared/errors.ts';
import { AgentCredential } from '../assignment/agent-credential.ts';
import { AssignmentFile, readAssignment } from '../assignment/assignment-file.ts';
import { ControlChannel } from '../assignment/control-channel.ts';
import type { AgentConfiguration, CollectorSettings } from '../config/agent-configuration.ts';
import { readCollectorTls } from '../ship/collector-tls.ts';

export interface CollectorCheck {
  readonly lines: readonly string[];
  readonly faults: readonly WeirError[];
  /** With which the agent would work now; null: it would watch nothing. */
  readonly assignment: Assignment | null;
}

/** What a managed agent would find at its collector. Does not enrol: a one-time token is used by the agent itself. */
export async function checkCollector(
  { agentId }: AgentConfiguration, settings: CollectorSettings, stateDirectory: string, givenToken: string | null,
): Promise<CollectorCheck> {
  const lines: string[] = [];
  const faults: WeirError[] = [];
  let assignment: Assignment | null = null;
  const trying = async (action: () => Promise<void>): Promise<void> => {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      faults.push(error);
    }
  };
  await trying(async () => {
    const kept = new AssignmentFile(stateDirectory, agentId).read();
    if (kept === null) return;
    assignment = kept.assignment;
    lines.push(`kept       the assignment of revision ${assignment.revision}`);
  });
  await trying(async () => {
    const credential = new AgentCredential({ agentId, settings, givenToken, directory: stateDirectory });
    lines.push(`token      ${tokenText(credential, settings)}`);
    const channel = new ControlChannel(settings.url, agentId, readCollectorTls(settings));
    try {
      if (credential.token === null) {
        credential.readOneTimeToken();
        await channel.probe();
        lines.push(`collector  ${settings.url} answers`);
      } else {
        const answer = await channel.nextAssignment(credential.token, null, 0);
        assignment = answer && readAssignment(answer, agentId, 'the collector').assignment;
        lines.push(`collector  ${settings.url} answers${assignment === null ? '' : ` with the assignment of revision ${assignment.revision}`}`);
      }
    } finally {
      await channel.close();
    }
  });
  if (assignment === null) lines.push('assignment none yet: nothing would be watched');
  return { lines, faults, assignment };
}

function tokenText({ isGiven, token }: AgentCredential, { tokenFile, enrolTokenFile }: CollectorSettings): string {
  if (isGiven) return tokenFile === null ? 'from the environment' : `from ${tokenFile}`;
  return token === null ? `none yet: the agent will enrol with ${enrolTokenFile}` : 'got by enrolment';
}
