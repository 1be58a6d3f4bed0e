import { shortcuts } from '../state/shortcuts.ts';
import { Dialog } from '../ui/dialog.tsx';

export function ShortcutHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Shortcuts" onClose={onClose}>
      <dl class="shortcuts">
        {shortcuts.value.map(({ keys, title }) => (
          <div key={keys}><dt>{keys.split(' ').map((key) => <kbd key={key}>{key}</kbd>)}</dt><dd>{title}</dd></div>
        ))}
        <div><dt><kbd>Esc</kbd></dt><dd>Close what is open</dd></div>
      </dl>
    </Dialog>
  );
}
