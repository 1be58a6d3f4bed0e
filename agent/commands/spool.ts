import type { CommandModule } from 'yargs';
import { WeirError, refusedBySystem } from '../../shared/errors.ts';
import { readRefused } from '../ship/refused-batch.ts';
import { DirectoryDisk, QUARANTINE, type SpoolDisk } from '../spool/spool-disk.ts';
import { reportSpool, type ReportedBatch, type SpoolReport } from '../spool/spool-report.ts';

interface InspectArguments {
  directory: string;
  json: boolean;
  show: string | undefined;
}

/** `weir spool inspect`: what waits in an agent's spool, and what was set aside. */
export function spoolCommand(): CommandModule {
  return {
    command: 'spool',
    describe: 'What waits on an agent\'s disk for the collector',
    builder: (yargs) => yargs.command(inspectCommand()).demandCommand(1, 'weir spool inspect DIRECTORY lists what is there'),
    handler: () => {},
  };
}

function inspectCommand(): CommandModule<object, InspectArguments> {
  return {
    command: 'inspect <directory>',
    describe: 'Batches that wait, losses that are stated, and what was set aside; changes nothing',
    builder: (yargs) => yargs
      .positional('directory', { type: 'string', demandOption: true, describe: 'the spool, such as /var/lib/weir-agent/spool' })
      .option('json', { type: 'boolean', default: false, describe: 'one JSON object' })
      .option('show', { type: 'string', requiresArg: true, describe: 'rows and seals of a refused batch in the quarantine, one JSON object a line' }),
    handler: ({ directory, json, show }) => inspect(DirectoryDisk.at(directory), json, show),
  };
}

async function inspect(disk: SpoolDisk, isJson: boolean, show: string | undefined): Promise<void> {
  if (show !== undefined) {
    for (const line of await readRefused(await readQuarantined(disk, show))) process.stdout.write(`${JSON.stringify(line)}\n`);
    return;
  }
  let report: SpoolReport;
  try {
    report = await reportSpool(disk);
  } catch (error) {
    throw refusedBySystem('STORAGE', `${disk.place} cannot be read as a spool`, error);
  }
  process.stdout.write(isJson ? `${JSON.stringify(report)}\n` : reportText(report));
}

async function readQuarantined(disk: SpoolDisk, name: string): Promise<Buffer> {
  const names = await disk.list(QUARANTINE).catch(() => [] as string[]);
  const refused = names.filter((one) => one.includes('-refused-'));
  if (!refused.includes(name)) {
    throw new WeirError('USAGE', `no refused batch ${JSON.stringify(name)} in the quarantine of ${disk.place}; ${refused.length === 0 ? 'there is none at all' : `there are ${refused.slice(0, 10).join(', ')}`}`);
  }
  const file = await disk.open(`${QUARANTINE}/${name}`, 'read');
  try {
    return await file.read(0, await file.size());
  } finally {
    await file.close();
  }
}

function reportText({ agentId, epoch, sequence, segments, batches, damaged, missing, strays, quarantine }: SpoolReport): string {
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const lines = [
    agentId === null ? 'no position: what was sent is not known' : `agent ${agentId}, epoch ${epoch}, acknowledged up to ${sequence}`,
    `${batches.length} batches wait, in ${segments.length} segments of ${bytes} bytes`,
    ...batches.map(batchText),
    ...damaged.map(([first, last]) => `damaged: ${first} to ${last}`),
    ...missing.map(([first, last]) => `missing: ${first} to ${last}`),
    ...strays.map((name) => `not of the spool: ${name}`),
    ...quarantine.map((file) => `set aside: ${file.name}, ${file.bytes} bytes`),
  ];
  return `${lines.join('\n')}\n`;
}

function batchText({ id, windowStart, rows, packets, seals, droppedRows, droppedPackets, bytes, isBound }: ReportedBatch): string {
  const what = windowStart === null
    ? `states the loss of ${droppedRows} records with ${droppedPackets} packets in ${seals} windows of ENIs`
    : `window ${new Date(windowStart * 1000).toISOString().replace('.000Z', 'Z')}, ${rows} records with ${packets} packets, ${seals} seals`;
  return `${String(id).padStart(8)}  ${what}, ${bytes} bytes${isBound ? ', being sent' : ''}`;
}
