/**
 * Flows of a made-up network, as its agents would record them: the input of `query-peers.ts`. The same seed gives the
 * same flows. What the network is like:
 *
 * - 24 ENIs in one VPC, watched: 8 web servers, 8 of an application, 4 databases, 4 others.
 * - Clients on the Internet, 1 in 20 with IPv6. Who speaks follows a power law with exponent 0.8 over 620,000
 *   addresses, so that ten million flows have about half a million distinct sources.
 * - Of 100 conversations, 52 are of clients with web servers (HTTPS, some HTTP), 15 of web servers with the
 *   application, 8 of the application with databases, 11 are questions to a resolver, 12 are scans that are rejected
 *   and get no answer, 2 are pings and time queries.
 * - A conversation makes a row in each direction at each watched ENI: two, and four between two of the ENIs.
 * - Sizes and durations are log-normal, round-trip times too; of every kind, what programs do alike is alike: a refused
 *   SYN has 40, 44, 52 or 60 bytes, keep-alive ends after 5, 15 or 60 seconds, pools keep connections from window to window.
 */
import { mergeRows } from '../shared/record-merge.ts';
import { NONE, Records, STATUS_OK, type RecordContext } from '../shared/records.ts';
import { ACTIONS, DIRECTIONS, FLOW_STATES, INITIATORS } from '../shared/fields.ts';
import type { Seal } from '../shared/seal.ts';
import type { RuleReason } from '../shared/verdict/verdict.ts';
import { seededRandom } from './random.ts';

export const FIRST_WINDOW = 1_700_000_400;
export const WINDOW_SECONDS = 600;

const CLIENTS = 620_000;
const CLIENT_EXPONENT = 0.8;
const TIERS = { web: 8, app: 8, db: 4, other: 4 } as const;
type Tier = keyof typeof TIERS;
const MAPPED = 0xffff;
const VPC_NETWORK = 10 << 24;
const RESOLVER = VPC_NETWORK | 2;
const SCANNED_PORTS = [23, 22, 445, 3389, 8080, 80, 5900, 1433, 3306, 6379, 2222, 5060, 25, 8443, 21, 81, 5555, 37215];
const SYN = 2;
const ACK = 16;
const WHOLE_CONVERSATION = 1 | SYN | 8 | ACK;

interface Eni { readonly index: number; readonly tier: Tier; readonly address: number }

const ENIS: readonly Eni[] = (Object.keys(TIERS) as Tier[]).flatMap((tier, at) =>
  Array.from({ length: TIERS[tier] }, (_, host) => ({ tier, address: VPC_NETWORK | ((at + 1) << 8) | (10 + host) })))
  .map((eni, index) => ({ ...eni, index }));

const verdict = (action: (typeof ACTIONS)[number], reason: RuleReason, sgId: string | null, ruleId: string | null) => ({ action, reason, sgId, ruleId, revision: 7 });
/** What a row's verdict can be, by kind of conversation: of the row of the one who opens it, and of the answer's. */
const VERDICTS = [
  verdict('ACCEPT', 'rule', 'sg-web', 'r-https'), verdict('ACCEPT', 'established', 'sg-web', 'r-https'),
  verdict('ACCEPT', 'rule', 'sg-app', 'r-from-web'), verdict('ACCEPT', 'established', 'sg-app', 'r-from-web'),
  verdict('ACCEPT', 'rule', 'sg-db', 'r-from-app'), verdict('ACCEPT', 'established', 'sg-db', 'r-from-app'),
  verdict('ACCEPT', 'default', null, null), verdict('ACCEPT', 'established', null, null),
  verdict('REJECT', 'default', null, null), verdict('ACCEPT', 'rule', 'sg-web', 'r-ping'), verdict('ACCEPT', 'established', 'sg-web', 'r-ping'),
] as const;
const WEB = 0;
const APP = 2;
const DB = 4;
const EGRESS = 6;
const REJECTED = 8;
const PING = 9;

export const FLOW_CONTEXT: RecordContext = {
  agentId: 'agent-1', accountId: '1234567890123456', region: 'eu-central-1', verdicts: VERDICTS,
  enis: ENIS.map(({ index, tier }) => ({
    eniId: `eni-${(0x9e3779b1 * (index + 1) >>> 0).toString(16)}`, vmId: `i-${tier}-${index}`, vswitchId: `vsw-${tier}`, vpcId: 'vpc-1',
    mac: null, addresses: [], securityGroups: [`sg-${tier}`], interface: null, side: null, agentId: null,
  })),
};

/** One side's share of a conversation. */
interface Share { packets: number; bytes: number }

export class FlowMaker {
  private readonly random: () => number;
  private readonly source = new Int32Array(4);
  private readonly destination = new Int32Array(4);
  private records = new Records(0, WINDOW_SECONDS, 1);

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** A window's rows, a few less than `rows` where two conversations were between the same ports. */
  window(index: number, rows: number): Records {
    this.records = new Records(FIRST_WINDOW + index * WINDOW_SECONDS, WINDOW_SECONDS, rows + 3);
    while (this.records.count < rows) this.conversation();
    mergeRows(this.records);
    return this.records;
  }

