import { Component, type ComponentChildren, type ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { place } from '../state/address.ts';
import { Notice } from '../ui/notice.tsx';
import { PAGES, type ConsolePage, type PageProps } from './pages.ts';

const loaded = new Map<ConsolePage, ComponentType<PageProps>>();

/** The page of the address, loaded when it is first wanted. */
export function PageOutlet() {
  const { parts } = place.value;
  const path = parts[0] ?? '';
  const page = PAGES.find((known) => known.path === path) ?? null;
  const main = useRef<HTMLElement>(null);
  const [, setLoaded] = useState(0);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = page ? `${page.title} · Weir` : 'Weir';
    // who moves on by keyboard or reader is taken along; the first page has its focus from the browser
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
    scrollTo(0, 0);
    if (!page || loaded.has(page)) return;
    void page.load().then((module) => {
      loaded.set(page, module.default);
      setLoaded((count) => count + 1);
    });
  }, [page]);
  const Page = page && loaded.get(page);
  return (
    <main id="content" class="content" tabIndex={-1} ref={main}>
      {!page && <Notice kind="warning" title="There is no such page">The address is not one of the console. <a href="/">Go to the start</a></Notice>}
      {Page && <Boundary key={path}><Page rest={parts.slice(1)} /></Boundary>}
    </main>
  );
}

/** A fault in a page leaves the frame as it is. */
class Boundary extends Component<{ children: ComponentChildren }, { error: Error | null }> {
  override state = { error: null as Error | null };

  override componentDidCatch(error: Error): void {
    console.error(error);
    this.setState({ error });
  }

  override render() {
    const { error } = this.state;
    return error ? <Notice kind="error" title="This page failed">{error.message}. Loading the page again may help.</Notice> : this.props.children;
  }
}
