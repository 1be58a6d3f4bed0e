import type { FlowLog, LogStore } from '../../api/answers.ts';
import { request } from '../../api/client.ts';
import { useLoaded } from '../../api/loaded.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { Facts } from '../../ui/facts.tsx';
import { ProblemNotice } from '../../ui/notice.tsx';
import { counted } from '../../ui/numbers.ts';
import { Text } from '../../ui/text.tsx';
import { FlowLogForm, type FlowLogSettings, type NewLogStore } from './flow-log-form.tsx';
import { makeLogStore, useRepeatablePost } from './repeatable-post.ts';

const SETTINGS = ['name', 'description', 'traffic-type', 'window', 'logstore', 'analysis-report'] as const;

/** All that may be changed of a flow log; what it is about may not. Only what is another is sent. */
export function EditFlowLog({ flowLog, onClose, onSaved }: { flowLog: FlowLog; onClose: () => void; onSaved: () => void }) {
  const { value, problem, reload } = useLoaded((signal) => request<{ logstores: readonly LogStore[] }>('GET', '/v1/logstores', { signal }), []);
  const post = useRepeatablePost();
  const save = async (settings: FlowLogSettings, newLogStore: NewLogStore | null): Promise<void> => {
    const changes = Object.fromEntries(SETTINGS.filter((name) => settings[name] !== flowLog[name]).map((name) => [name, settings[name]]));
    if (newLogStore) await makeLogStore(post, newLogStore);
    if (Object.keys(changes).length > 0) await request('PATCH', `/v1/flow-logs/${encodeURIComponent(flowLog['flow-log-id'])}`, { body: changes });
    onSaved();
  };
  return (
    <Dialog title="Edit flow log" onClose={onClose} side>
      {problem && <ProblemNotice problem={problem} onRetry={reload} />}
      {!value && !problem && <p class="muted">Loading …</p>}
      {value && (
        <FlowLogForm before={flowLog} logStores={value.logstores} action="Save" onSubmit={save} onClose={onClose}>
          <Facts facts={[
            ['Resource', <>{flowLog['resource-type']} <Text value={flowLog['resource-id']} mono /></>],
            ['Covers', counted(flowLog.enis, 'ENI')],
          ]} />
          <p class="hint">Another traffic type, window or LogStore holds from the next window on; what was recorded stays where it is.</p>
        </FlowLogForm>
      )}
    </Dialog>
  );
}
