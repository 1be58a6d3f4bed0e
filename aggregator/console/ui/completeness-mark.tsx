import type { CompletenessSummary } from '../api/answers.ts';
import { Badge } from './badge.tsx';
import { counted, numberText, shareText } from './numbers.ts';

/** What a summary says in one word and one number; the counts stand in the title. */
export function CompletenessMark({ summary }: { summary: CompletenessSummary | null }) {
  if (!summary) return <span class="muted">–</span>;
  const { complete, partial, missing, lostPackets, lossUnknown, state, pendingWindows } = summary;
  const all = complete + partial + missing;
  if (all === 0) return <span class="muted" title={`${counted(pendingWindows, 'window')} not published yet`}>no windows</span>;
  const title = `${numberText(complete)} complete, ${numberText(partial)} partial, ${numberText(missing)} missing (ENI windows); ${counted(lostPackets, 'packet')} lost${lossUnknown > 0 ? `, unknown in ${numberText(lossUnknown)} more` : ''}`;
  return <span title={title}><Badge word={state} /> <span class="time">{shareText(complete, all)}</span></span>;
}
