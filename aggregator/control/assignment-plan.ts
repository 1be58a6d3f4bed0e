import { groupDocument, prefixListDocument } from '../../shared/topology/export.ts';
import type { Eni, PrefixList, SecurityGroup, VSwitch, Vpc } from '../../shared/topology/topology.ts';
import type { KnownAgent } from './agent-registry.ts';
import { digestOf, fragmentOf, type Fragment } from './assignment-fragment.ts';
import type { ControlState } from './control-state.ts';
import { recordings, type Recording } from './coverage.ts';
import { eniPlaces, type EniPlace } from './eni-places.ts';
import { memoized } from './memoized.ts';
import { resourceDocument, resourceKind } from './resource-kinds.ts';
import type { Watched } from './watch-spans.ts';

const DEFAULT_WINDOW_SECONDS = 600;
const [VPCS, VSWITCHES, ENIS] = [resourceKind('vpcs'), resourceKind('vswitches'), resourceKind('enis')];

/** Since when an agent's assignment is what it is. */
export interface ToldRevision {
  readonly etag: string;
  readonly revision: number;
}

/**
 * What every agent is told, worked out from one control state and one set of agents. Agents share most of it: each
 * group is turned into text once, and an agent's ETag comes from the digests of its parts.
 *
 * I1. The text says nothing that does not concern the agent's ENIs. So it names the revision at which it became what
 *     it is: rules that changed for others since are no news. `told` remembers it from plan to plan.
 */
export class AssignmentPlan {
  readonly places: ReadonlyMap<string, EniPlace>;
  private readonly state: ControlState;
  private readonly told: Map<string, ToldRevision>;
  private readonly recordings: ReadonlyMap<string, Recording>;
  private readonly placed = new Map<string, Eni[]>();
  private readonly vpcs: ReadonlyMap<string, Vpc>;
  private readonly vswitches: ReadonlyMap<string, VSwitch>;
  private readonly groups: ReadonlyMap<string, SecurityGroup>;
  private readonly lists: ReadonlyMap<string, PrefixList>;
  private readonly addresses = new Map<string, string[]>();
  private readonly memberFragments = new Map<string, Fragment>();
  private readonly shares = new Map<string, Share>();

  constructor(state: ControlState, agents: readonly KnownAgent[], told: Map<string, ToldRevision> = new Map()) {
    this.state = state;
    this.told = told;
    const { topology } = state;
    this.places = eniPlaces(topology.enis, agents);
    this.recordings = recordings(topology);
    this.vpcs = new Map(topology.vpcs.map((vpc) => [vpc.vpcId, vpc]));
    this.vswitches = new Map(topology.vswitches.map((vswitch) => [vswitch.vswitchId, vswitch]));
    this.groups = new Map(topology.securityGroups.map((group) => [group.securityGroupId, group]));
    this.lists = new Map(topology.prefixLists.map((list) => [list.prefixListId, list]));
    for (const eni of topology.enis) {
      for (const group of eni.securityGroups) append(this.addresses, group, eni.addresses);
      const { agentId } = this.places.get(eni.eniId)!;
      if (agentId !== null) append(this.placed, agentId, [eni]);
    }
  }

  /** Changes whenever the text does. */
  etag(agentId: string): string {
    return this.share(agentId).etag;
  }

  /** The assignment document of shared/assignment.ts. */
  text(agentId: string): string {
    const { revision, head, watch, groups, lists, members } = this.share(agentId);
    return `{"agent-id":${JSON.stringify(agentId)},"revision":${revision},${head},"security-groups":[${textsOf(groups)}],"prefix-lists":[${
      textsOf(lists)}]},"members":{${members.map(({ id, fragment }) => `${JSON.stringify(id)}:${fragment.text}`).join(',')}},"watch":${watch}}`;
  }

  /** The ENIs that are watched now, by whom. */
  watched(): Watched[] {
    const { accountId, region } = this.state.topology;
    return Array.from(this.placed.keys()).flatMap((agentId) => {
      const enis = this.recorded(agentId);
      const windowSeconds = this.windowSeconds(enis);
      return enis.map(({ eniId, vswitchId, vmId, vpcId }) => ({ eniId, agentId, windowSeconds, attributes: { vswitchId, vmId, vpcId, accountId, region } }));
    });
  }

  /** What the agent has, recorded or not. */
  enisAt(agentId: string): readonly Eni[] {
    return this.placed.get(agentId) ?? [];
  }

  /** What is told of an ENI beside its resource. */
  recording(eniId: string): Recording | null {
    return this.recordings.get(eniId) ?? null;
  }

  private share(agentId: string): Share {
    let share = this.shares.get(agentId);
    if (!share) {
      const enis = this.recorded(agentId);
      const parts = this.partsFor(enis);
      const digests = [...parts.groups, ...parts.lists, ...parts.members.map(({ fragment }) => fragment)].map(({ digest }) => digest);
      const etag = digestOf(JSON.stringify([parts.head, parts.watch, ...digests]));
      this.shares.set(agentId, (share = { ...parts, etag, revision: enis.length === 0 ? 0 : this.toldRevision(agentId, etag) }));
    }
    return share;
  }

