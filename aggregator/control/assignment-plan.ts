import { createHash } from 'node:crypto';
import { groupDocument, prefixListDocument } from '../../shared/topology/export.ts';
import type { Eni, SecurityGroup } from '../../shared/topology/topology.ts';
import type { KnownAgent } from './agent-registry.ts';
import type { ControlState } from './control-state.ts';
import { recordings, type Recording } from './coverage.ts';
import { eniPlaces, type EniPlace } from './eni-places.ts';
import { RESOURCE_KINDS, resourceDocument, resourceKind } from './resource-kinds.ts';
import type { WatchSpan } from './spans.ts';

const DEFAULT_WINDOW_SECONDS = 600;
const ENIS = resourceKind('enis');

/** Part of an assignment's text, shared by all agents that get it. */
interface Fragment {
  readonly text: string;
  readonly digest: string;
}

/**
 * What every agent is told, worked out from one control state and one set of agents. Agents share most of it: each
 * group is turned into text once, and an agent's ETag comes from the digests of its parts.
 */
export class AssignmentPlan {
  readonly places: ReadonlyMap<string, EniPlace>;
  private readonly state: ControlState;
  private readonly recordings: ReadonlyMap<string, Recording>;
  private readonly enisOf = new Map<string, Eni[]>();
  private readonly groups: ReadonlyMap<string, SecurityGroup>;
  private readonly addresses = new Map<string, string[]>();
  private readonly namedPeers = new Map<string, { readonly groups: readonly string[]; readonly lists: readonly string[] }>();
  private readonly groupFragments = new Map<string, Fragment>();
  private readonly memberFragments = new Map<string, Fragment>();
  private readonly listFragments = new Map<string, Fragment>();

  constructor(state: ControlState, agents: readonly KnownAgent[]) {
    this.state = state;
    const { topology } = state;
    this.places = eniPlaces(topology.enis, agents);
    this.recordings = recordings(topology);
    this.groups = new Map(topology.securityGroups.map((group) => [group.securityGroupId, group]));
    for (const eni of topology.enis) {
      for (const group of eni.securityGroups) append(this.addresses, group, eni.addresses);
      const agentId = this.places.get(eni.eniId)!.agentId;
      if (agentId !== null && this.recordings.has(eni.eniId)) append(this.enisOf, agentId, [eni]);
    }
  }

  /** Changes whenever the text does. */
  etag(agentId: string): string {
    return digestOf(JSON.stringify([...this.parts(agentId).map(({ digest }) => digest), this.head(agentId)]));
  }

  /** The assignment document of shared/assignment.ts. */
  text(agentId: string): string {
    const { groups, lists, members } = this.relevant(agentId);
    const { agentId: id, revision, windowSeconds, watch, topology } = this.head(agentId);
    const head = JSON.stringify(topology).slice(0, -1);
    const memberTexts = members.map((group) => `${JSON.stringify(group)}:${this.memberFragment(group).text}`);
    return `{"agent-id":${JSON.stringify(id)},"revision":${revision},"window":${windowSeconds},"topology":${head},"security-groups":[${
      groups.map((group) => this.groupFragment(group).text).join(',')}],"prefix-lists":[${
      lists.map((list) => this.listFragment(list).text).join(',')}]},"members":{${memberTexts.join(',')}},"watch":${JSON.stringify(watch)}}`;
  }

  /** The ENIs that are watched now, by whom. */
  watched(): Omit<WatchSpan, 'fromMs' | 'untilMs'>[] {
    const { topology } = this.state;
    return [...this.enisOf].flatMap(([agentId, enis]) => {
      const windowSeconds = this.windowSeconds(enis);
      return enis.map(({ eniId, vswitchId, vmId, vpcId }) => ({
        eniId, agentId, windowSeconds, attributes: { vswitchId, vmId, vpcId, accountId: topology.accountId, region: topology.region },
      }));
    });
  }

  /** What is told of an ENI beside its resource. */
  recording(eniId: string): Recording | null {
    return this.recordings.get(eniId) ?? null;
  }

