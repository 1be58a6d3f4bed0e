/** Longer values are cut where they stand in a title. */
const MAX_TITLE = 1000;

/**
 * A value from outside, as text and nothing else: isolated from the direction of what stands beside it, with a sign in
 * the place of each character that shows nothing or turns others around.
 */
export function Text({ value, mono = false }: { value: string | null | undefined; mono?: boolean }) {
  if (value === null || value === undefined || value === '') return <span class="muted">–</span>;
  const text = visible(value);
  return <bdi class={mono ? 'text mono' : 'text'} title={text.slice(0, MAX_TITLE)}>{text}</bdi>;
}

// oxlint-disable-next-line no-control-regex -- these are what is looked for
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

export function visible(value: string): string {
  return value.replace(UNSEEN, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : `\u27e8U+${code.toString(16).toUpperCase().padStart(4, '0')}\u27e9`;
  });
}
