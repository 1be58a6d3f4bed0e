/** What the explorer works out by itself: words of time, terms, completion, shapes of answers, reasons. */
import test from 'ava';
import fc from 'fast-check';
import { ApiProblem } from '../../aggregator/console/api/client.ts';
import { linesOf } from '../../aggregator/console/api/lines.ts';
import { chartFor, possibleCharts, shapeOf, suggestedChart, type Result } from '../../aggregator/console/charts/result-shape.ts';
import { timeSeriesOf } from '../../aggregator/console/charts/time-series.ts';
import { spokenRange } from '../../aggregator/console/ui/natural-time.ts';
import { windowText } from '../../aggregator/console/ui/numbers.ts';
import { searchableColumns, searchFor } from '../../aggregator/console/pages/explorer/pick-terms.ts';
import { negated, splitQuery, termOf, together, withTerm } from '../../aggregator/console/pages/explorer/query-terms.ts';
import { connectionSearch, recordSearch, startOf } from '../../aggregator/console/pages/explorer/record-key.ts';
import { RecordList } from '../../aggregator/console/pages/explorer/record-list.ts';
import { agrees, closeRules, judge, type RuleSetDocument } from '../../aggregator/console/pages/explorer/why.ts';
import { suggest } from '../../aggregator/console/query-editor/completion.ts';
import { wordsOf } from '../../aggregator/console/query-editor/query-words.ts';
import { parseQuery } from '../../aggregator/query/language/parser.ts';
import { parseTopology } from '../../shared/topology/parse.ts';
import { groupDocument } from '../../shared/topology/export.ts';

/** A Wednesday. */
const NOW = Date.parse('2026-03-04T15:30:20Z');
const spoken = (text: string) => {
  const range = spokenRange(text, NOW, 'UTC');
  const told = (seconds: string) => (/^\d{5,}$/.test(seconds) ? new Date(Number(seconds) * 1000).toISOString().slice(0, 19) : seconds);
  return range && `${told(range.from)} ${range.to === null ? 'now' : told(range.to)}`;
};

test('ranges in words', (t) => {
  const expected: Record<string, string> = {
    'last 2 hours': '-2h now', 'past hour': '-1h now', 'Last  15 minutes': '-15m now', 'last ten days': '-10d now', 'last week': '-1w now', '3h': '-3h now', 'all time': '0 now',
    'yesterday 14:00 to 15:30': '2026-03-03T14:00:00 2026-03-03T15:30:00', 'yesterday 22:00 to 02:00': '2026-03-03T22:00:00 2026-03-04T02:00:00',
    'between yesterday 9am and noon': '2026-03-03T09:00:00 2026-03-03T12:00:00',
    'yesterday': '2026-03-03T00:00:00 2026-03-04T00:00:00', 'today': '2026-03-04T00:00:00 now', 'monday': '2026-03-02T00:00:00 2026-03-03T00:00:00',
    'since monday': '2026-03-02T00:00:00 now', 'since yesterday 08:15': '2026-03-03T08:15:00 now', 'last monday': '2026-03-02T00:00:00 2026-03-03T00:00:00', 'last wednesday': '2026-02-25T00:00:00 2026-02-26T00:00:00',
    '14:00 - 15:00': '2026-03-04T14:00:00 2026-03-04T15:00:00', '2026-03-01': '2026-03-01T00:00:00 2026-03-02T00:00:00',
    '2026-03-01 14:00 to 2026-03-02 10:00:30': '2026-03-01T14:00:00 2026-03-02T10:00:30', '2026-02-28 to 2026-03-01': '2026-02-28T00:00:00 2026-03-02T00:00:00',
    '3 hours ago to 1 hour ago': '2026-03-04T12:30:20 2026-03-04T14:30:20', '2026-03-04T10:00:00+02:00 to now': '2026-03-04T08:00:00 now', 'this week': '2026-03-02T00:00:00 now',
  };
  for (const [text, range] of Object.entries(expected)) t.is(spoken(text), range, text);
  for (const text of ['', 'tomorrow', 'last 0 hours', '15:30 to soon', '2026-06-31', '2026-13-01', '25:00 to 26:00', 'now to yesterday', 'last fortnight', '1'.repeat(101)]) t.is(spoken(text), null, text);
});

