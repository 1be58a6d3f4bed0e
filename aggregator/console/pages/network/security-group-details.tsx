import { useMemo } from 'preact/hooks';
import type { LogStore, SecurityGroup } from '../../api/answers.ts';
import { request } from '../../api/client.ts';
import { useLoaded } from '../../api/loaded.ts';
import { addressOf, parameter, setParameters } from '../../state/address.ts';
import { CompletenessMark } from '../../ui/completeness-mark.tsx';
import { Facts } from '../../ui/facts.tsx';
import { Notice, ProblemNotice } from '../../ui/notice.tsx';
import { numberText } from '../../ui/numbers.ts';
import { PageHead } from '../../ui/page-head.tsx';
import { Text, visible } from '../../ui/text.tsx';
import { TimeField } from '../../ui/time-field.tsx';
import { addressRange, DEFAULT_FROM } from '../../ui/time-range.ts';
import { termOf } from '../explorer/query-terms.ts';
import { explorerAddress } from '../explorer/question.ts';
import type { Inventory } from './inventory.ts';
import { evaluatedRules } from './rule-evaluation.ts';
import { groupHits } from './rule-hits.ts';
import { RuleTable } from './rule-table.tsx';

export function SecurityGroupDetails({ inventory, id }: { inventory: Inventory; id: string }) {
  const group = inventory.groups.find((known) => known['security-group-id'] === id);
  if (!group) return <Notice kind="warning" title="There is no such security group"><a href="/network/security-groups">All security groups</a></Notice>;
  return <Details inventory={inventory} group={group} />;
}

function Details({ inventory, group }: { inventory: Inventory; group: SecurityGroup }) {
  const id = group['security-group-id'];
  const logStores = useLoaded((signal) => request<{ logstores: readonly LogStore[] }>('GET', '/v1/logstores', { signal }), []);
  // others may not be asked
  const known = (logStores.value?.logstores ?? []).filter(({ search }) => search);
  const logStore = known.find(({ name }) => name === parameter('logstore'))?.name ?? known.find(({ windows }) => windows > 0)?.name ?? null;
  const from = parameter('from');
  const to = parameter('to');
  const hits = useLoaded(async (signal) => (logStore === null ? null : groupHits({ logStore, groupId: id, ...addressRange(), signal })), [logStore, id, from, to]);
  const [ingress, egress] = useMemo(() => [evaluatedRules(inventory, group, 'ingress'), evaluatedRules(inventory, group, 'egress')], [inventory, group]);
  const recordsOf = (ruleId: string | null, isReply: boolean): string => explorerAddress({
    logStore: logStore ?? '', from: from ?? DEFAULT_FROM, to,
    query: [termOf('sg-id', id), termOf('rule-id', ruleId), isReply ? 'rule-reason:established' : 'not rule-reason:established'].filter((term) => term !== null).join(' '),
  });
  const members = inventory.enis.filter((eni) => eni['security-groups']?.includes(id)).length;
  return (
    <div class="stack rules">
      <PageHead above={<a href="/network/security-groups">Security groups</a>} title={<Text value={group.name ?? id} />}>
        <label>
          <span class="unseen">Hits in the records of</span>
          <select value={logStore ?? ''} onChange={(event) => setParameters({ logstore: event.currentTarget.value }, {})}>
            {logStore === null && <option value="" disabled>no records to search</option>}
            {known.map(({ name }) => <option key={name} value={name}>{visible(name)}</option>)}
          </select>
        </label>
        <TimeField />
      </PageHead>
      <Facts facts={[
        ['Id', <Text value={id} mono />],
        ['Type', group.type],
        ['Between members', group['inner-access'] === 'accept' ? 'accepted' : 'as the rules say'],
        ['VPC', <Text value={group['vpc-id']} mono />],
        ['ENIs', <a href={addressOf('/network/enis', { q: id })}>{numberText(members)}</a>],
        ['Records of the range', <CompletenessMark summary={hits.value?.completeness ?? null} />],
      ]} />
      {hits.problem && <ProblemNotice problem={hits.problem} onRetry={hits.reload} />}
      <p class="muted">In the order in which they are looked at: by priority, drop before accept, then as listed; the first that matches a new connection decides. Of an ENI with several groups, the rules of all of them are one list.</p>
      <RuleTable title="Ingress" rules={ingress} hits={hits.value} byDefault="REJECT" recordsOf={recordsOf} />
      <RuleTable title="Egress" rules={egress} hits={hits.value} byDefault={group.type === 'basic' ? 'ACCEPT' : 'REJECT'} recordsOf={recordsOf} />
    </div>
  );
}
