import { parseCidr, type AddressFamily } from '../address.ts';
import type { Peer, Topology } from '../topology/topology.ts';

/** A block of addresses of one family. Numbers of 128 bits, IPv4 as IPv4-mapped; used only while rules are compiled. */
export interface AddressBlock {
  readonly family: AddressFamily;
  readonly first: bigint;
  readonly last: bigint;
}

/** The addresses that one peer of rules stands for. Rules with an equal peer share one object. */
export type PeerSet = readonly AddressBlock[];

export function addressNumber(words: ArrayLike<number>, at = 0): bigint {
  let number = 0n;
  for (let word = 0; word < 4; word++) number = number << 32n | BigInt(words[at + word]! >>> 0);
  return number;
}

function addressBlock(cidrText: string): AddressBlock {
  const cidr = parseCidr(cidrText);
  if (!cidr) throw new Error(`${cidrText} is no CIDR, and the topology should not have held it`);
  const first = addressNumber(cidr.words);
  return { family: cidr.family, first, last: first + (1n << BigInt(128 - cidr.prefixLength)) - 1n };
}

/** What the peers of rules and the members of groups are in one topology. */
export class PeerSets {
  private readonly byPeer = new Map<string, PeerSet>();
  private readonly prefixLists: ReadonlyMap<string, readonly string[]>;
  private readonly members = new Map<string, string[]>();

  constructor(topology: Topology) {
    this.prefixLists = new Map(topology.prefixLists.map((list) => [list.prefixListId, list.entries]));
    for (const group of topology.securityGroups) this.members.set(group.securityGroupId, []);
    for (const eni of topology.enis) {
      for (const group of eni.securityGroups) this.members.get(group)?.push(...eni.addresses);
    }
  }

  of(peer: Peer): PeerSet {
    switch (peer.kind) {
      case 'cidr': return this.cached(`cidr ${peer.cidr}`, () => [peer.cidr]);
      case 'prefix-list': return this.cached(`list ${peer.prefixListId}`, () => this.prefixLists.get(peer.prefixListId) ?? []);
      case 'security-group': return this.cached(`group ${peer.securityGroupId}`, () => this.members.get(peer.securityGroupId) ?? []);
    }
  }

  /** The addresses of the group's ENIs. */
  membersOf(securityGroupId: string): PeerSet {
    return this.of({ kind: 'security-group', securityGroupId });
  }

  private cached(key: string, cidrs: () => readonly string[]): PeerSet {
    let set = this.byPeer.get(key);
    if (!set) this.byPeer.set(key, set = cidrs().map(addressBlock));
    return set;
  }
}