test('no text breaks the reader of time, and every range begins before it ends', (t) => {
  const word = fc.constantFrom('last', 'yesterday', 'since', '14:00', 'to', '2026-03-01', 'monday', 'ago', '3', 'hours', 'noon', '-', 'and', 'between', 'pm', '9pm', 'now');
  fc.assert(fc.property(fc.oneof(fc.string({ maxLength: 40 }), fc.array(word, { maxLength: 7 }).map((words) => words.join(' '))), (text) => {
    const range = spokenRange(text, NOW, 'UTC');
    if (range && /^\d+$/.test(range.from) && range.to !== null && Number(range.from) >= Number(range.to)) throw new Error(`${text}: ${JSON.stringify(range)}`);
  }));
  t.pass();
});

test('terms hold a value exactly, whatever it is', (t) => {
  t.is(termOf('dstport', 22), 'dstport:22');
  t.is(termOf('eni-id', 'eni-web'), 'eni-id:eni-web');
  t.is(termOf('srcaddr', '2001:db8::7'), 'srcaddr:2001:db8::7');
  t.is(termOf('eni-id', 'a*"b\\'), 'eni-id:"a*\\"b\\\\"');
  t.is(termOf('direction', 'in'), 'direction:"in"');
  t.is(termOf('rule-id', null), 'not rule-id:*');
  t.is(termOf('rule-id', 'a\u0000b'), null);
  fc.assert(fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }), (value) => {
    const term = termOf('eni-id', value);
    if (term === null) return;
    const { search } = parseQuery(term);
    if (!JSON.stringify(search).includes(JSON.stringify(value).slice(1, -1))) throw new Error(`${term} lost ${value}`);
  }));
});

test('a term joins the query that is there', (t) => {
  t.is(withTerm('', 'dstport:22'), 'dstport:22');
  t.is(withTerm('*', 'dstport:22'), 'dstport:22');
  t.is(withTerm('action:REJECT', 'dstport:22'), 'action:REJECT dstport:22');
  t.is(withTerm('dstport:22', 'dstport:22'), 'dstport:22');
  t.is(withTerm('tcp not dstport:22', 'dstport:22'), 'tcp dstport:22', 'what contradicts it goes');
  t.is(withTerm('tcp dstport:22', negated('dstport:22')), 'tcp not dstport:22');
  t.is(withTerm('tcp or udp', 'dstport:22'), '(tcp or udp) dstport:22');
  t.is(withTerm('(tcp or udp)', 'dstport:22'), '(tcp or udp) dstport:22');
  t.is(withTerm('(tcp) or (udp)', 'dstport:22'), '((tcp) or (udp)) dstport:22');
  t.is(withTerm('eni-id:"a | b or c" | SELECT count(*)', 'tcp'), 'eni-id:"a | b or c" tcp | SELECT count(*)');
  t.deepEqual(splitQuery('eni-id:"a|b"|SELECT 1'), { search: 'eni-id:"a|b"', select: 'SELECT 1' });
  t.deepEqual(splitQuery(' select count(*)'), { search: '', select: ' select count(*)' }, 'a SELECT alone is about everything');
  t.is(withTerm('SELECT count(*)', 'dstport:22'), 'dstport:22 | SELECT count(*)');
  t.is(withTerm('tcp', negated(together(['dstport:22', 'action:REJECT']))), 'tcp not (dstport:22 action:REJECT)');
  for (const text of ['a or b', 'not a', 'bytes > 10 tcp', 'dstport in [1 2]', '(a b) c']) t.notThrows(() => parseQuery(withTerm(text, 'dstport:22')), text);
});

test('completion knows fields, operators and values, and where it is', (t) => {
  const labels = (text: string) => suggest(text, text.length)?.options.map(({ label }) => label) ?? [];
  t.true(labels('').includes('srcaddr') && labels('').includes('REJECT'));
  t.true(labels('tcp ds').includes('dstport'));
  t.deepEqual(labels('action:').slice(0, 2), ['ACCEPT', 'REJECT']);
  t.is(suggest('action:RE', 9)?.from, 7);
  t.is(suggest('eni-id:eni-w', 12)?.valuesOf, 'eni-id');
  t.is(suggest('action:', 7)?.valuesOf, null, 'all its values are known');
  t.true(labels('bytes ').includes('>='));
  t.true(labels('* | SELECT dst').includes('dstport') && labels('* | SELECT dst').includes('dst_port') === false && labels('* | SEL').includes('SELECT'));
  t.deepEqual(labels('* | SELECT \'dst'), [], 'nothing within a string');
  t.deepEqual(wordsOf('action:REJECT not dstport:22 | SELECT srcaddr').map(({ kind }) => kind), ['field', 'keyword', 'field', 'number', 'bar', 'keyword', 'field']);
});

