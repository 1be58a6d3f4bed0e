import { useComputed } from '@preact/signals';
import type { FlowLog, FlowLogList as Answer } from '../../api/answers.ts';
import { listAll, request } from '../../api/client.ts';
import { useLoaded } from '../../api/loaded.ts';
import { addressOf, parameter, pathOf, setParameters } from '../../state/address.ts';
import { mayChange } from '../../state/session.ts';
import { useShortcut } from '../../state/shortcuts.ts';
import { Badge } from '../../ui/badge.tsx';
import { CompletenessMark } from '../../ui/completeness-mark.tsx';
import { Notice, ProblemNotice } from '../../ui/notice.tsx';
import { windowText } from '../../ui/numbers.ts';
import { PageHead } from '../../ui/page-head.tsx';
import { matches, SearchField } from '../../ui/search-field.tsx';
import { Table, type Column } from '../../ui/table.tsx';
import { Text } from '../../ui/text.tsx';
import { CreateFlowLog } from './create-flow-log.tsx';
import { FlowLogActions } from './flow-log-actions.tsx';
import { LastRecord } from './last-record.tsx';
import { storeStates, type StoreState } from './store-state.ts';

export function FlowLogList() {
  const { value, problem, reload } = useLoaded(async (signal) => {
    const [flowLogs, { quota, used }] = await Promise.all([
      listAll<FlowLog>('/v1/flow-logs', 'flow-logs', { signal }), request<Answer>('GET', '/v1/flow-logs', { parameters: { limit: 1 }, signal }),
    ]);
    return { flowLogs, quota, used };
  }, []);
  const states = useLoaded(async (signal) => (value ? storeStates(value.flowLogs, signal) : new Map<string, StoreState>()), [value]);
  const isCreating = useComputed(() => parameter('panel') === 'create');
  const create = (): void => setParameters({ panel: 'create' }, {});
  useShortcut('n', 'Create a flow log', () => { if (mayChange.value) create(); });
  if (problem && !value) return <ProblemNotice problem={problem} onRetry={reload} />;
  const flowLogs = value?.flowLogs ?? [];
  const shown = flowLogs.filter((flowLog) => matches(parameter('q'), [flowLog.name, flowLog['flow-log-id'], flowLog['resource-id'], flowLog.logstore, flowLog.description]));
  const isFull = value !== null && value.used >= value.quota;
  return (
    <>
      <PageHead title="Flow logs">
        {value && <span class="quota">{value.used} of {value.quota} used</span>}
        <SearchField label="Search flow logs" />
        <button type="button" onClick={reload}>Refresh</button>
        {mayChange.value && <button type="button" class="primary" onClick={create} disabled={isFull} title={isFull ? 'As many as there may be: delete one first' : undefined}>Create flow log</button>}
      </PageHead>
      {problem && <ProblemNotice problem={problem} onRetry={reload} />}
      {value && <Table asCards label="Flow logs" columns={columns(states.value, reload)} rows={shown} rowKey={(flowLog) => flowLog['flow-log-id']}
        rowClass={({ status }) => (status === 'Inactive' ? 'inactive' : undefined)}
        empty={flowLogs.length === 0 ? <>No flow logs yet. {mayChange.value && <button type="button" onClick={create}>Create the first one</button>}</> : 'No flow log has this in its name, id, resource, LogStore or description.'} />}
      {states.problem && <ProblemNotice problem={states.problem} onRetry={states.reload} />}
      {isCreating.value && !mayChange.value && <Notice kind="warning" title="Flow logs are created with an admin token">Yours may look only.</Notice>}
      {isCreating.value && mayChange.value && <CreateFlowLog onClose={() => setParameters({ panel: null })} onCreated={() => { setParameters({ panel: null }); reload(); }} />}
    </>
  );
}

function columns(states: ReadonlyMap<string, StoreState> | null, onChanged: () => void): Column<FlowLog>[] {
  return [
    { key: 'name', title: 'Name', cell: (flowLog) => <><a href={pathOf('flow-logs', flowLog['flow-log-id'])}><Text value={flowLog.name} /></a>{flowLog.name !== flowLog['flow-log-id'] && <span class="below"><Text value={flowLog['flow-log-id']} mono /></span>}</> },
    { key: 'resource', title: 'Resource', cell: (flowLog) => <><Text value={flowLog['resource-id']} mono /><span class="below">{flowLog['resource-type']}, {flowLog.enis} {flowLog.enis === 1 ? 'ENI' : 'ENIs'}</span></> },
    { key: 'traffic', title: 'Traffic', cell: (flowLog) => flowLog['traffic-type'] },
    { key: 'logstore', title: 'LogStore', width: 'narrow', cell: ({ logstore }) => <a href={addressOf('/explorer', { logstore })} title="Search it"><Text value={logstore} /></a> },
    { key: 'window', title: 'Window', isNumber: true, cell: (flowLog) => windowText(flowLog.window) },
    { key: 'status', title: 'Status', cell: ({ status }) => <Badge word={status} /> },
    { key: 'last', title: 'Last record', hint: 'In the last 24 hours', cell: (flowLog) => <LastRecord flowLog={flowLog} state={states?.get(flowLog.logstore) ?? null} /> },
    { key: 'complete', title: 'Last day', hint: 'How complete its LogStore is, the last 24 hours', cell: ({ logstore }) => <a class="plain" href={addressOf('/completeness', { logstore })}><CompletenessMark summary={states?.get(logstore)?.lastDay ?? null} /></a> },
    { key: 'actions', title: 'Actions', isActions: true, cell: (flowLog) => <FlowLogActions flowLog={flowLog} onDone={onChanged} /> },
  ];
}
