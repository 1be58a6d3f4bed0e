import type { EniState, FlowLog } from '../../api/answers.ts';
import { listAll, request } from '../../api/client.ts';
import { useLoaded } from '../../api/loaded.ts';
import { loadGrid } from '../../completeness/grid-data.ts';
import { CompletenessGrid } from '../../completeness/completeness-grid.tsx';
import { go, parameter } from '../../state/address.ts';
import { Badge } from '../../ui/badge.tsx';
import { EniTable } from '../../ui/eni-table.tsx';
import { Facts } from '../../ui/facts.tsx';
import { ProblemNotice } from '../../ui/notice.tsx';
import { windowText } from '../../ui/numbers.ts';
import { PageHead } from '../../ui/page-head.tsx';
import { Text } from '../../ui/text.tsx';
import { TimeField } from '../../ui/time-field.tsx';
import { addressRange, DEFAULT_FROM } from '../../ui/time-range.ts';
import { Time } from '../../ui/time.tsx';
import { termOf } from '../explorer/query-terms.ts';
import { explorerAddress } from '../explorer/question.ts';
import { FlowLogActions } from './flow-log-actions.tsx';
import { LastRecord } from './last-record.tsx';
import { storeStates } from './store-state.ts';

export function FlowLogDetails({ id }: { id: string }) {
  const { value: flowLog, problem, reload } = useLoaded((signal) => request<FlowLog>('GET', `/v1/flow-logs/${encodeURIComponent(id)}`, { signal }), [id]);
  const state = useLoaded(async (signal) => (flowLog ? (await storeStates([flowLog], signal)).get(flowLog.logstore) ?? null : null), [flowLog]);
  if (!flowLog) return problem && <ProblemNotice problem={problem} onRetry={reload} />;
  return (
    <>
      <PageHead above={<a href="/flow-logs">Flow logs</a>} title={<Text value={flowLog.name} />}>
        <button type="button" onClick={reload}>Refresh</button>
        <FlowLogActions flowLog={flowLog} onDone={(verb) => { if (verb === 'delete') go('/flow-logs'); else reload(); }} />
      </PageHead>
      {problem && <ProblemNotice problem={problem} onRetry={reload} />}
      <Facts facts={[
        ['Status', <Badge word={flowLog.status} />],
        ['Id', <Text value={flowLog['flow-log-id']} mono />],
        ['Resource', <>{flowLog['resource-type']} <Text value={flowLog['resource-id']} mono /></>],
        ['Traffic', flowLog['traffic-type']],
        ['LogStore', <a href={explorerAddress({ logStore: flowLog.logstore, query: searchOf(flowLog), from: parameter('from') ?? DEFAULT_FROM, to: parameter('to') })} title="Search its records"><Text value={flowLog.logstore} /></a>],
        ['Window', windowText(flowLog.window)],
        ['Last record', <LastRecord flowLog={flowLog} state={state.value} />],
        ['Analysis report', flowLog['analysis-report'] ? 'on' : 'off'],
        ['Region', <Text value={flowLog.region} />],
        ['Created', <Time at={flowLog.created} />],
        ['Changed', <Time at={flowLog.updated} />],
        ['Description', <Text value={flowLog.description} />],
      ]} />
      <CoveredEnis flowLog={flowLog} />
    </>
  );
}

/** What finds its records in its LogStore. */
function searchOf(flowLog: FlowLog): string {
  const field = { ENI: 'eni-id', VSwitch: 'vswitch-id', VPC: 'vpc-id' }[flowLog['resource-type']];
  const action = { All: null, Allow: 'action:ACCEPT', Drop: 'action:REJECT' }[flowLog['traffic-type']];
  return [termOf(field, flowLog['resource-id']), action].filter((term) => term !== null).join(' ');
}

/** The ENIs that it covers: whether their windows are complete, and who watches them. */
function CoveredEnis({ flowLog }: { flowLog: FlowLog }) {
  const path = `/v1/flow-logs/${encodeURIComponent(flowLog['flow-log-id'])}/enis`;
  const enis = useLoaded((signal) => listAll<EniState>(path, 'enis', { signal }), [flowLog]);
  const from = parameter('from');
  const to = parameter('to');
  const grid = useLoaded((signal) => loadGrid({ logStore: flowLog.logstore, eni: null, ...addressRange(), signal }), [flowLog, from, to]);
  const covered = new Set(enis.value?.map((eni) => eni['eni-id']));
  return (
    <>
      <div class="page-head"><h2>Completeness</h2><TimeField /></div>
      {grid.problem && <ProblemNotice problem={grid.problem} onRetry={grid.reload} />}
      {grid.value && enis.value && <CompletenessGrid grid={{ ...grid.value, rows: grid.value.rows.filter(({ eniId }) => covered.has(eniId)) }} logStore={flowLog.logstore} />}
      <h2>ENIs</h2>
      {enis.problem && <ProblemNotice problem={enis.problem} onRetry={enis.reload} />}
      {enis.value && <EniTable enis={enis.value} />}
    </>
  );
}
