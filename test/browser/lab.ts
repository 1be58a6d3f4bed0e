import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { EniAttributes } from '../../shared/wire/wire-seal.ts';
import { runCollector, temporaryDirectory, type RunningCollector } from '../aggregator/collector-fixture.ts';
import { writePlannedData } from '../aggregator/planned-data.ts';

/** A small network with some hours of traffic behind it, of which not everything is known. */
const INVENTORY = `
account-id: "1234567890123456"
region: lab-1
vpcs: [{vpc-id: vpc-lab, name: lab, cidrs: [10.20.0.0/16]}, {vpc-id: vpc-office, name: office, cidrs: [10.30.0.0/16]}]
vswitches:
  - {vswitch-id: vsw-front, name: front, vpc-id: vpc-lab, cidr: 10.20.1.0/24}
  - {vswitch-id: vsw-back, name: back, vpc-id: vpc-lab, cidr: 10.20.2.0/24}
prefix-lists: [{prefix-list-id: pl-office, name: office, entries: [203.0.113.0/24, "2001:db8:7::/48"]}]
security-groups:
  - security-group-id: sg-front
    name: front servers
    vpc-id: vpc-lab
    type: basic
    rules:
      - {rule-id: r-web, direction: ingress, policy: accept, protocol: tcp, port-range: 80/443, priority: 10, cidr: 0.0.0.0/0}
      - {rule-id: r-https, direction: ingress, policy: drop, protocol: tcp, port-range: 443/443, priority: 20, cidr: 198.51.100.0/24}
      - {rule-id: r-ssh, direction: ingress, policy: accept, protocol: tcp, port-range: 22/22, priority: 1, prefix-list: pl-office}
      - {rule-id: r-ssh-drop, direction: ingress, policy: drop, protocol: tcp, port-range: 22/22, priority: 5, cidr: 0.0.0.0/0}
      - {rule-id: r-peers, direction: ingress, policy: accept, protocol: all, port-range: -1/-1, priority: 5, security-group: sg-front}
      - {rule-id: r-cache, direction: ingress, policy: accept, protocol: tcp, port-range: 6379/6379, priority: 30, security-group: sg-unused}
      - {rule-id: r-out, direction: egress, policy: accept, protocol: all, port-range: -1/-1, priority: 1, cidr: 0.0.0.0/0}
  - security-group-id: sg-db
    name: databases
    vpc-id: vpc-lab
    type: advanced
    rules:
      - {rule-id: r-sql, direction: ingress, policy: accept, protocol: tcp, port-range: 5432/5432, priority: 1, security-group: sg-front}
  - {security-group-id: sg-unused, name: nobody yet, type: advanced, rules: []}
enis:
  - {eni-id: eni-web, vm-id: vm-web, vswitch-id: vsw-front, mac: "02:00:00:20:01:10", addresses: [10.20.1.10, "fd20:20:0:1::10"], security-groups: [sg-front], agent-id: host-1}
  - {eni-id: eni-web-2, vm-id: vm-web-2, vswitch-id: vsw-front, addresses: [10.20.1.11], security-groups: [sg-front], agent-id: host-1}
  - {eni-id: eni-db, vm-id: vm-db, vswitch-id: vsw-back, addresses: [10.20.2.20], security-groups: [sg-db], agent-id: host-1}
  - {eni-id: eni-quiet, vm-id: vm-quiet, vswitch-id: vsw-back, addresses: [10.20.2.21], security-groups: [sg-db], agent-id: host-1}
  - {eni-id: eni-lost, vm-id: vm-lost, vswitch-id: vsw-back, addresses: [10.20.2.22], security-groups: [sg-db], agent-id: host-2}
  - {eni-id: eni-nowhere, vm-id: vm-nowhere, vswitch-id: vsw-back, addresses: [10.20.2.23]}
logstores: [{name: main, search: true}, {name: drops, search: true, retention-days: 30}]
flow-logs:
  - {flow-log-id: fl-lab, name: lab, description: everything in the lab, resource-type: VPC, resource-id: vpc-lab, traffic-type: All, logstore: main, window: 600s, analysis-report: true, status: Active}
  - {flow-log-id: fl-drops, name: rejected at the web, resource-type: ENI, resource-id: eni-web, traffic-type: Drop, logstore: drops, window: 600s, status: Active}
  - {flow-log-id: fl-old, name: before the move, resource-type: VSwitch, resource-id: vsw-back, traffic-type: All, logstore: main, window: 600s, status: Inactive}
`;
const ATTRIBUTES = { 'account-id': '1234567890123456', 'region': 'lab-1', 'vpc-id': 'vpc-lab' };
const WINDOW_SECONDS = 600;
const WINDOWS = 18;
const AGENTS = ['host-1', 'host-2'];

export interface Lab extends RunningCollector {
  /** Of the first window, Unix seconds. */
  readonly firstStart: number;
}

