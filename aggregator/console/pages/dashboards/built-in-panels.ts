import type { LogStore } from '../../api/answers.ts';
import { timeZone } from '../../state/preference.ts';
import type { Drill } from '../explorer/answer-chart.tsx';
import { explorerAddress, rangeOf, type Question } from '../explorer/question.ts';
import type { Panel } from './dashboard-list.ts';

type Range = Pick<Question, 'from' | 'to'>;
type BuiltIn = Omit<Panel, 'address' | 'description'>;

/** What is no ENI of ours. */
const ELSEWHERE = 'elsewhere';
const DAY_SECONDS = 86_400;
const LOOK_BACK_SECONDS = 30 * DAY_SECONDS;

/** The ENI of an address is the one that most packets of that address went to or came from. */
const OWN_ADDRESSES = `WITH seen AS (SELECT eni_id, CASE direction WHEN 'in' THEN dstaddr ELSE srcaddr END AS address, sum(packets) AS n FROM log WHERE direction IS NOT NULL GROUP BY ALL), own AS (SELECT address, arg_max(eni_id, n) AS eni FROM seen GROUP BY address)`;

/** A packet from ENI to ENI counts once, where it arrives; one to elsewhere where it leaves. */
const ACCEPTED = `* | ${OWN_ADDRESSES} SELECT * FROM (SELECT coalesce(own.eni, '${ELSEWHERE}') AS source, eni_id AS destination, sum(bytes) AS bytes FROM log LEFT JOIN own ON own.address = srcaddr WHERE direction = 'in' AND action = 'ACCEPT' GROUP BY ALL UNION ALL SELECT eni_id AS source, '${ELSEWHERE}' AS destination, sum(bytes) AS bytes FROM log LEFT JOIN own ON own.address = dstaddr WHERE direction = 'out' AND action = 'ACCEPT' AND own.eni IS NULL GROUP BY ALL) ORDER BY bytes DESC LIMIT 60`;
const REJECTED = `* | ${OWN_ADDRESSES} SELECT coalesce(own.eni, '${ELSEWHERE}') AS source, eni_id AS destination, sum(packets) AS packets FROM log LEFT JOIN own ON own.address = srcaddr WHERE direction = 'in' AND action = 'REJECT' GROUP BY ALL ORDER BY packets DESC LIMIT 60`;

export function betweenInterfaces(logStore: string, range: Range): BuiltIn[] {
  return [
    { id: 'accepted', title: 'Accepted bytes from ENI to ENI', chart: 'sankey', question: { logStore, query: ACCEPTED, ...range }, drill: drillOf('ACCEPT', { logStore, ...range }) },
    { id: 'rejected', title: 'Rejected packets that came to ENIs', chart: 'sankey', question: { logStore, query: REJECTED, ...range }, drill: drillOf('REJECT', { logStore, ...range }) },
  ];
}

/** The addresses and ports behind a link or an end of one, counted as the link is. */
function drillOf(action: 'ACCEPT' | 'REJECT', asked: Omit<Question, 'query'>): Drill {
  return ({ values }, { columns }) => {
    const end = (name: string) => values.find(([column]) => columns[column]!.name === name)?.[1];
    const [source, destination] = [end('source'), end('destination')];
    const leaves = destination === ELSEWHERE;
    const is = (column: string, value: unknown): string[] => (value === undefined ? [] : [value === ELSEWHERE ? `${column} IS NULL` : `${column} = '${String(value).replaceAll("'", "''")}'`]);
    const conditions = [`direction = '${leaves ? 'out' : 'in'}'`, `action = '${action}'`, ...(leaves ? [...is('eni_id', source), 'own.eni IS NULL'] : [...is('own.eni', source), ...is('eni_id', destination)])];
    const query = `* | ${OWN_ADDRESSES} SELECT srcaddr, dstaddr, protocol, dstport, sum(packets) AS packets, sum(bytes) AS bytes FROM log LEFT JOIN own ON own.address = ${leaves ? 'dstaddr' : 'srcaddr'} WHERE ${conditions.join(' AND ')} GROUP BY ALL ORDER BY bytes DESC LIMIT 200`;
    return explorerAddress({ ...asked, query }, { chart: 'table' });
  };
}

export function newDestinations(logStore: LogStore, range: Range): BuiltIn[] {
  const since = dayBefore(endOf(logStore, range));
  const asked: Range = { from: String(Math.max(0, since - LOOK_BACK_SECONDS)), to: range.to };
  const boundary = new Date(since * 1000).toISOString().slice(0, 19).replace('T', ' ');
  const isNew = `HAVING min(window_start) >= TIMESTAMP '${boundary}'`;
  const query = (select: string): Question => ({ logStore: logStore.name, query: `direction:out action:ACCEPT | ${select}`, ...asked });
  return [
    { id: 'count', title: 'How many', chart: 'number', question: query(`WITH fresh AS (SELECT dstaddr FROM log GROUP BY dstaddr ${isNew}) SELECT count(*) AS destinations FROM fresh`) },
    { id: 'bytes', title: 'Bytes to them', chart: 'bar', question: query(`SELECT dstaddr, sum(bytes) AS bytes GROUP BY dstaddr ${isNew} ORDER BY bytes DESC LIMIT 20`) },
    { id: 'list', title: 'All of them', chart: 'table', question: query(`SELECT dstaddr, min(window_start) AS since, count(DISTINCT eni_id) AS enis, sum(packets) AS packets, sum(bytes) AS bytes GROUP BY dstaddr ${isNew} ORDER BY since, bytes DESC LIMIT 500`) },
  ];
}

/** Where the range ends, or the records do. */
function endOf({ to: newest }: LogStore, range: Range): number {
  const now = Math.floor(Date.now() / 1000);
  return Math.min(rangeOf(range).to ?? now, now, newest ?? now);
}

/** When the day before that of the instant begins, in the zone that is chosen. */
function dayBefore(seconds: number): number {
  const date = new Date((seconds - 1) * 1000);
  if (timeZone.value === 'UTC') return Math.floor((seconds - 1) / DAY_SECONDS) * DAY_SECONDS - DAY_SECONDS;
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() - 1).getTime() / 1000;
}
