import type { CompletenessSummary } from '../../api/answers.ts';
import { addressOf } from '../../state/address.ts';
import { Badge } from '../../ui/badge.tsx';
import { counted, numberText } from '../../ui/numbers.ts';

/** Whether an answer rests on all that passed; with the counts where it does not. */
export function CompletenessLine({ summary, logStore, from = null, to = null }: { summary: CompletenessSummary; logStore: string; from?: string | null; to?: string | null }) {
  const { state, complete, partial, missing, lostPackets, lossUnknown, pendingWindows } = summary;
  const parts = [
    ...(partial > 0 ? [`${numberText(partial)} partial`] : []), ...(missing > 0 ? [`${numberText(missing)} missing`] : []),
    ...(lostPackets > 0 ? [`${counted(lostPackets, 'packet')} lost`] : []), ...(lossUnknown > 0 ? [`loss unknown in ${numberText(lossUnknown)}`] : []),
    ...(pendingWindows > 0 ? [`${counted(pendingWindows, 'window')} not published yet`] : []),
  ];
  const all = complete + partial + missing;
  return (
    <span class="completeness-line">
      {all === 0 && state !== 'MISSING' ? <span class="muted">no windows in this range</span> : <Badge word={state} />}{' '}
      {parts.length > 0 && <a href={addressOf('/completeness', { logstore: logStore, from, to })}>{parts.join(', ')}{all > 0 && (partial > 0 || missing > 0) ? ` of ${counted(all, 'ENI window')}` : ''}</a>}
    </span>
  );
}
