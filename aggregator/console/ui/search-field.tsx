import { parameter, setParameters } from '../state/address.ts';

/** Narrows what a page shows; its text is the parameter `q` of the address. `/` brings one here. */
export function SearchField({ label, name = 'q' }: { label: string; name?: string }) {
  return (
    <label class="search">
      <span class="unseen">{label}</span>
      <input
        type="search" data-search placeholder={`${label}  /`} value={parameter(name) ?? ''} spellcheck={false} autocomplete="off"
        onInput={(event) => setParameters({ [name]: event.currentTarget.value })}
      />
    </label>
  );
}

/** Whether each word of the search is somewhere in the texts. */
export function matches(search: string | null, texts: readonly (string | null | undefined)[]): boolean {
  const words = (search ?? '').toLowerCase().split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) return true;
  const all = texts.filter((text) => text != null).join('\n').toLowerCase();
  return words.every((word) => all.includes(word));
}
