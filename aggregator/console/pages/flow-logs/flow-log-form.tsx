import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import type { FlowLog, LogStore } from '../../api/answers.ts';
import { ApiProblem } from '../../api/client.ts';
import { Choice } from '../../ui/choice.tsx';
import { ProblemNotice } from '../../ui/notice.tsx';
import { visible } from '../../ui/text.tsx';

/** What may be changed of a flow log, too. */
export type FlowLogSettings = Pick<FlowLog, 'name' | 'description' | 'traffic-type' | 'window' | 'logstore' | 'analysis-report'>;

/** A LogStore that is to be made first; days null: for ever. */
export interface NewLogStore { readonly name: string; readonly retentionDays: number | null }

const NEW_LOGSTORE = '';
const WINDOWS = [['60s', '1 minute'], ['300s', '5 minutes'], ['600s', '10 minutes']] as const;

/** The settings of a flow log; `children` is what comes between its name and the rest. Stays, with the reason, where the API refuses. */
export function FlowLogForm({ before, logStores, action, canSubmit = true, children, onSubmit, onClose }: {
  before: FlowLogSettings; logStores: readonly LogStore[]; action: string; canSubmit?: boolean; children: ComponentChildren;
  onSubmit: (settings: FlowLogSettings, newLogStore: NewLogStore | null) => Promise<void>; onClose: () => void;
}) {
  const form = useRef<HTMLFormElement>(null);
  const trafficType = useSignal(before['traffic-type']);
  const window = useSignal(before.window);
  const logStore = useSignal(before.logstore);
  const problem = useSignal<ApiProblem | null>(null);
  const isBusy = useSignal(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const given = new FormData(form.current!);
    const text = (name: string): string => String(given.get(name) ?? '').trim();
    const days = text('retention-days');
    const made = logStore.value === NEW_LOGSTORE ? { name: text('new-logstore'), retentionDays: days === '' ? null : Number(days) } : null;
    isBusy.value = true;
    problem.value = null;
    try {
      await onSubmit({
        'name': text('name'), 'description': text('description'), 'traffic-type': trafficType.value, 'window': window.value,
        'logstore': made?.name ?? logStore.value, 'analysis-report': given.has('analysis-report'),
      }, made);
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      problem.value = error;
      isBusy.value = false;
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (canSubmit) form.current!.requestSubmit();
  };
  return (
    <form class="form" ref={form} onSubmit={(event) => void submit(event)} onKeyDown={onKeyDown}>
      <label class="field"><span>Name</span><input name="name" maxLength={256} autocomplete="off" placeholder="its id, unless given" defaultValue={before.name} /></label>
      {children}
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
      <Choice label="Window" value={window.value} options={WINDOWS} onChange={(value) => { window.value = value; }} />
      <label class="check"><input type="checkbox" name="analysis-report" defaultChecked={before['analysis-report']} /><span>Analysis report<span class="hint"> – turns on search of the LogStore, and brings dashboards</span></span></label>
      <label class="field"><span>Description</span><textarea name="description" maxLength={256} defaultValue={before.description} /></label>
      {problem.value && <ProblemNotice problem={problem.value} />}
      <div class="actions">
        <button type="button" onClick={onClose}>Cancel</button>
        <button type="submit" class="primary" disabled={isBusy.value || !canSubmit}>{action} <kbd>Ctrl ⏎</kbd></button>
      </div>
    </form>
  );
}