  /** What is the agent's own. */
  private head(agentId: string) {
    const { topology, revision } = this.state;
    const enis = this.enisOf.get(agentId) ?? [];
    const vswitches = topology.vswitches.filter(({ vswitchId }) => enis.some((eni) => eni.vswitchId === vswitchId));
    const groupVpcs = this.relevant(agentId).own.map((id) => this.groups.get(id)!.vpcId);
    const vpcs = topology.vpcs.filter(({ vpcId }) => vswitches.some((vswitch) => vswitch.vpcId === vpcId) || groupVpcs.includes(vpcId));
    const [vpcKind, vswitchKind] = RESOURCE_KINDS;
    return {
      agentId, revision, windowSeconds: this.windowSeconds(enis),
      watch: Object.fromEntries(enis.map(({ eniId }) => [eniId, this.recordings.get(eniId)!.trafficType])),
      topology: {
        ...(topology.accountId === null ? {} : { 'account-id': topology.accountId }),
        ...(topology.region === null ? {} : { region: topology.region }),
        'vpcs': vpcs.map((vpc) => resourceDocument(vpcKind!, vpc)),
        'vswitches': vswitches.map((vswitch) => resourceDocument(vswitchKind!, vswitch)),
        'enis': enis.map((eni) => resourceDocument(ENIS, eni)),
      },
    };
  }

  private windowSeconds(enis: readonly Eni[]): number {
    return Math.min(...enis.map(({ eniId }) => this.recordings.get(eniId)!.windowSeconds), enis.length > 0 ? Infinity : DEFAULT_WINDOW_SECONDS);
  }

  private parts(agentId: string): Fragment[] {
    const { groups, lists, members } = this.relevant(agentId);
    return [...groups.map((id) => this.groupFragment(id)), ...lists.map((id) => this.listFragment(id)), ...members.map((id) => this.memberFragment(id))];
  }

  /** The groups of the agent's ENIs and those that their rules name, the prefix lists, and the groups whose members count. */
  private relevant(agentId: string): { own: string[]; groups: string[]; lists: string[]; members: string[] } {
    const own = new Set((this.enisOf.get(agentId) ?? []).flatMap(({ securityGroups }) => securityGroups));
    const peers = new Set<string>();
    const lists = new Set<string>();
    const members = new Set<string>();
    for (const id of own) {
      if (this.groups.get(id)!.innerAccess) members.add(id);
      const named = this.peersOf(id);
      for (const peer of named.groups) peers.add(peer);
      for (const list of named.lists) lists.add(list);
    }
    for (const id of peers) members.add(id);
    const others = [...peers].filter((id) => !own.has(id)).map((id) => `${id}${PEER_ONLY}`);
    return { own: [...own], groups: [...own, ...others], lists: [...lists], members: [...members] };
  }

  private peersOf(group: string): { readonly groups: readonly string[]; readonly lists: readonly string[] } {
    let named = this.namedPeers.get(group);
    if (!named) {
      const peers = this.groups.get(group)!.rules.map(({ peer }) => peer);
      const groups = new Set(peers.flatMap((peer) => (peer.kind === 'security-group' ? [peer.securityGroupId] : [])));
      const lists = new Set(peers.flatMap((peer) => (peer.kind === 'prefix-list' ? [peer.prefixListId] : [])));
      this.namedPeers.set(group, (named = { groups: [...groups], lists: [...lists] }));
    }
    return named;
  }

  private groupFragment(id: string): Fragment {
    return fragment(this.groupFragments, id, () => {
      const isPeerOnly = id.endsWith(PEER_ONLY);
      const group = this.groups.get(isPeerOnly ? id.slice(0, -PEER_ONLY.length) : id)!;
      // the rules of a group that is only a peer decide nothing here
      return groupDocument(isPeerOnly ? { ...group, vpcId: null, rules: [] } : group);
    });
  }

  private memberFragment(id: string): Fragment {
    return fragment(this.memberFragments, id, () => [...new Set(this.addresses.get(id) ?? [])]);
  }

  private listFragment(id: string): Fragment {
    return fragment(this.listFragments, id, () => prefixListDocument(this.state.topology.prefixLists.find(({ prefixListId }) => prefixListId === id)!));
  }
}

/** Marks the fragment of a group without its rules; no id holds a blank. */
const PEER_ONLY = ' peer';

function fragment(known: Map<string, Fragment>, id: string, make: () => unknown): Fragment {
  let found = known.get(id);
  if (!found) {
    const text = JSON.stringify(make());
    known.set(id, (found = { text, digest: digestOf(text) }));
  }
  return found;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function append<T>(map: Map<string, T[]>, key: string, values: readonly T[]): void {
  const known = map.get(key);
  if (known) for (const value of values) known.push(value);
  else map.set(key, [...values]);
}
