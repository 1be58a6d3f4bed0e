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
  /** A part of its own of the build: loaded when the page is first shown. */
  readonly load: () => Promise<{ readonly default: ComponentType<PageProps> }>;
}

/** In the order of the navigation. A page more is a line here, its path in page-paths.ts and a folder under pages/. */
export const PAGES: readonly ConsolePage[] = [
  { path: '', title: 'Start', key: null, load: () => import('../pages/start/start-page.tsx') },
  { path: 'flow-logs', title: 'Flow logs', key: 'f', load: () => import('../pages/flow-logs/flow-logs-page.tsx') },
  { path: 'explorer', title: 'Explorer', key: 'e', load: () => import('../pages/explorer/explorer-page.tsx') },
  { path: 'dashboards', title: 'Dashboards', key: 'd', load: () => import('../pages/dashboards/dashboards-page.tsx') },
  { path: 'completeness', title: 'Completeness', key: 'c', load: () => import('../pages/completeness/completeness-page.tsx') },
  { path: 'network', title: 'Network', key: 'n', load: () => import('../pages/network/network-page.tsx') },
];
