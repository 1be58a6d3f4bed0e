import type { ComponentChildren } from 'preact';
import type { ApiProblem } from '../api/client.ts';
import { visible } from './text.tsx';

export function Notice({ kind, title, children, action }: { kind: 'info' | 'warning' | 'error'; title: string; children?: ComponentChildren; action?: ComponentChildren }) {
  return (
    <div class={`notice ${kind}`} role={kind === 'error' ? 'alert' : 'status'}>
      <strong>{title}</strong>
      {children !== undefined && <div>{children}</div>}
      {action}
    </div>
  );
}

/** A refusal of the API: its own text names what was wrong and the way out. */
export function ProblemNotice({ problem: { document }, onRetry }: { problem: ApiProblem; onRetry?: () => void }) {
  const { status, title, detail } = document;
  return (
    <Notice kind="error" title={status === 0 ? title : `${status} ${visible(title)}`} action={onRetry && <button type="button" onClick={onRetry}>Try again</button>}>
      <p class="detail">{visible(detail.slice(0, 4000)).replaceAll('\u240a', '\n')}</p>
    </Notice>
  );
}
