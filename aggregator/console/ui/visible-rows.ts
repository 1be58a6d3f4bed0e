import { useEffect, useState } from 'preact/hooks';

export interface VisibleRows {
  readonly first: number;
  readonly count: number;
  /** Of the frame, in pixels. */
  readonly width: number;
}

/** Which rows of a frame that scrolls are in sight, and `overscan` more on either side; the effect runs again for another `rows`, their number. */
export function useVisibleRows(frame: { readonly current: HTMLElement | null }, rows: number, { rowHeight, overscan, isVirtual = true }: { rowHeight: number; overscan: number; isVirtual?: boolean }): VisibleRows {
  const [view, setView] = useState<VisibleRows>({ first: 0, count: 60, width: 900 });
  useEffect(() => {
    const element = frame.current;
    if (!element || !isVirtual) return undefined;
    const look = (): void => {
      const first = Math.max(0, Math.floor(element.scrollTop / rowHeight) - overscan);
      const count = Math.ceil(element.clientHeight / rowHeight) + 2 * overscan;
      const width = element.clientWidth;
      setView((before) => (before.first === first && before.count === count && before.width === width ? before : { first, count, width }));
    };
    look();
    element.addEventListener('scroll', look, { passive: true });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => {
      element.removeEventListener('scroll', look);
      observer.disconnect();
    };
  }, [isVirtual, rows]);
  return { ...view, first: Math.min(view.first, Math.max(0, rows - 1)) };
}