const result = (columns: Record<string, string>, ...rows: (string | number | null)[][]): Result => ({ columns: Object.entries(columns).map(([name, type]) => ({ name, type })), rows });

test('what is pointed at becomes a search where its columns are plainly fields', (t) => {
  const fields = (query: string, columns: Record<string, string>, row: (string | number | null)[] = Object.keys(columns).map(() => 1)) => [...searchableColumns(query, result(columns, row)).values()];
  const text = 'VARCHAR';
  t.deepEqual(fields('* | SELECT srcaddr, dst_port, sum(bytes) AS bytes', { srcaddr: text, dst_port: text, bytes: 'HUGEINT' }), ['srcaddr'], 'a sum is no value, whatever it is called');
  t.deepEqual(fields('* | SELECT rule_id AS rule, log.eni_id AS eni, protocol_name(protocol) AS p, count(*) AS n', { rule: text, eni: text, p: text, n: 'BIGINT' }), ['rule-id', 'eni-id', 'protocol']);
  t.deepEqual(fields("* | SELECT coalesce(srcaddr, 'none') AS srcaddr, upper(dstaddr) AS dstaddr, 'x' AS eni_id, count(*) AS n", { srcaddr: text, dstaddr: text, eni_id: text, n: 'BIGINT' }), [], 'what was worked out is none');
  t.deepEqual(fields("* | SELECT eni_id AS who UNION ALL SELECT 'elsewhere' AS who", { who: text, n: 'BIGINT' }), [], 'what means two things is none');

  const ports = result({ window_start: 'TIMESTAMP', dstport: 'USMALLINT', action: 'VARCHAR', packets: 'HUGEINT' }, ['2026-03-04T10:00:00Z', 22, 'REJECT', 1], ['2026-03-04T10:20:00Z', 22, null, 1], ['2026-03-04T10:10:00Z', 80, 'ACCEPT', 1]);
  const found = (values: (readonly [number, string | number | null])[]) => searchFor({ label: '', values }, '* | SELECT window_start, dstport, action, sum(packets) AS packets', ports);
  const start = Date.parse('2026-03-04T10:20:00Z') / 1000;
  t.deepEqual(found([[0, '2026-03-04T10:20:00Z'], [1, 22], [2, null]]), { terms: ['dstport:22', 'not action:*'], range: { from: start, to: start + 600 } });
  t.is(found([[2, 'a\u0000b']]), null, 'no search can hold this');
});

test('the columns of an answer say how it can be shown', (t) => {
  const ports = result({ dstport: 'USMALLINT', protocol: 'UTINYINT', packets: 'HUGEINT' }, [22, 6, 10], [80, 6, 5]);
  t.deepEqual(shapeOf(ports), { time: null, dimensions: [0, 1], measures: [2] });
  t.is(suggestedChart(ports), 'bar');
  const pairs = result({ srcaddr: 'VARCHAR', dstaddr: 'VARCHAR', bytes: 'HUGEINT' }, ['a', 'b', '9007199254740993']);
  t.is(suggestedChart(pairs), 'sankey');
  const time = result({ window_start: 'TIMESTAMP', accepted: 'HUGEINT', rejected: 'HUGEINT' }, ['2026-03-01T00:00:00Z', 1, null], ['2026-03-01T00:01:00Z', 3, 4]);
  t.is(suggestedChart(time), 'line');
  t.is(suggestedChart(result({ n: 'BIGINT' }, [7])), 'number');
  t.is(suggestedChart(result({ eni_id: 'VARCHAR', vm_id: 'VARCHAR' }, ['a', 'b'])), 'table');
  t.deepEqual(possibleCharts(result({ eni_id: 'VARCHAR', change: 'BIGINT' }, ['a', -1])), ['table', 'number', 'bar'], 'no slice of a pie is less than nothing');
  t.is(chartFor(pairs, 'line'), 'table', 'chosen, and not possible');
  t.deepEqual(possibleCharts(result({ a: 'BIGINT' })), ['table']);
});

