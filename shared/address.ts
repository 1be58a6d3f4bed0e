/**
 * Internet addresses as four 32-bit words, most significant first; IPv4 as IPv4-mapped (0, 0, 0xffff, address;
 * RFC 4291 section 2.5.5.2). Words are signed, as an Int32Array gives them.
 *
 * Parsing is strict: no octal or short IPv4 forms, no zone ids, no white space.
 */
export const ADDRESS_WORDS = 4;
const MAPPED_PREFIX = 0xffff;

export type AddressFamily = 4 | 6;

export interface Cidr {
  /** The network: bits beyond the prefix are zero. */
  readonly words: Int32Array;
  /** 0 to 128; that of an IPv4 network is 96 more than written. */
  readonly prefixLength: number;
  /** As written: `::/0` does not hold IPv4 addresses, although their mapped form lies in it. */
  readonly family: AddressFamily;
}

/** The address's words, or null if the text is no address. */
export function parseAddress(text: string): Int32Array | null {
  const words = new Int32Array(ADDRESS_WORDS);
  if (text.includes(':')) return text.length <= 45 && parseIpv6(text, words) ? words : null;
  const ipv4 = parseIpv4(text, 0);
  if (ipv4 < 0) return null;
  words[2] = MAPPED_PREFIX;
  words[3] = ipv4;
  return words;
}

/** `10.0.0.0/8`, `2001:db8::/32`; an address alone is a network of one. Bits beyond the prefix are cleared. */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const words = parseAddress(address);
  if (!words) return null;
  const family = address.includes(':') ? 6 : 4;
  const longest = family === 4 ? 32 : 128;
  let prefixLength = longest;
  if (slash >= 0) {
    const digits = text.slice(slash + 1);
    if (!/^(0|[1-9]\d{0,2})$/.test(digits)) return null;
    prefixLength = Number(digits);
    if (prefixLength > longest) return null;
  }
  if (family === 4) prefixLength += 96;
  for (let word = 0; word < ADDRESS_WORDS; word++) words[word]! &= wordMask(prefixLength - word * 32);
  return { words, prefixLength, family };
}

/** The mask of one word of which the first `bits` belong to the prefix. */
export function wordMask(bits: number): number {
  return bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits);
}

/** The IPv4 address that `text` holds from `start` to its end, 0 to 2^32 - 1; -1 if it holds none. */
function parseIpv4(text: string, start: number): number {
  const end = text.length;
  if (end - start < 7 || end - start > 15) return -1;
  let address = 0;
  let octet = 0;
  let digits = 0;
  let octets = 0;
  for (let at = start; at <= end; at++) {
    const code = at < end ? text.charCodeAt(at) : 46;
    if (code === 46) {
      if (digits === 0 || octet > 255) return -1;
      address = address * 256 + octet;
      octets++;
      octet = 0;
      digits = 0;
    } else {
      if (code < 48 || code > 57 || digits === 3 || (digits === 1 && octet === 0)) return -1;
      octet = octet * 10 + code - 48;
      digits++;
    }
  }
  return octets === 4 ? address : -1;
}

function parseIpv6(text: string, words: Int32Array): boolean {
  const gap = text.indexOf('::');
  const head = gap < 0 ? text : text.slice(0, gap);
  const tail = gap < 0 ? '' : text.slice(gap + 2);
  // The dotted form can only be the end of the whole address.
  const before = parseGroups(head, gap < 0);
  const after = parseGroups(tail, true);
  if (!before || !after) return false;
  const given = before.length + after.length;
  if (gap < 0 ? given !== 8 : given > 7) return false;
  const groups = [...before, ...Array<number>(8 - given).fill(0), ...after];
  for (let word = 0; word < ADDRESS_WORDS; word++) words[word] = groups[word * 2]! << 16 | groups[word * 2 + 1]!;
  return true;
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | null {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index]!;
    if (mayEndInIpv4 && index === parts.length - 1 && part.includes('.')) {
      const ipv4 = parseIpv4(part, 0);
      if (ipv4 < 0) return null;
      groups.push(ipv4 >>> 16, ipv4 & 0xffff);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(parseInt(part, 16));
    } else {
      return null;
    }
  }
  return groups;
}

const OCTETS: readonly string[] = Array.from({ length: 256 }, (_, octet) => String(octet));

/**
 * The text of the address whose words stand at `words[at]` and after: IPv4 dotted, IPv6 as RFC 5952 has it.
 * An IPv6 packet may carry a mapped address (::ffff:a.b.c.d); it prints dotted too, for the words do not tell.
 */
export function formatAddress(words: ArrayLike<number>, at: number): string {
  const word2 = words[at + 2]!;
  const word3 = words[at + 3]!;
  if (word2 === MAPPED_PREFIX && words[at] === 0 && words[at + 1] === 0) {
    return `${OCTETS[word3 >>> 24]}.${OCTETS[word3 >>> 16 & 255]}.${OCTETS[word3 >>> 8 & 255]}.${OCTETS[word3 & 255]}`;
  }
  return formatIpv6(words, at);
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as `::`. */
function formatIpv6(words: ArrayLike<number>, at: number): string {
  let longest = 1;
  let gap = -1;
  let run = 0;
  for (let group = 0; group < 8; group++) {
    if (groupAt(words, at, group) !== 0) {
      run = 0;
    } else if (++run > longest) {
      longest = run;
      gap = group - run + 1;
    }
  }
  let text = '';
  for (let group = 0; group < 8; group++) {
    if (group === gap) {
      text += '::';
      group += longest - 1;
      continue;
    }
    if (group > 0 && group !== gap + longest) text += ':';
    text += groupAt(words, at, group).toString(16);
  }
  return text;
}

function groupAt(words: ArrayLike<number>, at: number, group: number): number {
  const word = words[at + (group >> 1)]!;
  return (group & 1) === 0 ? word >>> 16 : word & 0xffff;
}
