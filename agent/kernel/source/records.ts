/** Where the first record begins that was not parsed. */
export let parsedTo: i32 = 0;

/** Words of a record header: seconds, fraction, capture length, original length. */
const RECORD_BYTES: i32 = 16;
const MAX_INT32: i32 = 0x7fffffff;

/**
 * Classic pcap in little-endian order, without the modified header: as PcapRecords.parse. Rows [from, capacity) of a batch
 * from the records in bytes[start, end). Returns the rows that there are then. Stops at a record that is not whole or damaged.
 */
export function parseRecords(
  bytes: usize, start: i32, end: i32, maxCaptured: i32, unitsPerUs: f64,
  from: i32, capacity: i32, offsets: usize, captured: usize, original: usize, times: usize,
): i32 {
  let at = start;
  let row = from;
  for (; row < capacity; row++) {
    if (end - at < RECORD_BYTES) break;
    const record = bytes + <usize>at;
    const length = load<i32>(record, 8);
    if (<u32>length > <u32>maxCaptured || end - at - RECORD_BYTES < length) break;
    const onTheWire = load<i32>(record, 12);
    const column = <usize>row << 2;
    store<i32>(offsets + column, at + RECORD_BYTES);
    store<i32>(captured + column, length);
    store<i32>(original + column, onTheWire < 0 ? MAX_INT32 : onTheWire);
    const fraction = <f64>load<u32>(record, 4);
    store<f64>(times + (<usize>row << 3), <f64>load<u32>(record) * 1e6 + (unitsPerUs == 1 ? fraction : floor(fraction / unitsPerUs)));
    at += RECORD_BYTES + length;
  }
  parsedTo = at;
  return row;
}
