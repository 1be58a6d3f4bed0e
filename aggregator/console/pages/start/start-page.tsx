import { useEffect } from 'preact/hooks';
import { listAll, request } from '../../api/client.ts';
import { useLoaded } from '../../api/loaded.ts';
import type { Eni, FlowLogList, LogStore } from '../../api/answers.ts';
import { go } from '../../state/address.ts';
import { mayChange } from '../../state/session.ts';
import { ProblemNotice } from '../../ui/notice.tsx';
import { FirstSteps } from './first-steps.tsx';

/** Where there are records, the flow logs; before, the way to the first one. */
export default function StartPage() {
  const { value, problem, reload } = useLoaded(async (signal) => {
    const [{ logstores }, { used }] = await Promise.all([
      request<{ logstores: readonly LogStore[] }>('GET', '/v1/logstores', { signal }), request<FlowLogList>('GET', '/v1/flow-logs', { signal }),
    ]);
    const hasRecords = logstores.some(({ windows }) => windows > 0);
    const enis = hasRecords || !mayChange.value ? 0 : (await listAll<Eni>('/v1/enis', 'enis', { signal, parameters: { limit: 1 }, most: 1 })).length;
    return { hasRecords, hasFlowLogs: used > 0, hasEnis: enis > 0 };
  }, []);
  useEffect(() => {
    if (value?.hasRecords) go('/flow-logs', { replace: true });
  }, [value]);
  if (problem) return <ProblemNotice problem={problem} onRetry={reload} />;
  if (!value || value.hasRecords) return null;
  return <FirstSteps hasEnis={value.hasEnis} hasFlowLogs={value.hasFlowLogs} onReload={reload} />;
}
