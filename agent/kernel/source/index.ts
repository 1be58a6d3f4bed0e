/**
 * The packet path's kernel: AssemblyScript, compiled by scripts/kernel.mjs. It deals with packets that have nothing unusual in
 * them and stops at the first one that has; what it stops at takes the long way in TypeScript, which deals with every packet.
 * Layouts and bits are those of the TypeScript sources, imported from there.
 */
export { parseRecords, parsedTo } from './records';
export { decodeFrames } from './frames';
export { hashSlots, touchEntries } from './lookup';
export { countPackets } from './flows';
