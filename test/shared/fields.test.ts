import { readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { FIELDS, columnName, findField } from '../../shared/fields.ts';
import { valueReader } from '../../shared/record-values.ts';

const REFERENCE = new URL('../../docs/fields.md', import.meta.url);

function reference(): string {
  const rows = FIELDS.map((field) => {
    const values = field.values ? ` Values: ${field.values.map((value) => `\`${value}\``).join(', ')}.` : '';
    return `| \`${field.name}\` | \`${columnName(field)}\` | ${field.type} | ${field.inDefaultLine ? 'yes' : ''} | ${field.about}${values} |`;
  });
  return [
    '# Fields of a record', '',
    'The first 18 stand in the default line, in this order; the others are always stored and are chosen by name',
    '(`--fields default,rule-id` or `--fields all`). Absent values are `-` in text, empty in CSV, null in JSON and SQL.', '',
    '| field | SQL column | type | default line | meaning |', '|---|---|---|---|---|', ...rows, '',
  ].join('\n');
}

test('docs/fields.md is what the field table says (WEIR_REWRITE_GOLDEN=1 writes it)', (t) => {
  if (process.env['WEIR_REWRITE_GOLDEN'] === '1') writeFileSync(REFERENCE, reference());
  t.is(readFileSync(REFERENCE, 'utf8'), reference());
});

test('the default line has the 18 fields of the record in their order', (t) => {
  t.is(
    FIELDS.filter((field) => field.inDefaultLine).map((field) => field.name).join(' '),
    'version vswitch-id vm-id vpc-id account-id eni-id srcaddr srcport dstaddr dstport protocol direction packets bytes start end log-status action',
  );
});

test('each field has a line that fills it, and is found by both spellings', (t) => {
  for (const field of FIELDS) {
    t.is(typeof valueReader(field.name), 'function');
    t.is(findField(columnName(field)), field);
  }
  t.is(findField('no-such-field'), undefined);
});
