import { parse } from 'yaml';
import { Pipeline } from '../../agent/pipeline.ts';
import type { WindowSink } from '../../agent/seal/sealer.ts';
import { findField } from '../../shared/fields.ts';
import { PacketBatch, type CaptureInterface } from '../../shared/packet-batch.ts';
import { valueReader } from '../../shared/record-values.ts';
import { STATUS_OK, type RecordContext, type Records } from '../../shared/records.ts';
import { lostPackets } from '../../shared/seal.ts';
import { parseTopology } from '../../shared/topology/parse.ts';
import type { Topology } from '../../shared/topology/topology.ts';
import { LINKTYPE_ETHERNET } from '../frames/captured-packet.ts';
import type { VerdictCase } from './case-file.ts';
import { packetFromLine } from './packet-line.ts';

/** 2023-11-14T22:00:00Z: time 0 of every case, a bound of every window that cases use. */
const START_SECONDS = 1_699_999_200;

/** The rows that the case's packets give, in the order of their first packets, as the cells of its table. */
export function runCase(one: VerdictCase, source: string): string[][] {
  const topologies = new Map(Array.from(one.topologies.keys(), (revision) => [revision, topologyOf(one, revision, source)]));
  const found: { window: number; firstSeenUs: number; cells: string[] }[] = [];
  let counted = 0;
  const sink: WindowSink = {
    rows: (rows, context) => {
      for (let row = 0; row < rows.count; row++) {
        if (rows.status[row] !== STATUS_OK) continue;
        const cells = one.columns.map((column) => cellOf(column, rows, row, context));
        found.push({ window: rows.windowStart, firstSeenUs: rows.firstSeenUs[row]!, cells });
      }
    },
    seals: (seals) => {
      for (const seal of seals) {
        if (seal.packetsSeen !== seal.packets || lostPackets(seal) !== 0) throw new Error(`a seal does not add up: ${JSON.stringify(seal)}`);
        counted += seal.packetsSeen;
      }
    },
  };
  const pipeline = new Pipeline({ topology: topologies.get(1)!, windowSeconds: one.windowSeconds, tableCapacity: 1024, agentId: 'case' }, sink);
  feed(pipeline, one, topologies, source);
  pipeline.close();
  if (counted === 0) throw new Error('no packet belonged to an ENI');
  return found.toSorted((a, b) => a.window - b.window || a.firstSeenUs - b.firstSeenUs).map(({ cells }) => cells);
}

function topologyOf(one: VerdictCase, revision: number, source: string): Topology {
  const layers = one.topologies.get(revision)!.map((text) => parse(text) as object);
  return parseTopology(JSON.stringify(Object.assign({}, ...layers)), `${source}:${one.line} (${one.title}), revision ${revision}`);
}

function feed(pipeline: Pipeline, one: VerdictCase, topologies: ReadonlyMap<number, Topology>, source: string): void {
  const interfaces: CaptureInterface[] = [];
  const batch = new PacketBatch(1);
  for (const { text, line } of one.packets) {
    const revision = /^\s*revision (\d+)\s*$/.exec(text);
    if (revision) {
      const next = topologies.get(Number(revision[1]));
      if (!next) throw new Error(`${source}:${line}: there is no block "yaml revision ${revision[1]}"`);
      pipeline.revise(next, Number(revision[1]));
      continue;
    }
    let packet;
    try {
      packet = packetFromLine(text, topologies.get(1)!);
    } catch (error) {
      throw new Error(`${source}:${line}: ${(error as Error).message}`, { cause: error });
    }
    let index = interfaces.findIndex(({ name }) => name === packet.interfaceName);
    if (index < 0) index = interfaces.push({ name: packet.interfaceName, linkType: LINKTYPE_ETHERNET }) - 1;
    for (let copy = 0; copy < packet.count; copy++) {
      batch.setBytes(packet.frame);
      batch.count = 1;
      batch.offset[0] = 0;
      batch.captureLength[0] = batch.originalLength[0] = packet.frame.length;
      batch.timeUs[0] = START_SECONDS * 1e6 + Math.round(packet.seconds * 1e6);
      batch.interfaceIndex[0] = index;
      pipeline.process(batch, 0, 1, interfaces);
    }
  }
}

const SHORT_NAMES: Readonly<Record<string, string>> = { eni: 'eni-id', reason: 'rule-reason', group: 'sg-id', rule: 'rule-id', revision: 'ruleset-rev', state: 'flow-state' };
const PROTOCOL_NAMES = new Map([[1, 'icmp'], [6, 'tcp'], [17, 'udp'], [33, 'dccp'], [47, 'gre'], [58, 'icmpv6'], [132, 'sctp'], [136, 'udplite']]);

function cellOf(column: string, rows: Records, row: number, context: RecordContext): string {
  const read = (name: string): string => String(valueReader(name)(rows, row, context) ?? '-');
  switch (column) {
    case 'from': return endpoint(read('srcaddr'), read('srcport'));
    case 'to': return endpoint(read('dstaddr'), read('dstport'));
    case 'protocol': return PROTOCOL_NAMES.get(rows.protocol[row]!) ?? read('protocol');
    case 'window': return `${rows.windowStart - START_SECONDS} s`;
  }
  const name = SHORT_NAMES[column] ?? column;
  if (!findField(name)) throw new Error(`there is no column ${column}`);
  return read(name);
}

function endpoint(address: string, port: string): string {
  if (port === '0') return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
