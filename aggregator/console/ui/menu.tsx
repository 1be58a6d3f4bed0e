import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

export interface MenuItem {
  readonly text: string;
  readonly run: () => void;
  readonly isDisabled?: boolean;
}

const WIDTH = 260;
const GAP = 2;
const EDGE = 6;

/** What can be done with the thing at `box`, beside it. Arrow keys move, Esc or a click elsewhere closes. */
export function Menu({ label, head, items, foot, box, onClose }: {
  label: string; head: ComponentChildren; items: readonly MenuItem[]; foot?: ComponentChildren; box: DOMRect; onClose: () => void;
}) {
  const menu = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(box.bottom + GAP);
  useLayoutEffect(() => {
    const height = menu.current!.offsetHeight;
    if (box.bottom + GAP + height > innerHeight) setTop(Math.max(EDGE, box.top - height - GAP));
  }, []);
  useEffect(() => {
    menu.current!.querySelector<HTMLElement>('button:not(:disabled)')?.focus({ preventScroll: true });
    const leave = (event: Event): void => { if (!menu.current!.contains(event.target as Node)) onClose(); };
    document.addEventListener('pointerdown', leave);
    // it would stay where what it is about no longer is; what was scrolled before it came may be told in the next frame
    let frame = requestAnimationFrame(() => {
      frame = requestAnimationFrame(() => addEventListener('scroll', leave, { passive: true, capture: true }));
    });
    return () => {
      cancelAnimationFrame(frame);
      document.removeEventListener('pointerdown', leave);
      removeEventListener('scroll', leave, { capture: true });
    };
  }, []);
  const onKeyDown = (event: KeyboardEvent): void => {
    const buttons = [...menu.current!.querySelectorAll<HTMLButtonElement>('button:not(:disabled)')];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    if (event.key === 'ArrowDown') buttons[(at + 1) % buttons.length]!.focus();
    else if (event.key === 'ArrowUp') buttons[(at + buttons.length - 1) % buttons.length]!.focus();
    else if (event.key === 'Escape' || event.key === 'Tab') onClose();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const left = Math.max(EDGE, Math.min(box.left, innerWidth - WIDTH - EDGE));
  return (
    <div class="menu-list" role="menu" aria-label={label} ref={menu} onKeyDown={onKeyDown} style={{ left: `${left}px`, top: `${top}px`, width: `${WIDTH}px` }}>
      <p class="muted">{head}</p>
      {items.map(({ text, run, isDisabled = false }) => <button key={text} type="button" role="menuitem" disabled={isDisabled} onClick={() => { onClose(); run(); }}>{text}</button>)}
      {foot !== undefined && <p class="muted">{foot}</p>}
    </div>
  );
}
