import { useId } from 'preact/hooks';

/** A few options of which one holds, side by side. */
export function Choice<T extends string>({ label, value, options, onChange, showLabel = true }: {
  label: string; value: T; options: readonly (readonly [value: T, text: string])[]; onChange: (value: T) => void; showLabel?: boolean;
}) {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend class={showLabel ? undefined : 'unseen'}>{label}</legend>
      <div>
        {options.map(([option, text]) => (
          <label key={option}>
            <input type="radio" name={name} value={option} checked={option === value} onChange={() => onChange(option)} />
            <span>{text}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
