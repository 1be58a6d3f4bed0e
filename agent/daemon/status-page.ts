import Table from 'cli-table3';
import type { ManagedPhase } from '../assignment/assignment-follower.ts';
import type { AgentStatus, InterfaceStatus, ManagedStatus } from './agent-status.ts';

/** No lines between cells; columns are far enough apart to be read. */
const PLAIN = {
  'top': '', 'top-mid': '', 'top-left': '', 'top-right': '', 'bottom': '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '',
  'left': '', 'left-mid': '', 'mid': '', 'mid-mid': '', 'right': '', 'right-mid': '', 'middle': '  ',
};
const PROTOCOL_NAMES: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6' };
const PHASE_TEXTS: Readonly<Record<ManagedPhase, string>> = {
  enrolling: 'not enrolled, nothing is watched', asking: 'no assignment yet, nothing is watched', assigned: 'assignment', revoked: 'REVOKED, nothing is watched',
};
/** The lines that stand around the two tables. */
const OTHER_LINES = 11;

/** The page of `weir top`: rates are between the two looks. */
export function statusPage(now: AgentStatus, before: AgentStatus, maxLines: number): string {
  const seconds = Math.max(0.001, (now.nowMs - before.nowMs) / 1000);
  const room = Math.max(3, Math.floor((maxLines - OTHER_LINES) / 2));
  const lines = [
    `weir agent ${now.agentId}, up ${durationText((now.nowMs - now.startedMs) / 1000)}, revision ${now.revision}, windows of ${now.windowSeconds} s, last sealed ${
      now.lastSealMs === null ? 'none' : `${durationText((now.nowMs - now.lastSealMs) / 1000)} ago`}`,
    ...(now.managed === null ? [] : [managedLine(now.managed)]),
    outputLine(now),
    `table ${now.workers.map(({ tableSize, tableCapacity }) => `${tableSize}/${tableCapacity} (${percent(tableSize, tableCapacity)})`).join(', ')}; ` +
      `recorded ${now.recordedPackets}, late ${now.latePackets}, undecodable ${now.undecodablePackets}, passed no ENI ${now.unmatchedPackets}`,
    '',
    interfaceTable(now, before, seconds, room),
    ...now.missing.slice(0, 5).map(({ eniId, reason }) => `missing    ${eniId}: ${reason}`),
    ...(now.missing.length > 5 ? [`missing    and ${now.missing.length - 5} more`] : []),
    '',
    rejectedTable(now, room),
  ];
  return `${lines.join('\n')}\n`;
}

function outputLine({ destination, shipping }: AgentStatus): string {
  if (shipping === null) return `to ${destination}`;
  return `to ${destination}, ${shipping.waitingBatches} batches wait (${shipping.waitingBytes} bytes), lag ${durationText(shipping.lagSeconds)}`;
}

function managedLine({ phase, assignment, contactSeconds, problem }: ManagedStatus): string {
  const contact = contactSeconds === null ? 'the collector has not answered yet' : `last answer ${durationText(contactSeconds)} ago`;
  return `managed: ${PHASE_TEXTS[phase]}${assignment === null ? '' : ` ${assignment.slice(0, 8)}`}, ${contact}${problem === null ? '' : `; ${problem}`}`;
}

function interfaceTable(now: AgentStatus, before: AgentStatus, seconds: number, room: number): string {
  const table = new Table({
    chars: PLAIN, style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    head: ['INTERFACE', 'PACKETS/S', 'BIT/S', 'PACKETS', 'DROPS', 'GAP', 'ENI'], colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'left'],
  });
  const rates = now.interfaces.map((tap) => {
    const earlier = before.interfaces.find(({ name }) => name === tap.name);
    const rate = (of: 'packets' | 'bytes'): number => Math.max(0, tap[of] - (earlier?.[of] ?? 0)) / seconds;
    return { tap, packets: rate('packets'), bits: rate('bytes') * 8 };
  });
  for (const { tap, packets, bits } of rates.toSorted((a, b) => b.packets - a.packets).slice(0, room)) {
    table.push([`${tap.name}${tap.isOpen ? '' : ' (closed)'}`, scaled(packets), scaled(bits), tap.packets, dropsText(tap), tap.gapPackets, eniText(tap.eniIds)]);
  }
  return table.toString();
}

function rejectedTable({ rejected }: AgentStatus, room: number): string {
  if (rejected.flows.length === 0) return rejected.start === 0 ? 'no window has ended yet' : `nothing rejected in the window from ${timeText(rejected.start)}`;
  const table = new Table({
    chars: PLAIN, style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    head: ['REJECTED', 'FROM', 'TO', 'PORT', 'ENI', 'RULE'], colAligns: ['right', 'left', 'left', 'left', 'left', 'left'],
  });
  for (const flow of rejected.flows.slice(0, room)) {
    const protocol = PROTOCOL_NAMES[flow.protocol] ?? String(flow.protocol);
    table.push([flow.packets, flow.source, flow.destination, `${flow.destinationPort}/${protocol}`, flow.eniId, flow.ruleId ?? 'default']);
  }
  return `top rejected in the window from ${timeText(rejected.start)}\n${table.toString()}`;
}

function dropsText({ drops }: InterfaceStatus): string {
  return drops === null ? 'unknown' : String(drops);
}

function eniText(eniIds: readonly string[]): string {
  return eniIds.length <= 2 ? eniIds.join(' ') : `${eniIds[0]} and ${eniIds.length - 1} more`;
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${((part / whole) * 100).toFixed(1)} %`;
}

function scaled(value: number): string {
  const units: readonly (readonly [number, string])[] = [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']];
  const unit = units.find(([size]) => value >= size);
  return unit ? `${(value / unit[0]).toFixed(1)}${unit[1]}` : value.toFixed(0);
}

function durationText(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  if (seconds < 7200) return `${(seconds / 60).toFixed(0)} min`;
  return seconds < 172_800 ? `${(seconds / 3600).toFixed(0)} h` : `${(seconds / 86_400).toFixed(0)} d`;
}

function timeText(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString().slice(11, 19);
}
