import { wordMask, type AddressFamily, type Cidr } from '../../../shared/address.ts';
import { sqlHalf, sqlIdentifier } from './literal.ts';

/** An address as its two halves, unsigned, IPv4 as IPv4-mapped. */
export interface AddressHalves { readonly high: bigint; readonly low: bigint }

/** Addresses from `first` to `last`, both included; of IPv6, those that are IPv4-mapped excluded. */
export interface AddressRange { readonly first: AddressHalves; readonly last: AddressHalves; readonly family: AddressFamily }

const MAPPED_FIRST = 0xffff_0000_0000n;
const MAPPED_LAST = 0xffff_ffff_ffffn;

export function halvesOf(words: ArrayLike<number>): AddressHalves {
  return { high: half(words[0]!, words[1]!), low: half(words[2]!, words[3]!) };
}

function half(upper: number, lower: number): bigint {
  return BigInt(upper >>> 0) << 32n | BigInt(lower >>> 0);
}

export function cidrRange(cidr: Cidr): AddressRange {
  const last = cidr.words.map((word, index) => word | ~wordMask(cidr.prefixLength - index * 32));
  return { first: halvesOf(cidr.words), last: halvesOf(last), family: cidr.family };
}

/** The predicate "the address in columns `<column>_hi` and `<column>_lo` lies in the range", on whole numbers only. */
export function addressInRange(column: string, range: AddressRange): string {
  const high = sqlIdentifier(`${column}_hi`);
  const low = sqlIdentifier(`${column}_lo`);
  const { first, last } = range;
  const within = first.high === last.high
    ? `${high} = ${sqlHalf(first.high)} AND ${between(low, first.low, last.low)}`
    : `${between(high, first.high, last.high)}`
      + (first.low > 0n ? ` AND (${high} > ${sqlHalf(first.high)} OR ${low} >= ${sqlHalf(first.low)})` : '')
      + (last.low < 2n ** 64n - 1n ? ` AND (${high} < ${sqlHalf(last.high)} OR ${low} <= ${sqlHalf(last.low)})` : '');
  const mayBeMapped = range.family === 6 && first.high === 0n && first.low <= MAPPED_LAST
    && (last.high > 0n || last.low >= MAPPED_FIRST);
  const notMapped = mayBeMapped ? ` AND (${high} > 0::UBIGINT OR NOT ${between(low, MAPPED_FIRST, MAPPED_LAST)})` : '';
  return `(${within}${notMapped})`;
}

function between(column: string, first: bigint, last: bigint): string {
  return first === last ? `${column} = ${sqlHalf(first)}` : `${column} BETWEEN ${sqlHalf(first)} AND ${sqlHalf(last)}`;
}
