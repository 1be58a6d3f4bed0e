import type { FlowLog } from '../../api/answers.ts';
import { addressOf } from '../../state/address.ts';
import { Age } from '../../ui/time.tsx';
import type { StoreState } from './store-state.ts';

/** When the last packet was seen that is in the records of the flow log, in the last day. */
export function LastRecord({ flowLog, state }: { flowLog: FlowLog; state: StoreState | null }) {
  if (state?.isSearchable === false) return <a class="muted" href={addressOf('/explorer', { logstore: flowLog.logstore })} title="It is known once the LogStore's search is on">search is off</a>;
  return <Age at={state?.lastRecords.get(flowLog['flow-log-id']) ?? null} />;
}
