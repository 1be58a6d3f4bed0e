const GROUPED = new Intl.NumberFormat('en-US');
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `1,234,567`; sums beyond 2^53 come as text and stay exact. */
export function numberText(value: number | string | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'string') return /^-?\d+$/.test(value) ? GROUPED.format(BigInt(value)) : value;
  return GROUPED.format(value);
}

export function bytesText(bytes: number): string {
  const unit = bytes < 1 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const amount = bytes / 1024 ** unit;
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** `3 ENIs`, `1 ENI`. */
export function counted(count: number, word: string, many = `${word}s`): string {
  return `${numberText(count)} ${count === 1 ? word : many}`;
}

/** Never 100 % where something is missing. */
export function shareText(part: number, whole: number): string {
  if (whole === 0) return '–';
  if (part === whole) return '100 %';
  return `${(Math.floor(part / whole * 1000) / 10).toFixed(1)} %`;
}

const WINDOW_STEPS = [[3600, 'h'], [60, 'min'], [1, 's']] as const;

/** `10 min`, of seconds or of `600s`, as the API spells windows. */
export function windowText(window: string | number): string {
  const seconds = Number(/^(\d+)s?$/.exec(String(window))?.[1]);
  const step = WINDOW_STEPS.find(([unit]) => seconds > 0 && seconds % unit === 0);
  return step ? `${seconds / step[0]} ${step[1]}` : String(window);
}
