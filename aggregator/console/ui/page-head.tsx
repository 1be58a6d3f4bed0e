import type { ComponentChildren } from 'preact';

export function PageHead({ title, children, above }: { title: ComponentChildren; children?: ComponentChildren; above?: ComponentChildren }) {
  return (
    <header class="page-head">
      <div>
        {above !== undefined && <p class="above">{above}</p>}
        <h1>{title}</h1>
      </div>
      {children !== undefined && <div class="row">{children}</div>}
    </header>
  );
}
