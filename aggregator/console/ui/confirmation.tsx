import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { ApiProblem } from '../api/client.ts';
import { Dialog } from './dialog.tsx';
import { ProblemNotice } from './notice.tsx';

/** Asks before something is done; stays with the reason where it is refused. */
export function Confirmation({ title, children, action, isDangerous = false, onConfirm, onClose }: {
  title: string; children: ComponentChildren; action: string; isDangerous?: boolean; onConfirm: () => Promise<void>; onClose: () => void;
}) {
  const problem = useSignal<ApiProblem | null>(null);
  const isBusy = useSignal(false);
  const confirm = async (): Promise<void> => {
    isBusy.value = true;
    try {
      await onConfirm();
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      problem.value = error;
      isBusy.value = false;
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      {problem.value && <ProblemNotice problem={problem.value} />}
      <div class="actions">
        <button type="button" onClick={onClose}>Cancel</button>
        <button type="button" class={isDangerous ? 'danger' : 'primary'} disabled={isBusy.value} onClick={() => void confirm()}>{action}</button>
      </div>
    </Dialog>
  );
}