  private conversation(): void {
    const dice = this.random() * 100;
    if (dice < 52) this.web();
    else if (dice < 67) this.inside('web', 'app', 8080, APP, 0.4);
    else if (dice < 75) this.inside('app', 'db', 5432, DB, 0.6);
    else if (dice < 86) this.resolver();
    else if (dice < 98) this.scan();
    else this.smallTalk();
  }

  private web(): void {
    const eni = this.eni('web');
    this.client();
    this.server(eni);
    const packets = 4 + this.logNormal(8, 0.9);
    const answered = Math.ceil(packets * (0.7 + this.random())) + 1;
    const asked: Share = { packets, bytes: packets * 52 + this.logNormal(900, 0.7) };
    const answer: Share = { packets: answered, bytes: answered * 52 + this.logNormal(7000, 1.7) };
    const keptAlive = this.random() < 0.35 ? this.one([5, 15, 60]) * 1e6 + this.logNormal(20_000, 1) : 0;
    this.both(eni, 'in', this.clientPort(), this.random() < 0.9 ? 443 : 80, 6, asked, answer, this.logNormal(90_000, 1.5) + keptAlive, this.logNormal(30_000, 0.8), WEB);
  }

  /** Between two ENIs, so each of them records it. */
  private inside(from: Tier, to: Tier, port: number, verdicts: number, pooled: number): void {
    const [opener, listener] = [this.eni(from), this.eni(to)];
    this.host(this.source, opener.address);
    this.server(listener);
    const isPooled = this.random() < pooled;
    const packets = isPooled ? 20 + this.logNormal(300, 1.2) : 5 + this.logNormal(6, 0.6);
    const asked: Share = { packets, bytes: packets * 52 + this.logNormal(packets * 60, 0.6) };
    const answer: Share = { packets, bytes: packets * 52 + this.logNormal(packets * 180, 0.9) };
    const clientPort = 32_768 + this.below(28_232);
    const roundTrip = this.logNormal(300, 0.5);
    const duration = isPooled ? this.below(WINDOW_SECONDS * 1e6) : this.logNormal(8000, 1.2);
    const at = this.startUs(duration + roundTrip * 2);
    this.both(opener, 'out', clientPort, port, 6, asked, answer, duration, roundTrip, EGRESS, at, isPooled);
    this.both(listener, 'in', clientPort, port, 6, asked, answer, duration, roundTrip, verdicts, at + Math.round(roundTrip / 3), isPooled);
  }

  private resolver(): void {
    const eni = ENIS[this.below(ENIS.length)]!;
    this.host(this.source, eni.address);
    this.host(this.destination, RESOLVER);
    const asked = 56 + this.below(30);
    this.both(eni, 'out', 32_768 + this.below(28_232), 53, 17, { packets: 1, bytes: asked }, { packets: 1, bytes: asked + 16 * (1 + this.below(6)) }, 0, this.logNormal(700, 1), EGRESS);
  }

  private scan(): void {
    const eni = ENIS[this.below(ENIS.length)]!;
    this.client();
    this.server(eni);
    const port = this.random() < 0.7 ? SCANNED_PORTS[Math.floor(SCANNED_PORTS.length * this.random() ** 2)]! : 1 + this.below(65_000);
    const packets = this.random() < 0.8 ? 1 : this.one([2, 3]);
    const duration = packets === 1 ? 0 : (2 ** (packets - 1) - 1) * 1e6 + this.logNormal(9000, 0.6);
    const at = this.startUs(duration);
    this.row(eni, 'in', this.clientPort(), port, 6, { packets, bytes: packets * this.one([40, 44, 52, 60]) }, at, at + duration, SYN, REJECTED, 'src', 'new');
  }

  private smallTalk(): void {
    const eni = this.eni('web');
    this.client();
    this.server(eni);
    const packets = this.random() < 0.5 ? 1 : this.one([2, 3, 4, 5]);
    const share = { packets, bytes: packets * 84 };
    if (this.random() < 0.5) this.both(eni, 'in', 0, 0, 1, share, share, (packets - 1) * 1e6, this.logNormal(30_000, 0.8), PING);
    else this.both(eni, 'in', 123, 123, 17, { packets: 1, bytes: 76 }, { packets: 1, bytes: 76 }, 0, this.logNormal(30_000, 0.8), PING);
  }

  /** There and back. */
  private both(
    eni: Eni, opening: 'in' | 'out', sourcePort: number, port: number, protocol: number, asked: Share, answer: Share,
    durationUs: number, roundTripUs: number, verdicts: number, at = this.startUs(durationUs + roundTripUs), goesOn = false,
  ): void {
    const state = goesOn ? 'continuing' : protocol === 6 ? 'end' : 'new';
    const flags = protocol !== 6 ? 0 : goesOn ? ACK | 8 : WHOLE_CONVERSATION;
    // the side that is recorded sees its peer's answer a round trip later if it asked, its own almost at once if not
    const delay = opening === 'out' ? roundTripUs : 20 + this.logNormal(60, 0.5);
    this.row(eni, opening, sourcePort, port, protocol, asked, at, at + durationUs, flags, verdicts, 'src', state);
    this.row(eni, opening === 'in' ? 'out' : 'in', port, sourcePort, protocol, answer, at + delay, at + durationUs + (durationUs === 0 ? delay : Math.round(roundTripUs * this.random())), flags, verdicts + 1, 'dst', state, true);
  }

