import { FIELDS } from '../../../../shared/fields.ts';
import { hasPorts } from '../../../../shared/protocol.ts';
import { useLoaded } from '../../api/loaded.ts';
import { Badge } from '../../ui/badge.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Facts } from '../../ui/facts.tsx';
import { Notice, ProblemNotice } from '../../ui/notice.tsx';
import { Table } from '../../ui/table.tsx';
import { Text } from '../../ui/text.tsx';
import { Time } from '../../ui/time.tsx';
import { fieldText, plainText } from './field-text.ts';
import { ask, explorerAddress, type FlowRecord, type QueryRecords } from './question.ts';
import { connectionSearch, KEY_FIELDS, recordSearch, startOf } from './record-key.ts';
import { WhySection } from './why-section.tsx';

/** How far from the record its connection is looked for. */
const AROUND_SECONDS = 3600;
const MAX_CONNECTION = 200;

/** One record, found by the search that names it. */
export function RecordPanel({ logStore, search, onClose }: { logStore: string; search: string; onClose: () => void }) {
  const { value, problem } = useLoaded((signal) => {
    const start = startOf(search);
    return ask<QueryRecords>(logStore, { query: search, fields: 'all', limit: 1, from: start ?? 0, ...(start === null ? {} : { to: start + 1 }) }, signal);
  }, [logStore, search]);
  const record = value?.records[0];
  return (
    <Dialog title="Record" side onClose={onClose}>
      {problem && <ProblemNotice problem={problem} />}
      {value && !record && <Notice kind="warning" title="There is no such record">It may have been removed since, as the LogStore keeps no more than its limits allow.</Notice>}
      {record && <RecordBody logStore={logStore} record={record} />}
    </Dialog>
  );
}

function RecordBody({ logStore, record }: { logStore: string; record: FlowRecord }) {
  const isTraffic = record['action'] !== null && record['action'] !== undefined;
  return (
    <>
      <p class="record-title">
        {isTraffic && <Badge word={String(record['action'])} />} <span><Time at={Number(record['start'])} /></span>
        {isTraffic && <bdi class="mono">{endText(record, 'srcaddr', 'srcport')} → {endText(record, 'dstaddr', 'dstport')} {fieldText('protocol', record['protocol'])}</bdi>}
      </p>
      {isTraffic && <WhySection record={record} />}
      {isTraffic && <Connection logStore={logStore} record={record} />}
      <section class="stack">
        <h3>All fields</h3>
        <Facts facts={FIELDS.map(({ name }) => [name, <FieldValue name={name} value={record[name]} />] as const)} />
      </section>
    </>
  );
}

/** `10.0.0.1:443`, `[2001:db8::1]:443`; without a port where the protocol has none. */
function endText(record: FlowRecord, address: string, port: string): string {
  const text = fieldText(address, record[address]);
  if (!hasPorts(Number(record['protocol']))) return text;
  return `${text.includes(':') ? `[${text}]` : text}:${fieldText(port, record[port])}`;
}

function FieldValue({ name, value }: { name: string; value: FlowRecord[string] | undefined }) {
  const plain = plainText(name, value);
  return <><Text value={value === null || value === undefined ? null : fieldText(name, value)} mono />{plain !== null && <span class="muted mono"> {plain}</span>}</>;
}

/** Both directions of the 5-tuple, some time before and after. */
function Connection({ logStore, record }: { logStore: string; record: FlowRecord }) {
  const search = connectionSearch(record);
  const from = Number(record['start']) - AROUND_SECONDS;
  const to = Number(record['end']) + AROUND_SECONDS;
  const { value, problem } = useLoaded(async (signal) => (search === null ? null : await ask<QueryRecords>(logStore, {
    query: search, from: Math.max(0, from), to, limit: MAX_CONNECTION, fields: [...KEY_FIELDS, 'packets', 'bytes', 'tcp-flags', 'initiator', 'flow-state'].join(','),
  }, signal)), [logStore, search, from, to]);
  if (search === null) return null;
  return (
    <section class="stack">
      <h3>The connection it belongs to</h3>
      {problem && <ProblemNotice problem={problem} />}
      {value && (
        <Table<FlowRecord>
          label="Records of the connection" rows={value.records} rowKey={(row) => recordSearch(row)} rowClass={(row) => (recordSearch(row) === recordSearch(record) ? 'this' : undefined)} empty="No record within an hour."
          columns={[
            { key: 'start', title: 'Window', cell: (row) => <a href={explorerAddress({ logStore, query: search, from: String(Math.max(0, from)), to: String(to) }, { record: recordSearch(row) })}><Time at={Number(row['start'])} /></a> },
            { key: 'action', title: 'Action', cell: (row) => <Badge word={String(row['action'] ?? '–')} /> },
            { key: 'way', title: 'Way', cell: (row) => (row['srcaddr'] === record['srcaddr'] && row['srcport'] === record['srcport'] ? 'this' : 'reverse') },
            { key: 'eni', title: 'ENI', width: 'narrow', cell: (row) => <Text value={row['eni-id'] as string} mono /> },
            { key: 'direction', title: 'Direction', cell: (row) => String(row['direction'] ?? '') },
            { key: 'reason', title: 'Reason', cell: (row) => <Text value={row['rule-reason'] as string} /> },
            { key: 'packets', title: 'Packets', isNumber: true, cell: (row) => fieldText('packets', row['packets']) },
            { key: 'bytes', title: 'Bytes', isNumber: true, cell: (row) => fieldText('bytes', row['bytes']) },
            { key: 'flags', title: 'Flags', cell: (row) => fieldText('tcp-flags', row['tcp-flags']) },
          ]}
        />
      )}
      <p><a href={explorerAddress({ logStore, query: search, from: String(Math.max(0, from)), to: String(to) })}>Show it in the explorer</a></p>
    </section>
  );
}
