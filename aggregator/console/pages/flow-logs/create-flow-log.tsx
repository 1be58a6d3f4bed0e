import { useSignal } from '@preact/signals';
import type { Authorization, LogStore } from '../../api/answers.ts';
import { ApiProblem, request } from '../../api/client.ts';
import { useLoaded } from '../../api/loaded.ts';
import { Choice } from '../../ui/choice.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Notice, ProblemNotice } from '../../ui/notice.tsx';
import { counted } from '../../ui/numbers.ts';
import { Picker } from '../../ui/picker.tsx';
import { visible } from '../../ui/text.tsx';
import { FlowLogForm, type FlowLogSettings, type NewLogStore } from './flow-log-form.tsx';
import { loadResources, type ResourceType, type Resources } from './flow-log-resources.ts';
import { makeLogStore, useRepeatablePost } from './repeatable-post.ts';

interface Prerequisites {
  readonly resources: Resources;
  readonly logStores: readonly LogStore[];
  readonly authorization: Authorization;
}

/** Everything that a flow log needs, in one panel: the account's authorization, the LogStore, and itself. */
export function CreateFlowLog({ onClose, onCreated }: { onClose: () => void; onCreated: () => void }) {
  const { value, problem, reload } = useLoaded(async (signal): Promise<Prerequisites> => {
    const [resources, { logstores }, authorization] = await Promise.all([
      loadResources(signal), request<{ logstores: readonly LogStore[] }>('GET', '/v1/logstores', { signal }), request<Authorization>('GET', '/v1/authorization', { signal }),
    ]);
    return { resources, logStores: logstores, authorization };
  }, []);
  return (
    <Dialog title="Create flow log" onClose={onClose} side>
      {problem && <ProblemNotice problem={problem} onRetry={reload} />}
      {!value && !problem && <p class="muted">Loading what can be recorded …</p>}
      {value && !value.authorization.authorized && <AuthorizationStep account={value.authorization['account-id']} onAuthorized={reload} />}
      {value?.authorization.authorized && <NewFlowLog {...value} onClose={onClose} onCreated={onCreated} />}
    </Dialog>
  );
}

/** Once for an account, before its first flow log. */
function AuthorizationStep({ account, onAuthorized }: { account: string; onAuthorized: () => void }) {
  const problem = useSignal<ApiProblem | null>(null);
  const authorize = (): void => {
    request('PUT', '/v1/authorization').then(onAuthorized, (error: unknown) => {
      if (!(error instanceof ApiProblem)) throw error;
      problem.value = error;
    });
  };
  return (
    <>
      <Notice kind="info" title="First, the account's authorization">
        <p>Flow logs of the account <bdi class="mono">{visible(account)}</bdi> write records of its traffic to LogStores. Allow that once; it can be withdrawn at any time.</p>
      </Notice>
      {problem.value && <ProblemNotice problem={problem.value} />}
      <div class="actions"><button type="button" class="primary" onClick={authorize}>Authorize</button></div>
    </>
  );
}

function NewFlowLog({ resources, logStores, onClose, onCreated }: Prerequisites & { onClose: () => void; onCreated: () => void }) {
  const resourceType = useSignal<ResourceType>('VPC');
  const resourceId = useSignal('');
  const post = useRepeatablePost();
  const options = resources[resourceType.value];
  const chosen = options.find(({ id }) => id === resourceId.value);
  const create = async ({ name, description, ...settings }: FlowLogSettings, newLogStore: NewLogStore | null): Promise<void> => {
    if (newLogStore) await makeLogStore(post, newLogStore);
    await post('/v1/flow-logs', {
      ...(name === '' ? {} : { name }), ...(description === '' ? {} : { description }), 'resource-type': resourceType.value, 'resource-id': resourceId.value, ...settings,
    });
    onCreated();
  };
  return (
    <FlowLogForm
      before={{ 'name': '', 'description': '', 'traffic-type': 'All', 'window': '600s', 'logstore': logStores[0]?.name ?? '', 'analysis-report': true }}
      logStores={logStores} action="Create" canSubmit={resourceId.value !== ''} onSubmit={create} onClose={onClose}
    >
      <Choice label="Resource type" value={resourceType.value} options={[['ENI', 'ENI'], ['VSwitch', 'VSwitch'], ['VPC', 'VPC']]} onChange={(value) => { resourceType.value = value; resourceId.value = ''; }} />
      <Picker label={resourceType.value} options={options} value={resourceId.value} onChange={(id) => { resourceId.value = id; }}
        hint={chosen ? coverage(resourceType.value, chosen.enis) : options.length === 0 ? `The inventory has no ${resourceType.value} yet: weir apply -f vpc.yaml` : `${counted(options.length, resourceType.value, resourceType.value === 'VSwitch' ? 'VSwitches' : undefined)} to choose from`} />
    </FlowLogForm>
  );
}

function coverage(type: ResourceType, enis: number): string {
  if (type === 'ENI') return 'Covers this ENI';
  return `Covers ${counted(enis, 'ENI')} now, and those that join later`;
}
