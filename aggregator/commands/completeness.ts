import type { CommandModule } from 'yargs';
import type { CommandLog } from '../../shared/command-log.ts';
import type { CellAgent, CompletenessCell } from '../api/completeness-answer.ts';
import { CollectorClient } from '../client/collector-client.ts';
import { pagesOf } from '../client/listed.ts';
import type { Completeness } from '../logstore/catalog.ts';
import { timeRange } from '../query/time-range.ts';
import { collectorCommand, type CollectorArguments } from './command-group.ts';
import { CompletenessPicture, timeText, type CellTotals } from './completeness-grid.ts';
import { counted, listTable, print, printJson } from './printed.ts';

interface CompletenessArguments extends CollectorArguments {
  logstore: string | undefined;
  eni: string | undefined;
  from: string | undefined;
  to: string | undefined;
}

const DEFAULT_FROM = '-24h';
const PAGE_CELLS = 10_000;
const SHOWN_INCOMPLETE = 10;
const DEFAULT_WIDTH = 80;

/** `weir completeness`: for each ENI and window, whether everything that passed is in the records. */
export function completenessCommand(log: CommandLog): CommandModule {
  return collectorCommand<CompletenessArguments>('completeness', 'Which windows of which ENI are complete: a grid, and totals', '', (yargs) => yargs
    .option('logstore', { type: 'string', requiresArg: true, describe: 'windows of this LogStore; unless given, all that agents were to seal' })
    .option('eni', { type: 'string', requiresArg: true, describe: 'this ENI only' })
    .option('from', { type: 'string', requiresArg: true, default: DEFAULT_FROM, describe: 'windows that end after this time: Unix seconds, RFC 3339, or -1h' })
    .option('to', { type: 'string', requiresArg: true, describe: 'windows that start before this time; now unless given' }),
  (given) => completeness(given, log));
}

async function completeness(given: CompletenessArguments, log: CommandLog): Promise<void> {
  const { from, to } = timeRange(given.from, given.to, Math.floor(Date.now() / 1000));
  const query = { logstore: given.logstore, eni: given.eni, from, to };
  const picture = new CompletenessPicture();
  const incomplete: CompletenessCell[] = [];
  let pendingWindows = 0;
  for await (const page of pagesOf<CompletenessCell, 'cells'>(CollectorClient.from(given, process.env), '/v1/completeness', 'cells', query, { pageItems: PAGE_CELLS })) {
    pendingWindows += (page as unknown as { summary: Completeness | null }).summary?.pendingWindows ?? 0;
    for (const cell of page.cells) {
      picture.add(cell);
      if (cell.state !== 'COMPLETE') incomplete.push(cell);
      if (incomplete.length > SHOWN_INCOMPLETE) incomplete.shift();
      if (given.json && !await printJson(cell)) return;
    }
  }
  const { totals } = picture;
  if (!given.json && totals.cells > 0) {
    await print(picture.draw({ width: process.stdout.columns ?? DEFAULT_WIDTH, hasColour: hasColour() }));
    await print(incompleteText(incomplete, totals));
  }
  log.info(`${totalsText(totals)}${pendingWindows > 0 ? `; ${counted(pendingWindows, 'window')} not published yet` : ''}`);
}

/** Of those that are not complete, the newest, with the reason. */
function incompleteText(cells: readonly CompletenessCell[], { partial, missing }: CellTotals): string {
  if (cells.length === 0) return '';
  const rows = cells.toReversed().map((cell) => [
    timeText(cell.start), cell['eni-id'], cell.state, lossText(cell), because(cell),
  ]);
  const left = partial + missing - rows.length;
  return `\n${listTable(['window', 'eni', 'state', 'packets lost', 'because'], rows)}${left > 0 ? `and ${left} older; --json has all\n` : ''}`;
}

function lossText({ 'lost-packets': lost, 'loss-unknown': isUnknown }: CompletenessCell): string {
  if (!isUnknown) return String(lost);
  return lost === 0 ? 'unknown' : `${lost} or more`;
}

function because(cell: CompletenessCell): string {
  return cell.agents.flatMap((agent) => reasons(agent).map((reason) => `${agent['agent-id']}: ${reason}`)).join('; ');
}

function reasons(agent: CellAgent): string[] {
  if (agent.records === null) return ['no seal came'];
  const found: string[] = [];
  if (!agent.sealed) found.push('no seal came for a part');
  const count = (packets: number | null, what: string): void => {
    if (packets === null) found.push(`${what} unknown`);
    else if (packets > 0) found.push(`${what} ${packets}`);
  };
  count(agent['ring-drops'], 'ring drops');
  count(agent['gap-packets'], 'gap');
  count(agent['late-packets'], 'late');
  count(agent['undecodable-packets'], 'undecodable');
  if (agent.rows < agent.records) found.push(`${agent.records - agent.rows} records did not come`);
  return found.length > 0 || !agent.partial ? found : ['a part of the window only'];
}

function totalsText({ cells, complete, nodata, partial, missing, lostPackets, lossUnknown }: CellTotals): string {
  if (cells === 0) return 'no window was published in this time';
  const parts = [`${complete} of ${cells} ENI windows complete${nodata > 0 ? ` (${nodata} without traffic)` : ''}`];
  if (partial > 0) parts.push(`${partial} partial`);
  if (missing > 0) parts.push(`${missing} missing`);
  if (lostPackets > 0 || lossUnknown > 0) parts.push(`${counted(lostPackets, 'packet')} lost${lossUnknown > 0 ? `, and uncounted ones in ${counted(lossUnknown, 'window')}` : ''}`);
  return parts.join(', ');
}

/** https://no-color.org */
function hasColour(): boolean {
  return process.stdout.isTTY === true && !process.env['NO_COLOR'];
}
