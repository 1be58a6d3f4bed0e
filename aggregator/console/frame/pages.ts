import type { ComponentType } from 'preact';
import type { PAGE_PATHS } from '../page-paths.ts';

export type PagePath = (typeof PAGE_PATHS)[number];

export interface PageProps {
  /** What stands in the path behind the page's own part, decoded. */
  readonly rest: readonly string[];
}

export interface ConsolePage {
  /** The first part of its address; '' is the start. */
  readonly path: PagePath;
  readonly title: string;
  /** Pressed after `g`, goes there; null: not in the navigation. */
  readonly key: string | null;
  /** Lines of a drawing, 16 by 16. */
  readonly icon: string;
  /** A part of its own of the build: loaded when the page is first shown. */
  readonly load: () => Promise<{ readonly default: ComponentType<PageProps> }>;
}

/** In the order of the navigation. A page more is a line here, its path in page-paths.ts and a folder under pages/. */
export const PAGES: readonly ConsolePage[] = [
  { path: '', title: 'Start', key: null, icon: '', load: () => import('../pages/start/start-page.tsx') },
  { path: 'flow-logs', title: 'Flow logs', key: 'f', icon: 'M2 4.5h11M10 1.5l3 3-3 3M14 11.5H3M6 8.5l-3 3 3 3', load: () => import('../pages/flow-logs/flow-logs-page.tsx') },
  { path: 'explorer', title: 'Explorer', key: 'e', icon: 'M7 2.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9M10.3 10.3L14 14', load: () => import('../pages/explorer/explorer-page.tsx') },
  { path: 'dashboards', title: 'Dashboards', key: 'd', icon: 'M2.5 13.5v-4M6.2 13.5v-8M9.8 13.5V8M13.5 13.5v-11', load: () => import('../pages/dashboards/dashboards-page.tsx') },
  { path: 'completeness', title: 'Completeness', key: 'c', icon: 'M2.5 2.5h11v11h-11zM5 8.2l2.2 2.3L11.2 6', load: () => import('../pages/completeness/completeness-page.tsx') },
  { path: 'network', title: 'Network', key: 'n', icon: 'M6 2h4v3.5H6zM1.8 10.5h4V14h-4zM10.2 10.5h4V14h-4zM8 5.5v2.7M3.8 10.5V8.2h8.4v2.3', load: () => import('../pages/network/network-page.tsx') },
];
