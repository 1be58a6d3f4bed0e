import { WeirError } from './errors.ts';
import { membersEni } from './topology/members-eni.ts';
import { parseTopology } from './topology/parse.ts';
import { ADDRESS } from './topology/spelling.ts';
import type { Topology, TrafficType } from './topology/topology.ts';

/**
 * What the collector tells one agent to do: its ENIs, the rules that decide about them, and what of their traffic to
 * record. Everything that does not concern these ENIs is left out.
 */
export interface Assignment {
  readonly agentId: string;
  /** Rule-set revision. */
  readonly revision: number;
  /** Window of the rows to ship: the shortest of the flow logs that cover the agent's ENIs. */
  readonly windowSeconds: number;
  /** The agent's ENIs, and one ENI without interface for the members of each group that a rule may ask for. */
  readonly topology: Topology;
  /** What is recorded of which ENI; an ENI that is not here is not watched. */
  readonly watch: ReadonlyMap<string, TrafficType>;
}

/** The document on the wire and on the agent's disk. */
export interface AssignmentDocument {
  readonly 'agent-id': string;
  readonly 'revision': number;
  /** Seconds. */
  readonly 'window': number;
  /** A topology document as docs/topology.md has it: the agent's own ENIs and what they refer to. */
  readonly 'topology': Readonly<Record<string, unknown>>;
  /** Addresses of all members of the groups that count: the agent's ENIs' own, and those that rules name as peer. */
  readonly 'members': Readonly<Record<string, readonly string[]>>;
  /** By ENI. */
  readonly 'watch': Readonly<Record<string, TrafficType>>;
}

/** Throws CONFIGURATION with the reason: nothing of a document that is not sound is used. `source` names it in errors. */
export function parseAssignment(text: string, source: string): Assignment {
  const document = readDocument(text, source);
  const topology = parseTopology(JSON.stringify(document.topology), source);
  const enis = new Set(topology.enis.map(({ eniId }) => eniId));
  const groups = new Set(topology.securityGroups.map(({ securityGroupId }) => securityGroupId));
  for (const eniId of Object.keys(document.watch)) if (!enis.has(eniId)) throw unsound(source, `it watches ${eniId}, which it does not describe`);
  for (const group of Object.keys(document.members)) if (!groups.has(group)) throw unsound(source, `it has members of ${group}, which it does not describe`);
  const members = Object.entries(document.members).filter(([, addresses]) => addresses.length > 0).map(([group, addresses]) => membersEni(group, addresses));
  return {
    agentId: document['agent-id'], revision: document.revision, windowSeconds: document.window,
    topology: { ...topology, enis: [...topology.enis, ...members] },
    watch: new Map(Object.entries(document.watch)),
  };
}

function readDocument(text: string, source: string): AssignmentDocument {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw unsound(source, (cause as Error).message);
  }
  if (!isRecord(value)) throw unsound(source, 'it is no object');
  const { 'agent-id': agentId, revision, window, topology, members, watch } = value;
  if (typeof agentId !== 'string') throw unsound(source, 'agent-id is no text');
  if (!isCount(revision)) throw unsound(source, `revision ${JSON.stringify(revision)} is no whole number`);
  if (!isCount(window) || window < 1 || window > 3600) throw unsound(source, `a window of ${JSON.stringify(window)} seconds; 1 to 3600 are possible`);
  if (!isRecord(topology)) throw unsound(source, 'topology is no object');
  if (!isRecord(members) || !Object.values(members).every(isAddresses)) throw unsound(source, 'members is no object of lists of addresses');
  if (!isRecord(watch) || !Object.values(watch).every(isTrafficType)) throw unsound(source, 'watch is no object of All, Allow and Drop');
  return value as unknown as AssignmentDocument;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isAddresses(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && ADDRESS.parse(item) !== null);
}

function isTrafficType(value: unknown): boolean {
  return value === 'All' || value === 'Allow' || value === 'Drop';
}

function unsound(source: string, reason: string): WeirError {
  return new WeirError('CONFIGURATION', `the assignment from ${source} cannot be used: ${reason}`);
}