test('a series for each measure, or each value; the period before moved to this one', (t) => {
  const columns = { window_start: 'TIMESTAMP', eni_id: 'VARCHAR', packets: 'BIGINT' };
  const now = result(columns, ['1970-01-01T00:10:00Z', 'a', 1], ['1970-01-01T00:20:00Z', 'b', 2]);
  const before = result(columns, ['1970-01-01T00:00:00Z', 'a', 5]);
  t.deepEqual(timeSeriesOf(now, before, 600), {
    times: [600, 1200], leftOut: 0,
    series: [{ name: 'a', values: [1, null], isPrevious: false }, { name: 'b', values: [null, 2], isPrevious: false }, { name: 'a, before', values: [5, null], isPrevious: true }],
  });
  const many = result(columns, ...Array.from({ length: 20 }, (_, at) => ['1970-01-01T00:10:00Z', `eni-${at}`, at] as [string, string, number]));
  t.is(timeSeriesOf(many).leftOut, 12);
  t.deepEqual(timeSeriesOf(many).series.map(({ name }) => name).slice(0, 2), ['eni-19', 'eni-18']);
});

const TOPOLOGY = parseTopology(`
prefix-lists: [{prefix-list-id: pl-office, name: office, entries: [203.0.113.0/24, "2001:db8:7::/48"]}]
security-groups:
  - security-group-id: sg-web
    type: basic
    rules:
      - {rule-id: r-late, direction: ingress, policy: accept, protocol: tcp, port-range: 22/22, priority: 90, cidr: 0.0.0.0/0}
      - {rule-id: r-office, direction: ingress, policy: accept, protocol: tcp, port-range: 22/22, priority: 1, prefix-list: pl-office}
      - {rule-id: r-drop, direction: ingress, policy: drop, protocol: tcp, port-range: 22/22, priority: 5, cidr: 0.0.0.0/0}
      - {rule-id: r-drop-udp, direction: ingress, policy: drop, protocol: udp, port-range: 22/22, priority: 5, cidr: 0.0.0.0/0}
      - {rule-id: r-far, direction: ingress, policy: accept, protocol: udp, port-range: 53/53, priority: 5, cidr: 10.9.0.0/16}
      - {rule-id: r-out, direction: egress, policy: accept, protocol: all, port-range: -1/-1, priority: 1, cidr: 0.0.0.0/0}
enis: [{eni-id: eni-web, addresses: [10.0.0.5], security-groups: [sg-web]}, {eni-id: eni-2, addresses: [10.0.0.6], security-groups: [sg-web]}]
`, 'test');
const RULES = {
  'revision': 1, 'security-groups': TOPOLOGY.securityGroups.map(groupDocument), 'prefix-lists': [{ 'prefix-list-id': 'pl-office', 'entries': ['203.0.113.0/24', '2001:db8:7::/48'] }],
  'enis': TOPOLOGY.enis.map(({ eniId, addresses, securityGroups }) => ({ 'eni-id': eniId, addresses, 'security-groups': securityGroups })),
} as unknown as RuleSetDocument;
const RECORD = { 'eni-id': 'eni-web', 'direction': 'in', 'srcaddr': '192.0.2.9', 'srcport': 4000, 'dstaddr': '10.0.0.5', 'dstport': 22, 'protocol': 6, 'sg-id': 'sg-web', 'rule-id': 'r-drop', 'rule-reason': 'rule', 'start': 600, 'end': 1200 };

