/** A string literal. DuckDB knows no escapes inside of '…' but the doubled quote. */
export function sqlString(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function sqlIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** One half of an address: a number of 64 bits, in the column's own type so that it prunes. */
export function sqlHalf(half: bigint): string {
  return `${half}::UBIGINT`;
}

/** Unix microseconds as the TIMESTAMP that an `instant` column holds. */
export function sqlInstant(us: number): string {
  return `make_timestamp(${us})`;
}
