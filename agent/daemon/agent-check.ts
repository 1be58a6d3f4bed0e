import { accessSync, constants } from 'node:fs';
import { EXIT_CONFIGURATION, EXIT_FAILURE, EXIT_NO_PERMISSION, EXIT_OK, WeirError } from '../../shared/errors.ts';
import { DEFAULT_TOPOLOGY } from '../../shared/topology/topology.ts';
import { linkTable } from '../capture/live/link-table.ts';
import type { NetworkLink } from '../capture/live/network-link.ts';
import { openLiveSource } from '../capture/live/open-live-source.ts';
import { isManaged, type AgentConfiguration, type CaptureSettings } from '../config/agent-configuration.ts';
import type { WatchList } from '../watched-enis.ts';
import { interfaceTopology, planCapture, type CapturePlan } from './capture-plan.ts';
import { checkCollector } from './collector-check.ts';
import { StateDirectory } from './state-directory.ts';
import { TopologyFile } from './topology-file.ts';
import type { Topology } from '../../shared/topology/topology.ts';

export interface CheckResult {
  readonly text: string;
  readonly exitCode: number;
}

/**
 * What the agent would watch, and what keeps it from doing so. Each interface is really opened for a moment, with its
 * filter, so that what is said here is what a start would find. A missing interface is no fault: it may come.
 * `givenToken`: of the environment.
 */
export async function checkAgent(configuration: AgentConfiguration, givenToken: string | null): Promise<CheckResult> {
  const { topology, watch, windowSeconds, lines: sourceLines, faults: sourceFaults } = await readTask(configuration, givenToken);
  const plan = planCapture(topology, linkTable().readAll(), configuration.interfaces, watch);
  const lines = [
    `agent      ${configuration.agentId}, ${destinationText(configuration)}${windowSeconds === null ? '' : `, windows of ${windowSeconds} s`}`,
    ...sourceLines,
    ...topology.enis.filter(({ eniId }) => watch?.has(eniId) ?? true).flatMap((eni) => eniLines(eni.eniId, topology, plan)),
    ...plan.warnings.map((warning) => `warning    ${warning}`),
  ];
  const faults: WeirError[] = [...sourceFaults];
  const warnings = new Set<string>();
  const noting = async (action: () => unknown): Promise<void> => {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      if (!faults.some(({ message }) => message === error.message)) faults.push(error);
    }
  };
  const { capture } = configuration;
  for (const { link } of plan.taps) await noting(() => tryInterface(link.name, capture, (text) => warnings.add(text)));
  // where nothing is there yet, the privilege can be tried all the same
  if (plan.taps.length === 0) await noting(() => tryInterface('lo', { ...capture, filter: null }, (text) => warnings.add(text)));
  for (const path of [configuration.collector?.tokenFile, configuration.collector?.ca]) if (path) await noting(() => requireReadable(path));
  await noting(() => new StateDirectory(configuration.stateDirectory));
  for (const warning of warnings) lines.push(`warning    ${warning}`);
  for (const fault of faults) lines.push(`fault      ${fault.message}`);
  lines.push(verdictLine(plan, faults));
  return { text: `${lines.join('\n')}\n`, exitCode: exitCodeOf(faults) };
}

interface CheckedTask {
  readonly topology: Topology;
  readonly watch: WatchList;
  /** null: nobody has said so yet. */
  readonly windowSeconds: number | null;
  readonly lines: readonly string[];
  readonly faults: readonly WeirError[];
}

async function readTask(configuration: AgentConfiguration, givenToken: string | null): Promise<CheckedTask> {
  const { collector, topology: path, interfaces, stateDirectory, windowSeconds } = configuration;
  if (isManaged(configuration) && collector !== null && stateDirectory !== null) {
    new StateDirectory(stateDirectory); // throws where it cannot be used, and everything else with it
    const { assignment, lines, faults } = await checkCollector(configuration, collector, stateDirectory, givenToken);
    const topology = assignment?.topology ?? { ...DEFAULT_TOPOLOGY, enis: [] };
    return { topology, watch: assignment?.watch ?? new Map(), windowSeconds: assignment?.windowSeconds ?? null, lines, faults };
  }
  const topology = path === null ? interfaceTopology(DEFAULT_TOPOLOGY, interfaces ?? []) : new TopologyFile(path).read();
  return { topology, watch: null, windowSeconds, lines: [], faults: [] };
}

async function tryInterface(name: string, capture: CaptureSettings, warn: (text: string) => void): Promise<void> {
  const { method, ringBytes, blockTimeoutMs, snapLengthBytes, isPromiscuous, filter } = capture;
  const source = await openLiveSource({ capture: method, interface: name, ringBytes, blockTimeoutMs, snapLengthBytes, isPromiscuous, filter }, warn);
  await source.close();
}

function requireReadable(path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    throw new WeirError('CONFIGURATION', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function eniLines(eniId: string, topology: Topology, plan: CapturePlan): string[] {
  const eni = topology.enis.find((other) => other.eniId === eniId)!;
  const missing = plan.missing.find((other) => other.eniId === eniId);
  const links = plan.taps.filter((tap) => tap.eniIds.includes(eniId)).map(({ link }) => link);
  const place = missing ? `missing: ${missing.reason}` : links.map(linkText).join(' and ');
  const groups = eni.securityGroups.map((id) => {
    const group = topology.securityGroups.find(({ securityGroupId }) => securityGroupId === id)!;
    return `${id} (${group.type}, ${group.rules.length} rules)`;
  });
  const identity = [eni.mac ?? '', eni.side === null ? '' : `${eni.side} side`, ...eni.addresses].filter((part) => part !== '').join(', ');
  return [
    `eni        ${eniId}${identity === '' ? ', takes every packet' : ` (${identity})`}`,
    `  where    ${place}`,
    `  groups   ${groups.length > 0 ? groups.join(', ') : 'none: everything is accepted'}`,
  ];
}

function linkText({ name, ifindex, mac, up }: NetworkLink): string {
  return `${name} (index ${ifindex}, ${mac ?? 'no MAC address'}, ${up ? 'up' : 'down'})`;
}

function destinationText(configuration: AgentConfiguration): string {
  const { collector, output } = configuration;
  if (collector !== null) return `ships to ${collector.url}${isManaged(configuration) ? ', which manages it' : ''}`;
  return output.file === null ? 'prints records' : `writes records to ${output.file}`;
}

function verdictLine(plan: CapturePlan, faults: readonly WeirError[]): string {
  const watched = new Set(plan.taps.flatMap(({ eniIds }) => eniIds)).size;
  const now = `${watched} ENIs on ${plan.taps.length} interfaces now, ${plan.missing.length} missing`;
  return faults.length === 0 ? `ready      ${now}` : `not ready  ${now}, ${faults.length} faults`;
}

function exitCodeOf(faults: readonly WeirError[]): number {
  if (faults.length === 0) return EXIT_OK;
  if (faults.some(({ exitCode }) => exitCode === EXIT_NO_PERMISSION)) return EXIT_NO_PERMISSION;
  // a collector that is away is nothing that a configuration can mend
  return faults.every(({ exitCode }) => exitCode === EXIT_FAILURE) ? EXIT_FAILURE : EXIT_CONFIGURATION;
}
