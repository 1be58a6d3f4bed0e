/** First parts of the addresses of the console's pages. The collector answers them, and what lies below them, with the page. */
export const PAGE_PATHS = ['', 'flow-logs', 'explorer', 'dashboards', 'completeness', 'network'] as const;
