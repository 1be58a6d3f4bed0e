import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { Authorization, FlowLog, LogStore } from '../../api/answers.ts';
import { ApiProblem, request } from '../../api/client.ts';
import { useLoaded } from '../../api/loaded.ts';
import { Choice } from '../../ui/choice.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Notice, ProblemNotice } from '../../ui/notice.tsx';
import { counted } from '../../ui/numbers.ts';
import { Picker } from '../../ui/picker.tsx';
import { visible } from '../../ui/text.tsx';
import { loadResources, type ResourceType, type Resources } from './flow-log-resources.ts';

const NEW_LOGSTORE = '';

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
      {value?.authorization.authorized && <FlowLogForm {...value} onClose={onClose} onCreated={onCreated} />}
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

function FlowLogForm({ resources, logStores, onClose, onCreated }: Prerequisites & { onClose: () => void; onCreated: () => void }) {
  const form = useRef<HTMLFormElement>(null);
  const resourceType = useSignal<ResourceType>('VPC');
  const resourceId = useSignal('');
  const trafficType = useSignal<FlowLog['traffic-type']>('All');
  const window = useSignal<'60s' | '300s' | '600s'>('600s');
  const logStore = useSignal(logStores[0]?.name ?? NEW_LOGSTORE);
  const problem = useSignal<ApiProblem | null>(null);
  const isBusy = useSignal(false);
  const keys = useRef(new Map<string, string>());
  const options = resources[resourceType.value];
  const chosen = options.find(({ id }) => id === resourceId.value);

  /** The same has the same key: sent again, because an answer was lost on its way, it makes no second one. */
  const post = async (path: string, body: object): Promise<void> => {
    const what = `${path} ${JSON.stringify(body)}`;
    const key = keys.current.get(what) ?? crypto.getRandomValues(new Uint32Array(4)).join('-');
    keys.current.set(what, key);
    await request('POST', path, { body, headers: { 'idempotency-key': key } });
  };
  const create = async (): Promise<void> => {
    const given = new FormData(form.current!);
    const text = (name: string): string => String(given.get(name) ?? '').trim();
    const optional = (name: string): Record<string, string> => (text(name) === '' ? {} : { [name]: text(name) });
    let store = logStore.value;
    if (store === NEW_LOGSTORE) {
      store = text('new-logstore');
      const days = text('retention-days');
      await post('/v1/logstores', { name: store, search: true, ...(days === '' ? {} : { 'retention-days': Number(days) }) });
    }
    await post('/v1/flow-logs', {
      ...optional('name'), ...optional('description'), 'resource-type': resourceType.value, 'resource-id': resourceId.value, 'traffic-type': trafficType.value,
      'logstore': store, 'window': window.value, 'analysis-report': given.has('analysis-report'),
    });
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    isBusy.value = true;
    problem.value = null;
    try {
      await create();
      onCreated();
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      problem.value = error;
      isBusy.value = false;
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.current!.requestSubmit();
  };
  return (
    <form class="form" ref={form} onSubmit={(event) => void submit(event)} onKeyDown={onKeyDown}>
      <label class="field"><span>Name</span><input name="name" maxLength={256} autocomplete="off" placeholder="its id, unless given" /></label>
      <Choice label="Resource type" value={resourceType.value} options={[['ENI', 'ENI'], ['VSwitch', 'VSwitch'], ['VPC', 'VPC']]} onChange={(value) => { resourceType.value = value; resourceId.value = ''; }} />
      <Picker label={resourceType.value} options={options} value={resourceId.value} onChange={(id) => { resourceId.value = id; }}
        hint={chosen ? coverage(resourceType.value, chosen.enis) : options.length === 0 ? `The inventory has no ${resourceType.value} yet: weir apply -f vpc.yaml` : `${counted(options.length, resourceType.value, resourceType.value === 'VSwitch' ? 'VSwitches' : undefined)} to choose from`} />
      <Choice label="Traffic" value={trafficType.value} options={[['All', 'All'], ['Allow', 'Allow: accepted'], ['Drop', 'Drop: rejected']]} onChange={(value) => { trafficType.value = value; }} />
      <label class="field">
        <span>LogStore</span>
        <select value={logStore.value} onChange={(event) => { logStore.value = event.currentTarget.value; }}>
          {logStores.map(({ name }) => <option key={name} value={name}>{visible(name)}</option>)}
          <option value={NEW_LOGSTORE}>A new LogStore …</option>
        </select>
      </label>
      {logStore.value === NEW_LOGSTORE && (
        <div class="two">
          <label class="field"><span>Its name</span><input name="new-logstore" required maxLength={63} autocomplete="off" class="mono" placeholder="main" /></label>
          <label class="field"><span>Keep for days</span><input name="retention-days" type="number" min={1} max={36500} placeholder="for ever" /></label>
        </div>
      )}
      <Choice label="Window" value={window.value} options={[['60s', '1 minute'], ['300s', '5 minutes'], ['600s', '10 minutes']]} onChange={(value) => { window.value = value; }} />
      <label class="check"><input type="checkbox" name="analysis-report" defaultChecked /><span>Analysis report<span class="hint"> – turns on search of the LogStore, and brings dashboards</span></span></label>
      <label class="field"><span>Description</span><textarea name="description" maxLength={256} /></label>
      {problem.value && <ProblemNotice problem={problem.value} />}
      <div class="actions">
        <button type="button" onClick={onClose}>Cancel</button>
        <button type="submit" class="primary" disabled={isBusy.value || resourceId.value === ''}>Create <kbd>Ctrl ⏎</kbd></button>
      </div>
    </form>
  );
}

function coverage(type: ResourceType, enis: number): string {
  if (type === 'ENI') return 'Covers this ENI';
  return `Covers ${counted(enis, 'ENI')} now, and those that join later`;
}
