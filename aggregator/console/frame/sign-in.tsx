import { useSignal } from '@preact/signals';
import type { TargetedSubmitEvent } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { ApiProblem } from '../api/client.ts';
import { signedOutBecause, signIn } from '../state/session.ts';
import { CommandLines } from '../ui/command-lines.tsx';
import { Notice, ProblemNotice } from '../ui/notice.tsx';
import { Mark } from './mark.tsx';

export function SignIn() {
  const input = useRef<HTMLInputElement>(null);
  const problem = useSignal<ApiProblem | null>(null);
  const isBusy = useSignal(false);
  useEffect(() => {
    document.title = 'Sign in · Weir';
    input.current?.focus();
  }, []);
  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const field = input.current!;
    isBusy.value = true;
    problem.value = null;
    try {
      await signIn(field.value.trim());
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      problem.value = error;
      field.select();
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <main class="alone">
      <form class="sign-in" onSubmit={(event) => void submit(event)}>
        <h1><Mark /> Sign in to Weir</h1>
        {signedOutBecause.value !== null && problem.value === null && <Notice kind="warning" title="You were signed out">{signedOutBecause.value}</Notice>}
        <label class="field">
          <span>Token</span>
          <input ref={input} type="password" name="token" class="mono" autocomplete="off" spellcheck={false} required placeholder="weir_…" aria-describedby="token-hint" />
        </label>
        <p id="token-hint" class="hint">A token with the scope admin, or query to look only. It goes to this collector once and is not kept by the page.</p>
        {problem.value && <ProblemNotice problem={problem.value} />}
        <button type="submit" class="primary" disabled={isBusy.value}>Sign in</button>
        <details>
          <summary>Where is a token?</summary>
          <p class="hint">The collector's first start wrote one for its owner; that one makes others.</p>
          <CommandLines lines={['cat /var/lib/weir/admin-token', 'weir token create --scope query --expires 30d']} />
        </details>
      </form>
    </main>
  );
}