  /** The groups of the ENIs and those that their rules name, the prefix lists, and the groups whose members count. */
  private partsFor(enis: readonly Eni[]): Omit<Share, 'etag' | 'revision'> {
    const own = Array.from(new Set(enis.flatMap(({ securityGroups }) => securityGroups)), (id) => this.groups.get(id)!);
    const ownIds = new Set(own.map(({ securityGroupId }) => securityGroupId));
    const peers = new Set(own.flatMap((group) => namedBy(group).groups));
    const lists = new Set(own.flatMap((group) => namedBy(group).lists));
    const inner = own.filter(({ innerAccess }) => innerAccess).map(({ securityGroupId }) => securityGroupId);
    const groups = [...own.map(groupFragment), ...[...peers].filter((id) => !ownIds.has(id)).map(peerFragment)];
    return {
      ...this.head(enis, own), groups, lists: Array.from(lists, (id) => listFragment(this.lists.get(id)!)),
      members: Array.from(new Set([...inner, ...peers]), (id) => ({ id, fragment: this.memberFragment(id) })),
    };
  }

  private head(enis: readonly Eni[], own: readonly SecurityGroup[]): Pick<Share, 'head' | 'watch'> {
    const { accountId, region } = this.state.topology;
    const vswitches = Array.from(new Set(enis.flatMap(({ vswitchId }) => vswitchId ?? [])), (id) => this.vswitches.get(id)!);
    const vpcs = Array.from(new Set([...vswitches.map(({ vpcId }) => vpcId), ...own.flatMap(({ vpcId }) => vpcId ?? [])]), (id) => this.vpcs.get(id)!);
    const account = {
      ...(accountId === null ? {} : { 'account-id': accountId }),
      ...(region === null ? {} : { region }),
    };
    return {
      head: `"window":${this.windowSeconds(enis)},"topology":{${Object.entries(account).map(([key, value]) => `"${key}":${JSON.stringify(value)},`).join('')}"vpcs":[${
        vpcs.map(vpcText).join(',')}],"vswitches":[${vswitches.map(vswitchText).join(',')}],"enis":[${enis.map(eniText).join(',')}]`,
      watch: JSON.stringify(Object.fromEntries(enis.map(({ eniId }) => [eniId, this.recordings.get(eniId)!.trafficType]))),
    };
  }

  private recorded(agentId: string): Eni[] {
    return this.enisAt(agentId).filter(({ eniId }) => this.recordings.has(eniId));
  }

  private windowSeconds(enis: readonly Eni[]): number {
    if (enis.length === 0) return DEFAULT_WINDOW_SECONDS;
    return enis.reduce((least, { eniId }) => Math.min(least, this.recordings.get(eniId)!.windowSeconds), Infinity);
  }

  private memberFragment(group: string): Fragment {
    let fragment = this.memberFragments.get(group);
    if (!fragment) this.memberFragments.set(group, (fragment = fragmentOf([...new Set(this.addresses.get(group))])));
    return fragment;
  }

  private toldRevision(agentId: string, etag: string): number {
    let told = this.told.get(agentId);
    if (told?.etag !== etag) this.told.set(agentId, (told = { etag, revision: this.state.revision }));
    return told.revision;
  }
}

/** What one agent is told. */
interface Share {
  readonly etag: string;
  /** Of an agent whose ENIs are not recorded, to whom no rules matter, 0. */
  readonly revision: number;
  /** `"window":…,"topology":{…`, open for groups and prefix lists. */
  readonly head: string;
  readonly watch: string;
  readonly groups: readonly Fragment[];
  readonly lists: readonly Fragment[];
  readonly members: readonly { readonly id: string; readonly fragment: Fragment }[];
}

const groupFragment = memoized((group: SecurityGroup) => fragmentOf(groupDocument(group)));
const listFragment = memoized((list: PrefixList) => fragmentOf(prefixListDocument(list)));
const vpcText = memoized((vpc: Vpc) => JSON.stringify(resourceDocument(VPCS, vpc)));
const vswitchText = memoized((vswitch: VSwitch) => JSON.stringify(resourceDocument(VSWITCHES, vswitch)));
const eniText = memoized((eni: Eni) => JSON.stringify(resourceDocument(ENIS, eni)));

/** Of a group that is only a peer, its members are all that counts. */
function peerFragment(id: string): Fragment {
  return fragmentOf({ 'security-group-id': id });
}

/** The peers of a group's rules. */
const namedBy = memoized(({ rules }: SecurityGroup) => ({
  groups: [...new Set(rules.flatMap(({ peer }) => (peer.kind === 'security-group' ? [peer.securityGroupId] : [])))],
  lists: [...new Set(rules.flatMap(({ peer }) => (peer.kind === 'prefix-list' ? [peer.prefixListId] : [])))],
}));

function textsOf(fragments: readonly Fragment[]): string {
  return fragments.map(({ text }) => text).join(',');
}

function append<T>(map: Map<string, T[]>, key: string, values: readonly T[]): void {
  const known = map.get(key);
  if (known) for (const value of values) known.push(value);
  else map.set(key, [...values]);
}
