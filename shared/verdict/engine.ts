import { KEY_DST0, KEY_DST3, KEY_META, KEY_SRC0, KEY_SRC3, META_ENI_SHIFT, META_IPV6, META_OUT } from '../flow-key.ts';
import type { Eni, Rule, SecurityGroup, Topology } from '../topology/topology.ts';
import { portRangeText, protocolText } from '../topology/spelling.ts';
import { Classifier, NO_RULE } from './classifier.ts';
import { PeerSets, addressNumber } from './peer-set.ts';
import { orderedRules, type OrderedRule } from './rule-order.ts';
import { VerdictList, type SavedVerdict } from './verdict-list.ts';
import type { Verdict } from './verdict.ts';

const NOT_YET = -1;

/** The compiled rules of one list of groups and one direction, shared by all ENIs with that list. */
interface RuleSet {
  readonly rules: readonly OrderedRule[];
  readonly classifier: Classifier;
  /** Verdict by place of the rule, the default at the end; NOT_YET until it is seen. */
  readonly verdictOf: Int32Array;
  readonly groups: readonly SecurityGroup[];
  readonly isOut: boolean;
}

/**
 * What the security groups say about new connections: steps 2 to 5 of design section 3, and what step 6 asks about
 * old ones. Rules are compiled when an ENI's first packet asks for them.
 *
 * I1. An index into `verdicts` means the same for ever, also after `revise`.
 * I2. An ENI's index is its place in the topology of the constructor; ENIs that `revise` brings follow behind, and
 *     one that a revision leaves out keeps its index and its last rules.
 */
export class VerdictEngine {
  private currentRevision: number;
  private readonly list = new VerdictList();
  private readonly enis: Eni[] = [];
  private readonly eniIndex = new Map<string, number>();
  /** By ENI index * 2 + direction; null until compiled. */
  private ruleSets: (RuleSet | null)[] = [];
  private shared = new Map<string, RuleSet>();
  private groups: ReadonlyMap<string, SecurityGroup> = new Map();
  private rules: ReadonlyMap<string, ReadonlyMap<string, Rule>> = new Map();
  private peers: PeerSets;
  /** Addresses of the members of a group, on demand. */
  private members = new Map<string, ReadonlySet<string>>();

  constructor(topology: Topology, revision: number) {
    this.currentRevision = revision;
    this.peers = new PeerSets(topology);
    this.revise(topology, revision);
  }

  get revision(): number {
    return this.currentRevision;
  }

  get verdicts(): readonly Verdict[] {
    return this.list.verdicts;
  }

  /** What `adopt` of an engine in another process needs to understand this one's numbers. */
  save(): SavedVerdict[] {
    return this.list.save();
  }

  /** By number of a saved verdict, its number here. */
  adopt(saved: readonly SavedVerdict[]): Int32Array {
    return this.list.adopt(saved);
  }

  /** A new state of all security groups takes over. */
  revise(topology: Topology, revision: number): void {
    this.currentRevision = revision;
    this.groups = new Map(topology.securityGroups.map((group) => [group.securityGroupId, group]));
    this.rules = new Map(topology.securityGroups.map((group) => [group.securityGroupId, new Map(group.rules.map((rule) => [rule.ruleId, rule]))]));
    this.peers = new PeerSets(topology);
    this.members = new Map();
    this.shared = new Map();
    for (const eni of topology.enis) {
      let index = this.eniIndex.get(eni.eniId);
      if (index === undefined) this.eniIndex.set(eni.eniId, index = this.enis.length);
      this.enis[index] = eni;
      this.ruleSets[index * 2] = null;
      this.ruleSets[index * 2 + 1] = null;
    }
  }

  /**
   * The verdict of the rules about the packet with this key (shared/flow-key.ts), whether a connection is known or
   * not. Allocates only when a verdict is seen for the first time.
   */
  classify(keys: Int32Array, at: number): number {
    const meta = keys[at + KEY_META]!;
    const slot = (meta >>> META_ENI_SHIFT) * 2 + ((meta & META_OUT) !== 0 ? 1 : 0);
    const set = this.ruleSets[slot] ?? this.compile(slot);
    const order = set.classifier.find(keys, at);
    const place = order === NO_RULE ? set.rules.length : order;
    const verdict = set.verdictOf[place]!;
    return verdict === NOT_YET ? this.addVerdict(set, place) : verdict;
  }

