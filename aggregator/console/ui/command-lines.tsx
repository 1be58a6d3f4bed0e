import { useSignal } from '@preact/signals';

const SAID_MS = 2000;

/** Commands for a shell, to be copied. */
export function CommandLines({ lines }: { lines: readonly string[] }) {
  const said = useSignal('Copy');
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(`${lines.join('\n')}\n`);
      said.value = 'Copied';
    } catch {
      // without TLS browsers give the clipboard to the loopback alone
      said.value = 'Not allowed';
    }
    setTimeout(() => { said.value = 'Copy'; }, SAID_MS);
  };
  return (
    <div class="commands">
      <pre tabIndex={0} aria-label="Commands">{lines.join('\n')}</pre>
      <button type="button" onClick={() => void copy()} aria-live="polite">{said.value}</button>
    </div>
  );
}
