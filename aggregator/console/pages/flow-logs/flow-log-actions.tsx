import { useSignal } from '@preact/signals';
import type { FlowLog } from '../../api/answers.ts';
import { request } from '../../api/client.ts';
import { parameter, setParameters } from '../../state/address.ts';
import { mayChange } from '../../state/session.ts';
import { Confirmation } from '../../ui/confirmation.tsx';
import { visible } from '../../ui/text.tsx';
import { EditFlowLog } from './edit-flow-log.tsx';

type Verb = 'enable' | 'disable' | 'delete';

/** Edit, enable or disable, and delete; what takes away asks first. Which one is edited stands in the address. */
export function FlowLogActions({ flowLog, onDone }: { flowLog: FlowLog; onDone: (verb: Verb | 'edit') => void }) {
  const asked = useSignal<Verb | null>(null);
  const { 'flow-log-id': id, name, status, logstore } = flowLog;
  if (!mayChange.value) return null;
  const path = `/v1/flow-logs/${encodeURIComponent(id)}`;
  const perform = async (verb: Verb): Promise<void> => {
    await (verb === 'delete' ? request('DELETE', path) : request('POST', `${path}/${verb}`));
    asked.value = null;
    onDone(verb);
  };
  const isActive = status === 'Active';
  const shown = visible(name);
  return (
    <div class="row">
      <button type="button" class="small" aria-label={`Edit ${shown}`} onClick={() => setParameters({ edit: id }, {})}>Edit</button>
      <button type="button" class="small" aria-label={`${isActive ? 'Disable' : 'Enable'} ${shown}`} onClick={() => { asked.value = isActive ? 'disable' : 'enable'; }}>{isActive ? 'Disable' : 'Enable'}</button>
      <button type="button" class="small quiet" aria-label={`Delete ${shown}`} onClick={() => { asked.value = 'delete'; }}>Delete</button>
      {parameter('edit') === id && <EditFlowLog flowLog={flowLog} onClose={() => setParameters({ edit: null })} onSaved={() => { setParameters({ edit: null }); onDone('edit'); }} />}
      {asked.value === 'enable' && (
        <Confirmation title={`Enable ${shown}?`} action="Enable" onConfirm={() => perform('enable')} onClose={() => { asked.value = null; }}>
          <p>Its agents record again within seconds, into <bdi>{visible(logstore)}</bdi>. The window that runs now is partial.</p>
        </Confirmation>
      )}
      {asked.value === 'disable' && (
        <Confirmation title={`Disable ${shown}?`} action="Disable" onConfirm={() => perform('disable')} onClose={() => { asked.value = null; }}>
          <p>Its agents stop recording for it within seconds. What was recorded stays, and it can be enabled again.</p>
        </Confirmation>
      )}
      {asked.value === 'delete' && (
        <Confirmation title={`Delete ${shown}?`} action="Delete" isDangerous onConfirm={() => perform('delete')} onClose={() => { asked.value = null; }}>
          <p>Nothing is recorded for it any more. Its records stay in <bdi>{visible(logstore)}</bdi>; the flow log itself cannot be brought back.</p>
          <p class="muted mono">{visible(id)}</p>
        </Confirmation>
      )}
    </div>
  );
}
