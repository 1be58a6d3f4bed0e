import { visible } from './text.tsx';

/** Words whose colour means something, everywhere the same. */
const TONES: Readonly<Record<string, string>> = {
  ACCEPT: 'accepted', accept: 'accepted', Active: 'accepted', COMPLETE: 'accepted', capturing: 'accepted',
  REJECT: 'rejected', drop: 'rejected', Revoked: 'rejected',
  PARTIAL: 'partial', MISSING: 'missing', missing: 'missing',
};

export function Badge({ word, text = word, title }: { word: string; text?: string; title?: string }) {
  return <span class={`badge ${TONES[word] ?? 'neutral'}`} title={title}>{visible(text)}</span>;
}