test('why: the rule that decided, and which part kept each other one from it', (t) => {
  const judgement = judge(RECORD, RULES);
  t.is(judgement.decider?.ruleId, 'r-drop');
  t.is(judgement.outcome, 'rule');
  t.deepEqual(closeRules(judgement).map(({ ruleId, mismatches }) => [ruleId, ...mismatches]), [[null, 'peer'], ['r-office', 'peer'], ['r-drop-udp', 'protocol'], ['r-late']], 'the last one matches, and comes too late');
  t.is(judge({ ...RECORD, srcaddr: '203.0.113.4' }, RULES).decider?.ruleId, 'r-office');
  t.is(judge({ ...RECORD, srcaddr: '2001:db8:7::1', dstaddr: '2001:db8::5' }, RULES).decider?.ruleId, 'r-office');
  t.is(judge({ ...RECORD, srcaddr: '10.0.0.6' }, RULES).outcome, 'intra-group');
  t.is(judge({ ...RECORD, dstport: 25 }, RULES).outcome, 'default');
  t.is(judge({ ...RECORD, 'eni-id': 'eni-other' }, RULES).outcome, 'no-group');
  const reply = judge({ ...RECORD, 'direction': 'in', 'rule-id': 'r-out', 'rule-reason': 'established' }, RULES);
  t.true(agrees({ ...RECORD, 'rule-id': 'r-out', 'rule-reason': 'established' }, reply));
  t.true(agrees(RECORD, judgement));
  t.false(agrees({ ...RECORD, 'rule-id': 'r-of-a-file' }, judgement), 'other rules had the same revision');
  t.false(agrees({ ...RECORD, 'rule-reason': 'default', 'rule-id': null }, judgement));
  t.is(reply.named?.ruleId, 'r-out', 'what opened a connection may be a rule of the other direction');
});

test('a record is named by a search, and so is its connection', (t) => {
  const search = recordSearch({ ...RECORD, action: null });
  t.is(startOf(search), 600);
  t.notThrows(() => parseQuery(search));
  t.is(connectionSearch(RECORD), 'protocol:6 ((srcaddr:192.0.2.9 srcport:4000 dstaddr:10.0.0.5 dstport:22) or (srcaddr:10.0.0.5 srcport:22 dstaddr:192.0.2.9 dstport:4000))');
  t.notThrows(() => parseQuery(connectionSearch(RECORD)!));
  t.is(connectionSearch({ ...RECORD, srcaddr: null }), null);
});

/** An answer that comes in these pieces, and then ends or breaks off. */
function answerOf(pieces: readonly Uint8Array[], fails = false): Response {
  const left = [...pieces];
  return new Response(new ReadableStream({
    pull(controller) {
      const piece = left.shift();
      if (piece) controller.enqueue(piece);
      else if (fails) controller.error(new TypeError('network'));
      else controller.close();
    },
  }));
}

test('lines of an answer are whole, wherever it is cut', async (t) => {
  const lines = ['{"vm-id":"größe"}', '{}', '{"vm-id":"\u{1f4a3}"}'];
  const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(''));
  const { signal } = new AbortController();
  for (let size = 1; size <= bytes.length; size++) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.slice(at * size, (at + 1) * size));
    t.deepEqual(await linesOf(answerOf(pieces), signal), lines, `pieces of ${size} bytes`);
  }
  t.deepEqual(await linesOf(answerOf([]), signal), []);
});

test('an answer that breaks off is a problem, and none for who has left', async (t) => {
  const bytes = new TextEncoder().encode('{}\n{"a"');
  const problem = await t.throwsAsync(linesOf(answerOf([bytes], true), new AbortController().signal), { instanceOf: ApiProblem });
  t.regex(problem.message, /broke off/);
  await t.throwsAsync(linesOf(answerOf([bytes], true), AbortSignal.abort()), { instanceOf: TypeError });
});

test('a record of a list is parsed once, when somebody looks', (t) => {
  const list = new RecordList();
  list.append([{ packets: 1 }]);
  list.append(['{"packets":2}', 'no JSON', '{"packets":4}']);
  t.is(list.length, 4);
  t.deepEqual(list.at(1), { packets: 2 });
  t.is(list.at(1), list.at(1), 'the same object each time');
  t.deepEqual(list.slice(0, 2), [{ packets: 1 }, { packets: 2 }]);
  t.deepEqual(list.slice(3, 90), [{ packets: 4 }]);
  t.is(list.at(4), undefined);
  t.deepEqual(list.slice(9, 20), []);
});

test('windows read as people say them', (t) => {
  t.deepEqual(['600s', 60, '5s', '90s', 3600, '7200s', 86_400, 0, '5m'].map(windowText), ['10 min', '1 min', '5 s', '90 s', '1 h', '2 h', '24 h', '0', '5m']);
});
