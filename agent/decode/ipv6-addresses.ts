import { KEY_DST0, KEY_DST1, KEY_DST2, KEY_DST3, KEY_SRC0, KEY_SRC1, KEY_SRC2, KEY_SRC3 } from '../../shared/flow-key.ts';

const SOURCE = 8;
const DESTINATION = 24;

/** Copies both addresses of the IPv6 header at `offset` into the key at `keys[at]`. */
export function ipv6Addresses(view: DataView, offset: number, keys: Int32Array, at: number): void {
  keys[at + KEY_SRC0] = view.getInt32(offset + SOURCE);
  keys[at + KEY_SRC1] = view.getInt32(offset + SOURCE + 4);
  keys[at + KEY_SRC2] = view.getInt32(offset + SOURCE + 8);
  keys[at + KEY_SRC3] = view.getInt32(offset + SOURCE + 12);
  keys[at + KEY_DST0] = view.getInt32(offset + DESTINATION);
  keys[at + KEY_DST1] = view.getInt32(offset + DESTINATION + 4);
  keys[at + KEY_DST2] = view.getInt32(offset + DESTINATION + 8);
  keys[at + KEY_DST3] = view.getInt32(offset + DESTINATION + 12);
}
