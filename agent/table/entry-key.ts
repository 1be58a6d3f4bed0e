import {
  KEY_DST0, KEY_DST1, KEY_DST2, KEY_DST3, KEY_META, KEY_PORTS, KEY_SRC0, KEY_SRC1, KEY_SRC2, KEY_SRC3, META_IPV6,
} from '../../shared/flow-key.ts';

const IPV4_MAPPED = 0xffff;

/** Writes the key of the entry at `words[base]` and `prefixes[prefix]` to `key[0...]`, in the layout of shared/flow-key.ts. */
export function entryKey(words: Int32Array, base: number, prefixes: Int32Array, prefix: number, key: Int32Array): void {
  key[KEY_SRC3] = words[base + KEY_SRC3]!;
  key[KEY_DST3] = words[base + KEY_DST3]!;
  key[KEY_PORTS] = words[base + KEY_PORTS]!;
  key[KEY_META] = words[base + KEY_META]!;
  if ((key[KEY_META]! & META_IPV6) !== 0) {
    for (let word = 0; word < 6; word++) key[KEY_SRC0 + word] = prefixes[prefix + word]!;
    return;
  }
  key[KEY_SRC0] = 0;
  key[KEY_SRC1] = 0;
  key[KEY_SRC2] = IPV4_MAPPED;
  key[KEY_DST0] = 0;
  key[KEY_DST1] = 0;
  key[KEY_DST2] = IPV4_MAPPED;
}
