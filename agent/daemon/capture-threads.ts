import type { LinkCounters, NetworkLink } from '../capture/live/network-link.ts';
import type { AgentConfiguration } from '../config/agent-configuration.ts';
import type { AgentContext } from './agent-context.ts';
import type { AgentOutput } from './agent-output.ts';
import type { AgentTask } from './agent-task.ts';
import type { CapturePlan } from './capture-plan.ts';
import { CaptureThread } from './capture-thread.ts';
import type { StateDirectory } from './state-directory.ts';
import { lastCheckpoints, leastNumber, reachedCounters } from './worker-checkpoint.ts';
import type { WorkerReport } from './worker-messages.ts';

export interface ThreadParts {
  readonly configuration: AgentConfiguration;
  readonly task: AgentTask;
  readonly plan: CapturePlan;
  readonly links: readonly NetworkLink[];
  readonly context: AgentContext;
  readonly state: StateDirectory;
  readonly output: AgentOutput;
  readonly maxPackets: number | null;
  readonly warn: (text: string) => void;
  readonly onReport: (report: WorkerReport, thread: CaptureThread) => void;
  readonly onFailure: (error: Error) => void;
}

export interface StartedThreads {
  readonly threads: readonly CaptureThread[];
  /** By interface, its counters up to which the threads know what passed, out of the checkpoints that they take up. */
  readonly reached: ReadonlyMap<number, LinkCounters>;
}

/** The capture threads, each going on where one of the process before was. */
export function startThreads(parts: ThreadParts): StartedThreads {
  const { configuration: { agentId, graceSeconds, trafficType, tableCapacity, timers, workers }, task: { windowSeconds, revision, watch } } = parts;
  const { plan: { topology, taps }, links, context, state, output, maxPackets, warn, onReport, onFailure } = parts;
  const paths = Array.from({ length: workers }, (_, index) => state.checkpointPath(index)).filter((path) => path !== null);
  const last = lastCheckpoints(paths);
  try {
    state.takeUp(output.sealed, output.nextFrame, leastNumber(last));
  } catch (error) {
    warn((error as Error).message);
  }
  const { sealed, handedOn } = state;
  const reached = reachedCounters(last, sealed, (name) => taps.find(({ link }) => link.name === name)?.eniIds ?? []);
  const pipeline = { topology, agentId, windowSeconds, graceSeconds, watch, trafficType, tableCapacity, timers, revision };
  const threads = Array.from({ length: workers }, (_, index) => {
    const path = paths[index];
    const checkpoint = path === undefined ? null : { path, sealed, handedOn };
    return new CaptureThread(index, { pipeline, maxPackets, checkpoint }, context, onReport, onFailure);
  });
  const names = new Map(links.map((link) => [link.ifindex, link.name]));
  return { threads, reached: new Map([...reached].filter(([ifindex, { name }]) => names.get(ifindex) === name)) };
}