  /** The verdict of packets that belong to a connection which `verdict` has accepted. */
  established(verdict: number): number {
    return this.list.established(verdict);
  }

  isAccept(verdict: number): boolean {
    return this.list.accepts[verdict] === 1;
  }

  /** Whether the rules as they are now have decided so. */
  isOfToday(verdict: number): boolean {
    return this.list.verdicts[verdict]!.revision === this.revision;
  }

  /**
   * Whether what opened a connection still holds for this ENI in the current revision. A rule does while the ENI is in
   * its group and the group has a rule of that id which says the same; its priority may have changed. Inner access
   * does while it is on and both ends are members. The default, and being without groups, always do.
   */
  survives(verdict: number, eni: number, keys: Int32Array, at: number): boolean {
    const opener = this.list.verdicts[this.list.openedBy[verdict]!]!;
    if (opener.revision === this.revision) return true;
    if (opener.sgId === null) return true;
    if (!this.enis[eni]!.securityGroups.includes(opener.sgId)) return false;
    if (opener.reason === 'intra-group') {
      const group = this.groups.get(opener.sgId);
      return group !== undefined && group.type === 'basic' && group.innerAccess && this.isMember(opener.sgId, keys, at);
    }
    const rule = this.rules.get(opener.sgId)?.get(opener.ruleId!);
    return rule !== undefined && isSameRule(rule, this.list.rules[verdict]!);
  }

  private compile(slot: number): RuleSet {
    const isOut = (slot & 1) === 1;
    const groups = this.enis[slot >> 1]!.securityGroups.map((id) => this.groups.get(id)).filter((group) => group !== undefined);
    const key = `${isOut} ${groups.map((group) => group.securityGroupId).join(' ')}`;
    let set = this.shared.get(key);
    if (!set) {
      const rules = orderedRules(groups, isOut ? 'egress' : 'ingress', this.peers);
      set = { rules, classifier: new Classifier(rules), verdictOf: new Int32Array(rules.length + 1).fill(NOT_YET), groups, isOut };
      this.shared.set(key, set);
    }
    this.ruleSets[slot] = set;
    return set;
  }

  private addVerdict(set: RuleSet, place: number): number {
    const decided = set.rules[place];
    let verdict: number;
    if (decided) {
      verdict = this.list.add(decided.isAccept, decided.rule ? 'rule' : 'intra-group', decided.sgId, decided.rule, this.revision);
    } else if (set.groups.length === 0) {
      verdict = this.list.add(true, 'no-group', null, null, this.revision);
    } else {
      verdict = this.list.add(set.isOut && set.groups[0]!.type === 'basic', 'default', null, null, this.revision);
    }
    set.verdictOf[place] = verdict;
    return verdict;
  }

  /** Whether the packet's peer is an address of one of the group's ENIs. */
  private isMember(sgId: string, keys: Int32Array, at: number): boolean {
    let members = this.members.get(sgId);
    if (!members) {
      members = new Set(this.peers.membersOf(sgId).map((block) => `${block.family} ${block.first}`));
      this.members.set(sgId, members);
    }
    const meta = keys[at + KEY_META]!;
    const isOut = (meta & META_OUT) !== 0;
    const prefix = at + (isOut ? KEY_DST0 : KEY_SRC0);
    const last = keys[at + (isOut ? KEY_DST3 : KEY_SRC3)]!;
    const isIpv6 = (meta & META_IPV6) !== 0;
    const words = isIpv6 ? [keys[prefix]!, keys[prefix + 1]!, keys[prefix + 2]!, last] : [0, 0, 0xffff, last];
    return members.has(`${isIpv6 ? 6 : 4} ${addressNumber(words)}`);
  }
}

/** Whether both match the same packets and say the same. What the prefix list or group of a peer holds may differ. */
function isSameRule(a: Rule, b: Rule): boolean {
  return a === b || meaningOf(a) === meaningOf(b);
}

function meaningOf(rule: Rule): string {
  const { peer } = rule;
  const peerText = peer.kind === 'cidr' ? peer.cidr : peer.kind === 'prefix-list' ? peer.prefixListId : peer.securityGroupId;
  return [
    rule.direction, rule.policy, protocolText(rule.protocol), portRangeText(rule.portRange), portRangeText(rule.sourcePortRange),
    peer.kind, peerText,
  ].join(' ');
}
