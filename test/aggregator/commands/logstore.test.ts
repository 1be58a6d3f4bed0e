import test from 'ava';
import { NDJSON_TYPE } from '../../../aggregator/receive/receiver.ts';
import { operate, run, WEIR_WORDS, type Operated } from './weir-program.ts';

/** A window of a day ago: not so old that retention takes it. */
const START = Math.floor(Date.now() / 600_000) * 600 - 86_400;
const RECORDS = [
  {
    'eni-id': 'eni-1', 'srcaddr': '10.0.0.1', 'srcport': 40000, 'dstaddr': '10.0.0.2', 'dstport': 53, 'protocol': 17, 'direction': 'out', 'packets': 2, 'bytes': 120,
    'start': START, 'end': START + 600, 'action': 'ACCEPT',
  },
  { seal: { 'eni-id': 'eni-1', 'window-start': START, 'window-seconds': 600, 'records': 1, 'packets': 2, 'bytes': 120, 'packets-seen': 2, 'ring-drops': 0, 'gap-packets': 0 } },
].map((line) => JSON.stringify(line)).join('\n');
const minute = (seconds: number): string => `${new Date(seconds * 1000).toISOString().slice(0, 16)}Z`;

async function fill({ collector }: Operated, logStore: string, sequence: number): Promise<void> {
  const response = await collector.request('/v1/batches', {
    method: 'POST', body: RECORDS,
    headers: { 'content-type': NDJSON_TYPE, 'weir-agent-id': 'by-hand', 'weir-epoch': '1', 'weir-sequence': String(sequence), 'weir-logstore': logStore },
  });
  if (!response.ok) throw new Error(await response.text());
  await collector.flush();
}

test('the life of a LogStore', async (t) => {
  const operated = await operate(t);
  const empty = await operated.weir('logstore', 'list');
  t.deepEqual([empty.stdout, empty.stderr], ['', 'weir: there is no LogStore yet; weir logstore create NAME makes one\n']);
  const made = await operated.weir('logstore', 'create', 'all', '--retention', '4w', '--max-bytes', '10GB', '--search', 'on');
  t.deepEqual(made, { code: 0, stdout: '', stderr: 'weir: LogStore all is created: retention 28d, 10.0 GB, search on\n' });
  await fill(operated, 'all', 1);
  const [list, shown, [json]] = await Promise.all([operated.weir('logstore', 'ls'), operated.weir('logstore', 'show', 'all'), operated.objects('logstore', 'show', 'all', '--json')]);
  t.regex(list.stdout, new RegExp(`^name +rows +bytes +windows +from +to +retention +search\nall +1 +[\\d.]+ kB +1 +${minute(START)} +${minute(START + 600)} +28d, 10.0 GB +on\n$`));
  t.regex(shown.stdout, /^name +all\nrows +1\nbytes +[\d.]+ kB\nwindows +1\nfrom +[\d:T-]+Z\n[^]*\n\nday +rows taken in +bytes taken in +bytes stored\n\d{4}-\d\d-\d\d +1 +[\d.]+ kB +[\d.]+ kB\n$/);
  t.like(json, { name: 'all', rows: 1, windows: 1, search: true, 'retention-days': 28, 'retention-bytes': 1e10 });
  const changed = await operated.weir('logstore', 'update', 'all', '--retention', 'none', '--max-bytes', '500MiB', '--search', 'off');
  t.is(changed.stderr, 'weir: LogStore all: retention 524 MB, search off\n');

  const unasked = await operated.weir('logstore', 'delete', 'all');
  t.is(unasked.code, 2);
  t.regex(unasked.stderr, /all records in all would be deleted \(1 row, [\d.]+ kB\).*say --yes/);
  t.is((await operated.objects('logstore', 'list', '--json')).length, 1);
  const deleted = await operated.weir('logstore', 'rm', 'all', '--yes');
  t.regex(deleted.stderr, /^weir: LogStore all is deleted, with 1 row, [\d.]+ kB\n$/);
  t.deepEqual(await operated.objects('logstore', 'list', '--json'), []);
});

test('on a terminal, who deletes writes the name', async (t) => {
  const operated = await operate(t);
  await fill(operated, 'default', 1);
  const onTerminal = (answer: string) => {
    const environment = { WEIR_COLLECTOR: operated.collector.url, WEIR_TOKEN_FILE: operated.collector.adminTokenFile };
    const words = [...WEIR_WORDS, 'logstore', 'delete', 'default'].map((word) => `'${word}'`).join(' ');
    return run(['script', '--quiet', '--return', '--command', words, '/dev/null'], { environment, input: answer });
  };
  const wrong = await onTerminal('defualt\n');
  t.is(wrong.code, 2);
  t.regex(wrong.stdout, /All records in default will be deleted \(1 row, [^)]*\)\. To go on, write its name: [^]*nothing was deleted/);
  t.is((await operated.objects('logstore', 'list', '--json')).length, 1);
  const right = await onTerminal('default\n');
  t.is(right.code, 0);
  t.regex(right.stdout, /LogStore default is deleted/);
  t.deepEqual(await operated.objects('logstore', 'list', '--json'), []);
});

test('refusals', async (t) => {
  const operated = await operate(t);
  await fill(operated, 'default', 1);
  t.is((await operated.weir('logstore', 'create', 'all')).code, 0);
  const refusals = await Promise.all([
    operated.weir('logstore', 'create', 'all'), operated.weir('logstore', 'create', 'Not a name'), operated.weir('logstore', 'show', 'nix'),
    operated.weir('logstore', 'delete', 'nix', '--yes'), operated.weirGiven({ environment: { WEIR_TOKEN_FILE: '' } }, 'logstore', 'list'),
    operated.weir('logstore', 'create', 'b', '--retention', '36h'), operated.weir('logstore', 'create', 'b', '--max-bytes', 'much'),
    operated.weir('logstore', 'update', 'all'),
  ]);
  t.deepEqual(refusals.map(({ code }) => code), [1, 1, 1, 1, 77, 2, 2, 2]);
  t.regex(refusals[1]!.stderr, /^weir: name: "Not a name" is not a LogStore name/);
  t.regex(refusals[5]!.stderr, /--retention is "36h"; it takes whole days, such as 30d or 4w, or none/);
  t.regex(refusals[6]!.stderr, /--max-bytes is "much"; it takes a size such as 10GB/);
});
