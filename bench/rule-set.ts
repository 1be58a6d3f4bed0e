/** The topology of a benchmark: the four ENIs that the traces' servers stand behind, and any number of rules. */
import { SERVER_MACS, SERVER_PORTS } from './trace.ts';
import { seededRandom } from './random.ts';

const GROUPS = 4;
const SHARE_ACCEPTED = 0.8;

/**
 * YAML with `rules` rules over four groups, all of which hang on every ENI. Rules are for networks inside and outside
 * of the clients' 10.1.0.0/16 and for ports in use and others, so that most packets meet a rule and none meets the
 * same one.
 */
export function benchTopology(rules: number): string {
  const random = seededRandom(rules);
  const groups = SERVER_MACS.map((_, at) => `sg-${at}`).slice(0, GROUPS);
  const lines = ['security-groups:'];
  groups.forEach((group, at) => {
    lines.push(`  - security-group-id: ${group}`, '    type: basic', '    rules:');
    for (let rule = at; rule < rules; rule += groups.length) lines.push(`      - ${ruleLine(rule, random)}`);
  });
  lines.push('enis:');
  SERVER_MACS.forEach((mac, at) => {
    lines.push(`  - { eni-id: eni-${at}, vm-id: vm-${at}, mac: "${mac}", security-groups: [${groups.join(', ')}] }`);
  });
  return `${lines.join('\n')}\n`;
}

function ruleLine(rule: number, random: () => number): string {
  const pick = (limit: number): number => Math.floor(random() * limit);
  const policy = random() < SHARE_ACCEPTED ? 'accept' : 'drop';
  const protocol = ['tcp', 'udp', 'all'][pick(3)]!;
  const port = random() < 0.7 ? SERVER_PORTS[pick(SERVER_PORTS.length)]! : 1 + pick(60_000);
  const range = protocol === 'all' ? '-1/-1' : `${port}/${Math.min(65_535, port + (random() < 0.2 ? 1000 : 0))}`;
  const network = random() < 0.1 ? '2001:db8::/32' : `10.${random() < 0.7 ? 1 : pick(256)}.${pick(256)}.0/${[16, 20, 24, 24][pick(4)]}`;
  const cidr = network.startsWith('10.') ? network : `"${network}"`;
  return `{ rule-id: r-${rule}, direction: ingress, policy: ${policy}, protocol: ${protocol}, port-range: ${range}, cidr: ${cidr}, priority: ${1 + pick(100)} }`;
}
