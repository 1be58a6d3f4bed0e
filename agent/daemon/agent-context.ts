import type { RecordContext, Records } from '../../shared/records.ts';
import { NONE } from '../../shared/records.ts';
import type { Eni, Topology } from '../../shared/topology/topology.ts';
import type { Verdict } from '../../shared/verdict/verdict.ts';
import type { NewNames } from './worker-messages.ts';

/**
 * What the numbers in all workers' rows refer to. Each worker numbers verdicts and ENIs as they come up; here they get
 * one numbering, which only grows.
 */
export class AgentContext implements RecordContext {
  readonly agentId: string;
  accountId: string | null = null;
  region: string | null = null;
  readonly enis: Eni[] = [];
  readonly verdicts: Verdict[] = [];
  private readonly eniIndex = new Map<string, number>();
  private readonly verdictIndex = new Map<string, number>();

  constructor(agentId: string, topology: Topology) {
    this.agentId = agentId;
    this.revise(topology);
  }

  /** An ENI keeps its index, also when it has left the topology. */
  revise(topology: Topology): void {
    this.accountId = topology.accountId;
    this.region = topology.region;
    for (const eni of topology.enis) {
      const index = this.eniIndex.get(eni.eniId) ?? this.enis.length;
      this.eniIndex.set(eni.eniId, index);
      this.enis[index] = eni;
    }
  }

  indexOfEni(eniId: string): number {
    const index = this.eniIndex.get(eniId);
    if (index === undefined) throw new Error(`a worker has rows of ${eniId}, which has never been in the topology`);
    return index;
  }

  indexOfVerdict(verdict: Verdict): number {
    const key = JSON.stringify([verdict.revision, verdict.action, verdict.reason, verdict.sgId, verdict.ruleId]);
    let index = this.verdictIndex.get(key);
    if (index === undefined) {
      index = this.verdicts.push(verdict) - 1;
      this.verdictIndex.set(key, index);
    }
    return index;
  }
}

/** The numbers of one worker in terms of the context. */
export class WorkerNumbers {
  private readonly context: AgentContext;
  private readonly verdicts: number[] = [];
  private readonly enis: number[] = [];

  constructor(context: AgentContext) {
    this.context = context;
  }

  learn(names: NewNames): void {
    for (const verdict of names.verdicts) this.verdicts.push(this.context.indexOfVerdict(verdict));
    for (const eniId of names.eniIds) this.enis.push(this.context.indexOfEni(eniId));
  }

  translate(rows: Records): void {
    for (let row = 0; row < rows.count; row++) {
      rows.eni[row] = this.enis[rows.eni[row]!]!;
      if (rows.verdict[row] !== NONE) rows.verdict[row] = this.verdicts[rows.verdict[row]!]!;
    }
  }
}
