const STEPS: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 };

/** Arrow keys move between the marks of a chart, of which the Tab key reaches the first; in a table up and down keep the column. */
export function moveBetweenMarks(event: KeyboardEvent): void {
  const marks = [...(event.currentTarget as Element).querySelectorAll<HTMLElement | SVGElement>('.pick[tabindex]')];
  const at = marks.indexOf(event.target as HTMLElement);
  const step = STEPS[event.key];
  if (at < 0 || (step === undefined && event.key !== 'Home' && event.key !== 'End')) return;
  const row = marks[at]!.closest('tr');
  const perRow = row && (event.key === 'ArrowUp' || event.key === 'ArrowDown') ? row.querySelectorAll('.pick').length : 1;
  const next = step === undefined ? (event.key === 'Home' ? 0 : marks.length - 1) : at + step * perRow;
  marks[Math.max(0, Math.min(marks.length - 1, next))]!.focus();
  event.preventDefault();
}
