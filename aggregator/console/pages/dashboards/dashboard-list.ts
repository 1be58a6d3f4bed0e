import type { LogStore } from '../../api/answers.ts';
import type { ChartKind } from '../../charts/result-shape.ts';
import type { Drill } from '../explorer/answer-chart.tsx';
import { savedAddress, type SavedQuery } from '../explorer/saved-query.ts';
import { explorerAddress, type Question } from '../explorer/question.ts';
import { betweenInterfaces, newDestinations } from './built-in-panels.ts';

export interface Panel {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly chart: ChartKind;
  readonly question: Question;
  /** The explorer with the same question. */
  readonly address: string;
  /** Where marks lead whose columns do not say it. */
  readonly drill?: Drill;
}

export interface Dashboard {
  readonly logStore: string;
  /** Of its address. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly panelTitles: readonly string[];
  readonly panels: (range: Pick<Question, 'from' | 'to'>) => readonly Panel[];
}

/** Of the built-in ones; no name that people give begins so. */
const BUILT_IN = '~';
const COLLATOR = new Intl.Collator('en', { numeric: true });

/** Dashboards made of saved queries, and those that every LogStore has. */
export function dashboardsOf(saved: readonly SavedQuery[], logStores: readonly LogStore[]): Dashboard[] {
  const named = new Map<string, SavedQuery[]>();
  for (const query of saved) {
    if (query.dashboard === null) continue;
    const key = JSON.stringify([query.logstore, query.dashboard]);
    named.set(key, [...named.get(key) ?? [], query]);
  }
  const own = Array.from(named.values(), (queries): Dashboard => {
    const sorted = queries.toSorted((a, b) => COLLATOR.compare(a.id, b.id));
    const [{ logstore, dashboard }] = sorted as [SavedQuery];
    return {
      logStore: logstore, id: dashboard!, title: isReport(sorted) ? dashboard!.charAt(0).toUpperCase() + dashboard!.slice(1) : dashboard!, description: '', panelTitles: sorted.map(({ name }) => name),
      panels: (range) => sorted.map((query) => ({
        id: query.id, title: query.name, description: query.description, chart: query.chart,
        question: { logStore: logstore, query: query.query, ...range }, address: savedAddress(query, range),
      })),
    };
  });
  return [...own, ...logStores.filter(({ search }) => search).flatMap(builtIn)].sort((a, b) => COLLATOR.compare(a.logStore, b.logStore));
}

/** Those of an analysis report have names of ours, not of people. */
function isReport(queries: readonly SavedQuery[]): boolean {
  return queries.some(({ id }) => id.startsWith('report.'));
}

function builtIn(logStore: LogStore): Dashboard[] {
  const { name } = logStore;
  const of = (id: string, title: string, description: string, make: (range: Pick<Question, 'from' | 'to'>) => readonly Omit<Panel, 'address' | 'description'>[]): Dashboard => ({
    logStore: name, id: BUILT_IN + id, title, description, panelTitles: make({ from: '0', to: null }).map((panel) => panel.title),
    panels: (range) => make(range).map((panel) => ({ ...panel, description: '', address: explorerAddress(panel.question, { chart: panel.chart }) })),
  });
  return [
    of('between-enis', 'ENI to ENI', 'Who sends how much to whom, by the addresses that each ENI was seen with.', (range) => betweenInterfaces(name, range)),
    of('new-destinations', 'New destinations since yesterday', 'Addresses that ENIs reach since the day before the range ends, and not in the 30 days before.', (range) => newDestinations(logStore, range)),
  ];
}