  private row(
    eni: Eni, direction: 'in' | 'out', sourcePort: number, destinationPort: number, protocol: number, share: Share, firstUs: number, lastUs: number,
    flags: number, verdicts: number, initiator: (typeof INITIATORS)[number], state: (typeof FLOW_STATES)[number], turned = false,
  ): void {
    const { records } = this;
    const row = records.add();
    const end = records.windowEnd * 1e6 - 1;
    records.eni[row] = eni.index;
    records.verdict[row] = verdicts;
    records.source.set(turned ? this.destination : this.source, row * 4);
    records.destination.set(turned ? this.source : this.destination, row * 4);
    records.sourcePort[row] = sourcePort;
    records.destinationPort[row] = destinationPort;
    records.protocol[row] = protocol;
    records.direction[row] = DIRECTIONS.indexOf(direction);
    records.packets[row] = share.packets;
    records.bytes[row] = share.bytes;
    records.firstSeenUs[row] = Math.min(firstUs, end);
    records.lastSeenUs[row] = Math.max(records.firstSeenUs[row]!, Math.min(lastUs, end));
    records.tcpFlags[row] = flags;
    records.icmp[row] = protocol === 1 ? (initiator === 'src' ? 8 << 8 : 0) : NONE;
    records.initiator[row] = INITIATORS.indexOf(initiator);
    records.flowState[row] = FLOW_STATES.indexOf(state);
    records.status[row] = STATUS_OK;
    records.skippedPackets[row] = NONE;
  }

  /** So that it ends in the window. */
  private startUs(durationUs: number): number {
    const span = Math.max(1, WINDOW_SECONDS * 1e6 - durationUs);
    return this.records.windowStart * 1e6 + this.below(span);
  }

  private client(): void {
    const client = Math.floor(CLIENTS * this.random() ** (1 / (1 - CLIENT_EXPONENT)));
    const scattered = Math.imul(client + 1, 0x9e3779b1);
    if (client % 20 === 0) {
      this.source.set([0x2001_0db8, ((scattered >>> 20) << 8), Math.imul(scattered, 0x85ebca6b), Math.imul(scattered ^ 0x5bd1e995, 0xc2b2ae35)]);
    } else {
      // 11.0.0.0 to 218.255.255.255, scattered
      this.host(this.source, ((11 + ((scattered >>> 24) % 208)) << 24) | (scattered & 0xff_ffff));
    }
  }

  /** The ENI as the destination, in its client's family. */
  private server({ address }: Eni): void {
    if (this.source[2] === MAPPED && this.source[0] === 0) this.host(this.destination, address);
    else this.destination.set([0x2001_0db8, 0x00aa_0000, 0, address & 0xffff]);
  }

  private host(words: Int32Array, address: number): void {
    words.set([0, 0, MAPPED, address]);
  }

  private eni(tier: Tier): Eni {
    const ofTier = ENIS.filter((eni) => eni.tier === tier);
    return ofTier[this.below(ofTier.length)]!;
  }

  private clientPort(): number {
    const dice = this.random();
    return dice < 0.4 ? 32_768 + this.below(28_232) : dice < 0.8 ? 49_152 + this.below(16_384) : 1024 + this.below(64_512);
  }

  /** Whole, 1 or more. */
  private logNormal(median: number, sigma: number): number {
    const normal = Math.sqrt(-2 * Math.log(1 - this.random())) * Math.cos(2 * Math.PI * this.random());
    return Math.max(1, Math.round(median * Math.exp(sigma * normal)));
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  private one(values: readonly number[]): number {
    return values[this.below(values.length)]!;
  }
}

/** What the agent says at the end of a window. */
export function sealsOf(records: Records): Seal[] {
  return FLOW_CONTEXT.enis.map(({ eniId }, eni) => {
    const sums = { records: 0, packets: 0, bytes: 0 };
    for (let row = 0; row < records.count; row++) {
      if (records.eni[row] !== eni) continue;
      sums.records++;
      sums.packets += records.packets[row]!;
      sums.bytes += records.bytes[row]!;
    }
    return {
      agentId: FLOW_CONTEXT.agentId, eniId, windowStart: records.windowStart, windowSeconds: records.windowEnd - records.windowStart, ...sums,
      packetsSeen: sums.packets, filteredPackets: 0, nonIpPackets: 0, undecodable: {}, latePackets: 0, overflowPackets: 0, droppedRecords: 0, droppedPackets: 0, ringDrops: 0, gapPackets: 0,
      trafficType: 'All', revision: 7, partial: false,
    };
  });
}
