import type { RuleDocument } from '../../api/answers.ts';
import { pathOf } from '../../state/address.ts';
import { Badge } from '../../ui/badge.tsx';
import { counted, numberText } from '../../ui/numbers.ts';
import { Table } from '../../ui/table.tsx';
import { Text, visible } from '../../ui/text.tsx';
import { Age } from '../../ui/time.tsx';
import type { EvaluatedRule } from './rule-evaluation.ts';
import type { GroupHits } from './rule-hits.ts';

/** What a line of the table is: a rule or the inner access, or what holds where none matches. */
interface Line { readonly place: number; readonly rule: EvaluatedRule | null }

export function RuleTable({ title, rules, hits, byDefault, recordsOf }: { title: string; rules: readonly EvaluatedRule[]; hits: GroupHits | null; byDefault: 'ACCEPT' | 'REJECT'; recordsOf: (ruleId: string | null, isReply: boolean) => string }) {
  const lines: Line[] = [...rules.map((rule, at) => ({ place: at + 1, rule })), { place: rules.length + 1, rule: null }];
  const hitsOf = ({ rule }: Line) => (rule ? hits?.rules.get(rule.document?.['rule-id'] ?? null) ?? null : null);
  const isHit = (line: Line): boolean => Number(hitsOf(line)?.packets ?? 0) > 0;
  const packets = (line: Line, which: 'packets' | 'replies') => {
    if (!line.rule || !hits) return <span class="muted">–</span>;
    const count = hitsOf(line)?.[which] ?? 0;
    return Number(count) === 0 ? '0' : <a href={recordsOf(line.rule.document?.['rule-id'] ?? null, which === 'replies')} title="Their records">{numberText(count)}</a>;
  };
  return (
    <section class="stack" aria-label={`${title} rules`}>
      <h2>{title} <span class="muted">{counted(rules.filter(({ document }) => document).length, 'rule')}</span></h2>
      <Table asCards label={`${title} rules`} rows={lines} rowKey={({ place }) => String(place)} empty=""
        rowClass={(line) => (line.rule === null ? 'default' : line.rule.idle ? 'dead' : hits && !isHit(line) ? 'idle' : undefined)}
        columns={[
          { key: 'place', title: '#', isNumber: true, cell: ({ place, rule }) => (rule ? place : '') },
          { key: 'priority', title: 'Priority', isNumber: true, cell: ({ rule }) => rule?.document?.priority ?? '' },
          { key: 'policy', title: 'Policy', cell: ({ rule }) => (rule ? <Badge word={rule.document?.policy ?? 'accept'} /> : <Badge word={byDefault} text={byDefault === 'ACCEPT' ? 'accept' : 'drop'} />) },
          {
            key: 'rule', title: 'Rule', width: 'remarked',
            cell: (line) => <>{line.rule === null ? 'no rule matches' : line.rule.document ? <Text value={line.rule.document['rule-id']} mono /> : 'inner access'}<Remark rule={line.rule} isHit={isHit(line)} isAsked={hits !== null} /></>,
          },
          { key: 'protocol', title: 'Protocol', cell: ({ rule }) => rule?.document?.protocol ?? 'all' },
          { key: 'ports', title: 'Ports', isNumber: true, cell: ({ rule }) => portsText(rule?.document ?? null) },
          { key: 'peer', title: 'Peer', cell: ({ rule }) => (rule === null ? 'any' : rule.document ? <Peer rule={rule.document} /> : 'members of this group') },
          { key: 'packets', title: 'Packets', hint: 'That it decided itself', isNumber: true, cell: (line) => packets(line, 'packets') },
          { key: 'replies', title: 'Replies', hint: 'Of connections that it opened, the other way', isNumber: true, cell: (line) => packets(line, 'replies') },
          { key: 'last', title: 'Last hit', cell: (line) => <Age at={hitsOf(line)?.last ?? null} /> },
        ]} />
    </section>
  );
}

/** Only what is certain: why it cannot decide, or that it has not in these records. */
function Remark({ rule, isHit, isAsked }: { rule: EvaluatedRule | null; isHit: boolean; isAsked: boolean }) {
  if (rule === null) return null;
  if (rule.idle === 'no-peer') return <span class="below">matches nobody now: its peer has no addresses</span>;
  if (rule.idle) {
    const by = rule.idle.shadowedBy.document;
    return <span class="below">never decides: <strong>{by ? visible(by['rule-id']) : 'inner access'}</strong>{by && rule.document && by.policy !== rule.document.policy ? `, which says ${by.policy},` : ''} matches all of it before</span>;
  }
  return isAsked && !isHit ? <span class="below">no hit in these records</span> : null;
}

function portsText(rule: RuleDocument | null): string {
  if (!rule) return 'any';
  const source = rangeText(rule['source-port-range']);
  return `${rangeText(rule['port-range']) ?? 'any'}${source === null ? '' : ` from ${source}`}`;
}

/** `22/22` is 22, `8000/8999` is 8000–8999; null: not named. */
function rangeText(range: string | undefined): string | null {
  if (range === undefined || range === '-1/-1') return null;
  const [from, to] = range.split('/');
  return from === to ? from! : `${from}–${to}`;
}

function Peer({ rule }: { rule: RuleDocument }) {
  if (rule['security-group'] !== undefined) return <a href={pathOf('network', 'security-groups', rule['security-group'])}><Text value={rule['security-group']} mono /></a>;
  if (rule['prefix-list'] !== undefined) return <><Text value={rule['prefix-list']} mono /> <span class="muted">prefix list</span></>;
  return <Text value={rule.cidr} mono />;
}
