import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../shared/protocol.ts';
import { TIMER_CLOSED, TIMER_OTHER, TIMER_TCP, TIMER_UDP } from './entry.ts';

/** After how many seconds without a packet, in either direction, a connection is over. */
export interface IdleTimers {
  readonly tcpSeconds: number;
  /** After FIN both ways or RST. */
  readonly closedSeconds: number;
  readonly udpSeconds: number;
  readonly otherSeconds: number;
}

export const DEFAULT_IDLE_TIMERS: IdleTimers = { tcpSeconds: 910, closedSeconds: 10, udpSeconds: 180, otherSeconds: 30 };

/** Microseconds by the TIMER_ constants. */
export function idleTimersUs(timers: IdleTimers): Float64Array {
  const us = new Float64Array(4);
  us[TIMER_TCP] = timers.tcpSeconds * 1e6;
  us[TIMER_CLOSED] = timers.closedSeconds * 1e6;
  us[TIMER_UDP] = timers.udpSeconds * 1e6;
  us[TIMER_OTHER] = timers.otherSeconds * 1e6;
  return us;
}

export function timerOf(protocol: number): number {
  if (protocol === PROTOCOL_TCP) return TIMER_TCP;
  return protocol === PROTOCOL_UDP ? TIMER_UDP : TIMER_OTHER;
}
