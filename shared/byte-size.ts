const UNIT_BYTES: Readonly<Record<string, number>> = {
  '': 1, 'KB': 1e3, 'MB': 1e6, 'GB': 1e9, 'TB': 1e12, 'KIB': 2 ** 10, 'MIB': 2 ** 20, 'GIB': 2 ** 30, 'TIB': 2 ** 40,
};
const DECIMAL_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Bytes in `4194304`, `32MiB` or `100 MB`; null where the text is no size. */
export function parseBytes(text: string): number | null {
  const match = /^(\d{1,15})\s?([KMGT]i?B)?$/i.exec(text.trim());
  const bytes = match ? Number(match[1]) * UNIT_BYTES[(match[2] ?? '').toUpperCase()]! : NaN;
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** For people: `1.2 MB`. */
export function bytesText(bytes: number): string {
  let unit = 0;
  let value = bytes;
  for (; value >= 999.5 && unit < DECIMAL_UNITS.length - 1; unit++) value /= 1000;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${DECIMAL_UNITS[unit]!}`;
}
