import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

/** Over the page until it is closed; `side`: at the right edge, as high as the window. Esc closes, and the focus goes back. */
export function Dialog({ title, onClose, children, side = false }: { title: string; onClose: () => void; children: ComponentChildren; side?: boolean }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current!.showModal();
    return () => { if (before instanceof HTMLElement) before.focus(); };
  }, []);
  return (
    <dialog
      ref={dialog} class={side ? 'side' : undefined} aria-labelledby={titleId}
      onCancel={(event) => { event.preventDefault(); onClose(); }}
      onMouseDown={(event) => { if (event.target === dialog.current) onClose(); }}
    >
      <div class="dialog-frame">
        <header>
          <h2 id={titleId}>{title}</h2>
          <button type="button" class="quiet" onClick={onClose} aria-label="Close">✕</button>
        </header>
        <div class="dialog-body">{children}</div>
      </div>
    </dialog>
  );
}
