import { readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { PROTOCOL_NUMBERS } from '../../../aggregator/query/language/protocol-names.ts';
import { MAXIMUM_DEPTH, MAXIMUM_TERMS } from '../../../aggregator/query/language/parser.ts';
import { DEFAULT_QUERY_SETTINGS } from '../../../aggregator/query/query-settings.ts';
import { RESULT_FORMATS } from '../../../aggregator/query/result/result-format.ts';
import { LOG_COLUMN_TYPES } from '../../../aggregator/query/sql/log-view.ts';
import { columnName, FIELDS } from '../../../shared/fields.ts';
import { QueryServer } from './query-server.ts';
import { sampleRecords } from './sample-store.ts';

/** The reference says what the code does. `WEIR_UPDATE_DOCS=1` writes the table of fields anew. */
const path = new URL('../../../docs/query.md', import.meta.url);
const text = readFileSync(path, 'utf8');
const FIELDS_HEADING = '[fields.md](fields.md) says what each of them means.\n\n';

function fieldTable(): string {
  const rows = FIELDS.map((field) => {
    const column = columnName(field);
    const { type } = LOG_COLUMN_TYPES.find((candidate) => candidate.name === column)!;
    const values = field.values?.map((value) => `\`${value}\``).join(', ') ?? '';
    return `| \`${field.name}\` | ${column === 'end' ? '`"end"`' : `\`${column}\``} | ${type} | ${values} |`;
  });
  return ['| field | column of `log` | SQL type | values |', '|---|---|---|---|', ...rows].join('\n');
}

test('the table of fields is that of shared/fields.ts', (t) => {
  const start = text.indexOf(FIELDS_HEADING) + FIELDS_HEADING.length;
  if (process.env['WEIR_UPDATE_DOCS'] && !process.env['CI']) {
    writeFileSync(path, `${text.slice(0, start)}${fieldTable()}\n`);
    t.log('written');
    t.pass();
    return;
  }
  t.is(text.slice(start).trimEnd(), fieldTable());
});

test('limits and lists are those of the code', (t) => {
  const { maximumRows, deadlineMs, workers } = DEFAULT_QUERY_SETTINGS;
  for (const expected of [
    `at most ${MAXIMUM_TERMS.toLocaleString('en')} terms and ${MAXIMUM_DEPTH} levels`, `and ${maximumRows.toLocaleString('en')} at most`,
    `longer than ${deadlineMs / 1000} s`, `of their own, ${workers} at a time`, [...PROTOCOL_NUMBERS.keys()].map((name) => `\`${name}\``).join(', '),
    RESULT_FORMATS.map((name) => `\`${name}\``).join(', '),
  ]) t.true(text.includes(expected), expected);
});

test('every example is answered', async (t) => {
  const server = new QueryServer();
  try {
    await server.store.add(sampleRecords(20, 1));
    const blocks = [...text.matchAll(/```weir\n([^]*?)```/g)].flatMap(([, block]) => block!.trim().split('\n'));
    const searches = [...text.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell]) => [...cell!.matchAll(/`([^`]+)`/g)].map(([, query]) => query!))
      .filter((query) => !FIELDS.some((field) => field.name === query));
    t.true(blocks.length > 5 && searches.length > 15);
    for (const query of [...blocks, ...searches]) {
      const answer = await server.ask({ query });
      t.is(answer.status, 200, `${query}: ${answer.text.slice(0, 300)}`);
    }
  } finally {
    await server.stop();
  }
});
