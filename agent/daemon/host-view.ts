import type { ReportDocument } from '../assignment/control-channel.ts';
import type { NetworkLink } from '../capture/live/network-link.ts';
import type { CapturePlan } from './capture-plan.ts';
import type { TapView } from './tap-board.ts';

/** What an agent tells of its host and of its ENIs. */
export type HostView = Pick<ReportDocument, 'interfaces' | 'enis'>;

/** `refusals`: by interface, why it could not be captured when it was last tried. */
export function hostView(links: readonly NetworkLink[], plan: CapturePlan, taps: readonly TapView[], refusals: ReadonlyMap<string, string>): HostView {
  const tapOf = new Map(taps.flatMap((tap) => tap.eniIds.map((eniId) => [eniId, tap])));
  const missing = new Map(plan.missing.map(({ eniId, reason }) => [eniId, reason]));
  const reasonOf = (eniId: string): string => {
    const name = tapOf.get(eniId)?.name;
    return missing.get(eniId) ?? (name === undefined ? 'its capture is being changed' : refusals.get(name) ?? `capture on ${name} is being started`);
  };
  return {
    interfaces: links.map(({ name, mac, up }) => ({ name, mac, up })),
    enis: [...(plan.watch?.keys() ?? [])].map((eniId) => (
      tapOf.get(eniId)?.isOpen ? { 'eni-id': eniId, 'state': 'capturing' } : { 'eni-id': eniId, 'state': 'missing', 'reason': reasonOf(eniId) })),
  };
}
