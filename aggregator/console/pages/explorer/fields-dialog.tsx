import { FIELDS } from '../../../../shared/fields.ts';
import { parameter, setParameters } from '../../state/address.ts';
import { Dialog } from '../../ui/dialog.tsx';

export const SHOWN_FIELDS: readonly string[] = ['start', 'eni-id', 'direction', 'action', 'srcaddr', 'srcport', 'dstaddr', 'dstport', 'protocol', 'packets', 'bytes', 'rule-reason', 'rule-id'];

/** Fields that rows show, in their order: those of the address. */
export function addressFields(): readonly string[] {
  const names = (parameter('fields') ?? '').split(',').filter((name) => FIELDS.some((field) => field.name === name));
  return names.length > 0 ? [...new Set(names)] : SHOWN_FIELDS;
}

export function FieldsDialog({ fields, onClose }: { fields: readonly string[]; onClose: () => void }) {
  const show = (names: readonly string[]): void => setParameters({ fields: names.length === 0 || names.join() === SHOWN_FIELDS.join() ? null : names.join(',') });
  const toggle = (name: string, isOn: boolean): void => show(isOn ? [...fields, name] : fields.filter((known) => known !== name));
  const move = (name: string): void => {
    const at = fields.indexOf(name);
    show([...fields.slice(0, at - 1), name, fields[at - 1]!, ...fields.slice(at + 1)]);
  };
  const others = FIELDS.filter(({ name }) => !fields.includes(name));
  return (
    <Dialog title="Fields" side onClose={onClose}>
      <div class="row">
        <button type="button" onClick={() => show(SHOWN_FIELDS)}>The usual</button>
        <button type="button" onClick={() => show(FIELDS.map(({ name }) => name))}>All</button>
      </div>
      <h3>Shown, from left to right</h3>
      <ul class="fields">
        {fields.map((name, at) => (
          <li key={name}>
            <label class="check"><input type="checkbox" checked disabled={fields.length === 1} onChange={() => toggle(name, false)} /><span class="mono">{name}</span></label>
            {at > 0 && <button type="button" class="quiet small" aria-label={`Move ${name} to the left`} onClick={() => move(name)}>↑</button>}
          </li>
        ))}
      </ul>
      {others.length > 0 && <h3>Not shown</h3>}
      <ul class="fields">
        {others.map(({ name, about }) => (
          <li key={name}><label class="check"><input type="checkbox" checked={false} onChange={() => toggle(name, true)} /><span><span class="mono">{name}</span> <span class="hint">{about.replaceAll('`', '')}</span></span></label></li>
        ))}
      </ul>
    </Dialog>
  );
}
