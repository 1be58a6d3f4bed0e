import { useSignal } from '@preact/signals';
import { useId, useRef } from 'preact/hooks';
import { matches } from './search-field.tsx';
import { visible } from './text.tsx';

export interface PickerOption {
  readonly id: string;
  readonly name: string;
  /** Shown at the right. */
  readonly remark: string;
  /** Found by these too. */
  readonly words: readonly string[];
}

const MAX_SHOWN = 50;

/** One of many, found by typing. */
export function Picker({ label, options, value, onChange, hint }: { label: string; options: readonly PickerOption[]; value: string; onChange: (id: string) => void; hint?: string }) {
  const listId = useId();
  const search = useSignal<string | null>(null);
  const active = useSignal(0);
  const list = useRef<HTMLUListElement>(null);
  const isOpen = search.value !== null;
  const found = isOpen ? options.filter(({ id, name, words }) => matches(search.value, [id, name, ...words])) : [];
  const shown = found.slice(0, MAX_SHOWN);
  const choose = (option: PickerOption | undefined): void => {
    if (!option) return;
    onChange(option.id);
    search.value = null;
  };
  const moveTo = (index: number): void => {
    active.value = Math.max(0, Math.min(shown.length - 1, index));
    list.current?.children[active.value]?.scrollIntoView({ block: 'nearest' });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowDown') {
      if (isOpen) moveTo(active.value + 1);
      else search.value = '';
    } else if (event.key === 'ArrowUp') moveTo(active.value - 1);
    else if (event.key === 'Enter' && isOpen && !event.ctrlKey) choose(shown[active.value]);
    else if (event.key === 'Escape' && isOpen) search.value = null;
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="field">
      <label class="field">
        <span>{label}</span>
        <div class="picker">
          <input
            role="combobox" aria-expanded={isOpen} aria-controls={listId} aria-autocomplete="list" aria-activedescendant={isOpen && shown.length > 0 ? `${listId}-${active.value}` : undefined}
            autocomplete="off" spellcheck={false} class="mono" placeholder="Type to search" value={search.value ?? visible(value)}
            onInput={(event) => { search.value = event.currentTarget.value; active.value = 0; }}
            onFocus={(event) => event.currentTarget.select()} onClick={() => { search.value ??= ''; active.value = 0; }}
            onBlur={() => { search.value = null; }} onKeyDown={onKeyDown}
          />
          <ul id={listId} role="listbox" aria-label={label} ref={list} hidden={!isOpen}>
            {shown.map((option, at) => (
              <li
                key={option.id} id={`${listId}-${at}`} role="option" aria-selected={at === active.value}
                onMouseDown={(event) => { event.preventDefault(); choose(option); }} onMouseEnter={() => { active.value = at; }}
              >
                <span><bdi class="mono">{visible(option.id)}</bdi>{option.name !== option.id && option.name !== '' && <> <bdi class="muted">{visible(option.name)}</bdi></>}</span>
                <span>{option.remark}</span>
              </li>
            ))}
            {isOpen && found.length === 0 && <li class="more" role="option" aria-selected={false} aria-disabled="true"><span>Nothing has this in its name, id or address</span></li>}
            {found.length > shown.length && <li class="more" role="option" aria-selected={false} aria-disabled="true"><span>{found.length - shown.length} more: type to narrow</span></li>}
          </ul>
        </div>
      </label>
      {hint !== undefined && <p class="hint">{hint}</p>}
    </div>
  );
}
