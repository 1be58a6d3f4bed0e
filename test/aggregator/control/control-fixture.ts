import type { ExecutionContext } from 'ava';
import type { Actor } from '../../../aggregator/control/audit-log.ts';
import { authorize } from '../../../aggregator/control/authorizations.ts';
import type { ControlState } from '../../../aggregator/control/control-state.ts';
import { ControlStore } from '../../../aggregator/control/control-store.ts';
import { applyDocument } from '../../../aggregator/control/inventory.ts';
import type { ControlSettings } from '../../../aggregator/control/state-change.ts';
import type { ResourceChange } from '../../../aggregator/control/topology-diff.ts';
import { temporaryDirectory } from '../collector-fixture.ts';

export const ACTOR: Actor = { tokenId: 'tok-1', name: 'test', from: '127.0.0.1' };
export const SETTINGS: ControlSettings = { flowLogQuota: 10 };

/** Two ENIs in one VSwitch, one of another VPC, and a LogStore. */
export const INVENTORY = `
account-id: "1"
region: r
vpcs: [{vpc-id: vpc-1}, {vpc-id: vpc-2}]
vswitches: [{vswitch-id: vsw-1, vpc-id: vpc-1}, {vswitch-id: vsw-2, vpc-id: vpc-2}]
security-groups:
  - security-group-id: sg-1
    rules:
      - {rule-id: r-1, direction: ingress, policy: accept, protocol: tcp, port-range: 80/80, cidr: 0.0.0.0/0}
      - {rule-id: r-2, direction: ingress, policy: drop, protocol: all, cidr: 0.0.0.0/0}
prefix-lists: [{prefix-list-id: pl-1, entries: [10.0.0.0/8]}]
enis:
  - {eni-id: eni-1, vswitch-id: vsw-1, addresses: [10.0.0.1], security-groups: [sg-1], agent-id: host-1}
  - {eni-id: eni-2, vswitch-id: vsw-1, addresses: [10.0.0.2], security-groups: [sg-1], agent-id: host-2}
  - {eni-id: eni-3, vswitch-id: vsw-2, addresses: [10.0.0.3], agent-id: host-1}
logstores: [{name: flows}, {name: other}]
`;

export interface OpenStore extends ControlStore {
  readonly directory: string;
}

export async function openStore(t: ExecutionContext, directory = temporaryDirectory(t)): Promise<OpenStore> {
  const store = await ControlStore.open(directory);
  t.teardown(() => store.close());
  return Object.assign(store, { directory });
}

/** With the inventory and the account's permission. */
export async function readyStore(t: ExecutionContext, inventory = INVENTORY): Promise<OpenStore> {
  const store = await openStore(t);
  await apply(store, inventory);
  await store.change(ACTOR, 'authorization.grant', authorize(ACTOR));
  return store;
}

export function apply(store: ControlStore, text: string, prune = false): Promise<readonly ResourceChange[]> {
  return store.change(ACTOR, 'inventory.apply', applyDocument({ text, source: 'f', prune, statePath: store.path }, SETTINGS));
}

/** All that outlives the process, as its next one has it. */
export async function reopened(t: ExecutionContext, { directory }: OpenStore): Promise<ControlState> {
  return (await openStore(t, directory)).state;
}