/** Runs the lab's collector, with the traffic published. */
export async function runLab(t: ExecutionContext): Promise<Lab> {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const firstStart = nowSeconds - nowSeconds % WINDOW_SECONDS - WINDOWS * WINDOW_SECONDS;
  // whoever watches from now on has not watched the window that goes on: none ends while a test runs, and is missed
  const nobodyAfter = (firstStart + WINDOWS * WINDOW_SECONDS) * 1000;
  const data = join(temporaryDirectory(t), 'data');
  const watches = [['eni-web', 'host-1'], ['eni-web-2', 'host-1'], ['eni-db', 'host-1'], ['eni-quiet', 'host-1'], ['eni-lost', 'host-2']]
    .map(([eniId, agentId]) => ({ eniId: eniId!, agentId: agentId!, windowSeconds: WINDOW_SECONDS, fromMs: firstStart * 1000, untilMs: nobodyAfter, attributes: attributesOf(eniId!) }));
  writePlannedData(data, { inventory: INVENTORY, sinceMs: (firstStart - 86_400) * 1000, agents: AGENTS, watches });
  const collector = await runCollector(t, { data, aggregationDelayMs: 1000 });
  const body = traffic(firstStart).map((line) => JSON.stringify(line)).join('\n');
  const answer = await collector.request('/v1/batches', {
    method: 'POST', body, headers: { 'content-type': 'application/x-ndjson', 'weir-agent-id': 'host-1', 'weir-epoch': '1', 'weir-sequence': '1', 'weir-logstore': '-' },
  });
  if (answer.status !== 200) throw new Error(await answer.text());
  await collector.flush();
  return { ...collector, firstStart };
}

function attributesOf(eniId: string): EniAttributes {
  return { vswitchId: vswitchOf(eniId), vmId: eniId.replace('eni', 'vm'), vpcId: 'vpc-lab', accountId: '1234567890123456', region: 'lab-1' };
}

function vswitchOf(eniId: string): string {
  return eniId.startsWith('eni-web') ? 'vsw-front' : 'vsw-back';
}

function traffic(firstStart: number): object[] {
  const lines: object[] = [];
  for (let window = 0; window < WINDOWS; window++) {
    const start = firstStart + window * WINDOW_SECONDS;
    const web = webRows(start, window);
    lines.push(...web, ...sealed('eni-web', start, web.length), ...sealed('eni-web-2', start, 0), ...sealed('eni-quiet', start, 0));
    const db = [row('eni-db', start, { srcaddr: '10.20.1.10', srcport: 40_000 + window, dstaddr: '10.20.2.20', dstport: 5432, packets: 90 + window, 'sg-id': 'sg-db', 'rule-id': 'r-sql' })];
    // the ring was full at times, and one window has no seal
    if (window !== 7) lines.push(...db, ...sealed('eni-db', start, 1, window % 5 === 0 ? { 'ring-drops': 3 + window } : {}));
  }
  return lines;
}

function webRows(start: number, window: number): object[] {
  return [
    row('eni-web', start, { srcaddr: `198.51.100.${7 + window}`, srcport: 50_000 + window, dstaddr: '10.20.1.10', dstport: 80, packets: 40 + 7 * (window % 6), 'sg-id': 'sg-front', 'rule-id': 'r-web' }),
    row('eni-web', start, { srcaddr: '10.20.1.10', srcport: 80, dstaddr: `198.51.100.${7 + window}`, dstport: 50_000 + window, direction: 'out', packets: 35 + 5 * (window % 6), 'sg-id': 'sg-front', 'rule-id': 'r-web', 'rule-reason': 'established' }),
    row('eni-web', start, { srcaddr: '192.0.2.66', srcport: 33_000, dstaddr: '10.20.1.10', dstport: 22, packets: 4 + window % 3, 'action': 'REJECT', 'sg-id': 'sg-front', 'rule-id': 'r-ssh-drop' }),
  ];
}

function row(eniId: string, start: number, values: Record<string, unknown> & { packets: number }): object {
  return {
    'eni-id': eniId, ...ATTRIBUTES, 'vswitch-id': vswitchOf(eniId), 'protocol': 6, 'direction': 'in', 'bytes': values.packets * 120, start, 'end': start + WINDOW_SECONDS,
    'first-seen': start + 5, 'last-seen': start + 590, 'action': 'ACCEPT', 'rule-reason': 'rule', 'ruleset-rev': 1, ...values,
  };
}

function sealed(eniId: string, start: number, records: number, values: object = {}): object[] {
  return [{ seal: { 'eni-id': eniId, 'window-start': start, 'window-seconds': WINDOW_SECONDS, records, 'packets': records * 50, 'bytes': records * 6000, 'packets-seen': records * 50, 'ring-drops': 0, 'gap-packets': 0, ...ATTRIBUTES, 'vswitch-id': vswitchOf(eniId), ...values } }];
}
