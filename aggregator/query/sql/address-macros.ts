/**
 * Addresses as text, in SQL. Stored as two halves; IPv4 prints dotted, IPv6 as RFC 5952 has it: lower case, no leading
 * zeros, the longest run of two or more zero groups, the first of equals, as `::`.
 */
const GROUP = (half: string, shift: number) => `to_hex((${half} >> ${shift}) & 65535)`;
const OCTET = (shift: number) => `((lo >> ${shift}) & 255)`;
const GROUPS = ['hi', 'lo'].flatMap((half) => [48, 32, 16, 0].map((shift) => GROUP(half, shift)));
/** `:0:0:` for two groups of zeros, between the colons that `ipv6_groups` puts around every group. */
const ZERO_RUNS = [8, 7, 6, 5, 4, 3, 2].map((length) => `:${'0:'.repeat(length)}`);

const COMPRESSED = ZERO_RUNS.reduceRight((otherwise, run) =>
  `CASE WHEN contains(t, '${run}') THEN regexp_replace(t, '${run}', '::') ELSE ${otherwise} END`, 't');

/** 0 to 2^128 - 1 of an address in text, IPv4 as IPv4-mapped; NULL of anything else. */
const NUMBER_OF_IPV4 = `CASE WHEN regexp_full_match(t, '[0-9]{1,3}(\\.[0-9]{1,3}){3}') THEN 281470681743360::UHUGEINT
  + list_reduce(list_transform(string_split(t, '.'), lambda o: o::UHUGEINT), lambda a, b: a * 256 + b) END`;
const groupsOf = (part: 1 | 2) => `list_filter(string_split(split_part(t, '::', ${part}), ':'), lambda g: g <> '')`;
const MISSING_GROUPS = `greatest(0, 8 - len(${groupsOf(1)}) - len(${groupsOf(2)}))`;
const NUMBER_OF_IPV6 = `CASE WHEN regexp_full_match(t, '[0-9a-fA-F:]{2,39}') THEN list_reduce(list_transform(
  list_concat(${groupsOf(1)}, ['0', '0', '0', '0', '0', '0', '0', '0'][:${MISSING_GROUPS}], ${groupsOf(2)}),
  lambda g: TRY_CAST('0x' || g AS UINTEGER)::UHUGEINT), lambda a, b: a * 65536 + b) END`;

export const ADDRESS_MACROS: readonly string[] = [
  // The lambda gives the text a name: a macro's argument would be copied to each place it is used in.
  `CREATE MACRO weir_ipv6_text(hi, lo) AS list_transform([lower(concat(':', ${GROUPS.join(`, ':', `)}, ':'))],
    lambda t: regexp_replace(regexp_replace(${COMPRESSED}, '^:([^:])', '\\1'), '([^:]):$', '\\1'))[1]`,
  `CREATE MACRO weir_address(hi, lo) AS CASE
    WHEN hi IS NULL THEN NULL
    WHEN hi = 0 AND (lo >> 32) = 65535 THEN concat(${[24, 16, 8, 0].map(OCTET).join(`, '.', `)})
    ELSE weir_ipv6_text(hi, lo) END`,
  `CREATE MACRO weir_address_number(t) AS CASE
    WHEN t IS NULL THEN NULL
    WHEN contains(t, ':') THEN ${NUMBER_OF_IPV6}
    ELSE ${NUMBER_OF_IPV4} END`,
  `CREATE MACRO is_ipv6(address) AS contains(address, ':')`,
  `CREATE MACRO weir_address_bits(cidr) AS CASE WHEN contains(cidr, ':') THEN 128 ELSE 32 END`,
  // NULL where the prefix is longer than the address.
  `CREATE MACRO weir_host_bits(cidr) AS TRY_CAST(weir_address_bits(cidr) - CASE WHEN contains(cidr, '/')
    THEN TRY_CAST(split_part(cidr, '/', 2) AS UTINYINT) ELSE weir_address_bits(cidr) END AS UHUGEINT)`,
  // In two steps, because one cannot shift all 128 bits.
  `CREATE MACRO weir_network(number, bits) AS (number >> (bits // 2)) >> (bits - bits // 2)`,
  // As in a search, an IPv6 network holds no IPv4 address.
  `CREATE MACRO cidr_contains(address, cidr) AS contains(address, ':') = contains(cidr, ':')
    AND weir_network(weir_address_number(address), weir_host_bits(cidr))
      = weir_network(weir_address_number(split_part(cidr, '/', 1)), weir_host_bits(cidr))`,
];
