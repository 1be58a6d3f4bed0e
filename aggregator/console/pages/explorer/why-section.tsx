import { useSignal } from '@preact/signals';
import { request } from '../../api/client.ts';
import { useLoaded } from '../../api/loaded.ts';
import { mayChange } from '../../state/session.ts';
import { Badge } from '../../ui/badge.tsx';
import { Notice, ProblemNotice } from '../../ui/notice.tsx';
import { counted } from '../../ui/numbers.ts';
import { Table } from '../../ui/table.tsx';
import { Text } from '../../ui/text.tsx';
import type { FlowRecord } from './question.ts';
import { agrees, closeRules, judge, type JudgedRule, type Judgement, type RuleSetDocument } from './why.ts';

const kept = new Map<number, Promise<RuleSetDocument>>();
const MAX_KEPT = 4;

/** Revisions never change. */
function ruleSet(revision: number): Promise<RuleSetDocument> {
  let document = kept.get(revision);
  if (!document) {
    if (kept.size >= MAX_KEPT) kept.clear();
    document = request<RuleSetDocument>('GET', `/v1/rule-sets/${revision}`);
    kept.set(revision, document);
    document.catch(() => kept.delete(revision));
  }
  return document;
}

/** The rule that decided about a record, and those that nearly did. */
export function WhySection({ record }: { record: FlowRecord }) {
  const revision = record['ruleset-rev'];
  const { value, problem } = useLoaded(async (signal) => {
    if (!mayChange.value || typeof revision !== 'number' || revision < 1) return null;
    const { 'rule-sets': [newest] } = await request<{ 'rule-sets': readonly { readonly revision: number }[] }>('GET', '/v1/rule-sets', { parameters: { limit: 1 }, signal });
    if (revision > (newest?.revision ?? 0)) return { judgement: null };
    const judged = judge(record, await ruleSet(revision));
    return { judgement: agrees(record, judged) ? judged : null };
  }, [record, revision]);
  const judgement = value?.judgement ?? null;
  return (
    <section class="stack why">
      <h3>Why</h3>
      <p>{reasonText(record, judgement)}</p>
      {problem && <ProblemNotice problem={problem} />}
      {judgement && <Rules record={record} judgement={judgement} />}
      {!mayChange.value && <p class="muted">Signed in with an admin token, one sees the rules as they were, and those that came close.</p>}
      {mayChange.value && value && !judgement && <Notice kind="info" title="The rules that decided are not known here">The record comes from an agent with rules of its own, or from a capture that was replayed.</Notice>}
    </section>
  );
}

function reasonText(record: FlowRecord, judgement: Judgement | null) {
  const did = record['action'] === 'ACCEPT' ? 'accepted' : 'rejected';
  const rule = <><Text value={record['rule-id'] as string} mono /> of group <Text value={record['sg-id'] as string} mono /></>;
  const at = typeof record['ruleset-rev'] === 'number' ? `, revision ${record['ruleset-rev']} of the rules` : '';
  switch (record['rule-reason']) {
    case 'rule': return <>Rule {rule} {did} it{at}.</>;
    case 'established': return record['rule-id'] ? <>It belongs to a connection that rule {rule} had accepted{at}.</> : <>It belongs to a connection that had been accepted{at}.</>;
    case 'intra-group': return <>Both ends are members of group <Text value={record['sg-id'] as string} mono />, whose members may reach each other{at}.</>;
    case 'default': return <>No rule matched{judgement ? ` of ${counted(judgement.rules.length, 'rule')} for ${judgement.direction}` : ''}, so the default {did} it{at}.</>;
    case 'no-group': return <>The ENI had no security group, so nothing was rejected.</>;
    default: return <>The record names no reason.</>;
  }
}

function Rules({ record, judgement }: { record: FlowRecord; judgement: Judgement }) {
  const showsAll = useSignal(false);
  const { rules, decider, named } = judgement;
  const isEstablished = record['rule-reason'] === 'established';
  const deciders = isEstablished ? (named ? [named] : []) : decider ? [decider] : [];
  const close = closeRules(judgement).filter((rule) => !deciders.includes(rule));
  return (
    <>
      {deciders.length > 0 && <RuleTable label={isEstablished ? 'The rule that opened the connection' : 'The rule that decided'} rules={deciders} judgement={judgement} isOpener={isEstablished} />}
      {isEstablished && <p class="muted">The rules below say what a new connection like this would meet; packets of an accepted connection do not ask them.</p>}
      <h4>{close.length === 0 ? 'No other rule came close' : 'Rules that came close'}</h4>
      {close.length > 0 && <RuleTable label="Rules that came close" rules={close} judgement={judgement} />}
      {rules.length > 0 && (
        <p><button type="button" class="small" aria-expanded={showsAll.value} onClick={() => { showsAll.value = !showsAll.value; }}>{showsAll.value ? 'Hide' : `Show all ${counted(rules.length, 'rule')} for ${judgement.direction}`}</button></p>
      )}
      {showsAll.value && <RuleTable label="All rules in the order of evaluation" rules={rules} judgement={judgement} />}
    </>
  );
}

function RuleTable({ label, rules, judgement, isOpener = false }: { label: string; rules: readonly JudgedRule[]; judgement: Judgement; isOpener?: boolean }) {
  return (
    <Table
      asCards label={label} rows={rules} rowKey={({ place, ruleId, sgId }) => `${place} ${sgId} ${ruleId}`} empty="None." rowClass={({ isDecider }) => (isDecider && !isOpener ? 'this' : undefined)}
      columns={[
        { key: 'rule', title: 'Rule', cell: ({ ruleId, sgId }) => <><Text value={ruleId ?? 'inner access'} mono /><span class="below"><Text value={sgId} mono /></span></> },
        { key: 'outcome', title: 'Match', cell: (rule) => <Outcome rule={rule} judgement={judgement} isOpener={isOpener} /> },
        { key: 'policy', title: 'Policy', cell: ({ policy }) => <Badge word={policy} /> },
        { key: 'priority', title: 'Priority', isNumber: true, cell: ({ priority, place }) => <span title={`looked at as number ${place}`}>{priority ?? '–'}</span> },
        { key: 'peer', title: 'Peer', cell: (rule) => <Part rule={rule} part="peer" text={rule.peer} /> },
        { key: 'protocol', title: 'Protocol', cell: (rule) => <Part rule={rule} part="protocol" text={rule.protocol} /> },
        { key: 'ports', title: 'Ports', cell: (rule) => <Part rule={rule} part="destination port" text={rule.ports} /> },
      ]}
    />
  );
}

function Outcome({ rule, judgement: { decider }, isOpener }: { rule: JudgedRule; judgement: Judgement; isOpener: boolean }) {
  if (isOpener) return <strong>opened it</strong>;
  if (rule.isDecider) return <strong>decides</strong>;
  if (rule.mismatches.length > 0) return <span class="mismatch">not: {rule.mismatches.join(', ')}</span>;
  const isPriority = decider !== null && decider.priority !== rule.priority;
  return <span>matches, but comes later{isPriority ? ': priority' : ''}</span>;
}

function Part({ rule, part, text }: { rule: JudgedRule; part: string; text: string }) {
  const isWrong = rule.mismatches.some((mismatch) => mismatch === part || (part === 'destination port' && mismatch === 'source port'));
  return <span class={isWrong ? 'mismatch' : undefined}><Text value={text} mono />{isWrong && <span class="unseen"> does not match</span>}</span>;
}
