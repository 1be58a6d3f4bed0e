import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, completionStatus, startCompletion, type Completion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, insertNewline } from '@codemirror/commands';
import { EditorState, Prec, RangeSetBuilder, StateEffect, StateField } from '@codemirror/state';
import { Decoration, drawSelection, EditorView, keymap, placeholder, ViewPlugin, type DecorationSet, type ViewUpdate } from '@codemirror/view';
import { suggest } from './completion.ts';
import { wordsOf } from './query-words.ts';

export interface EditorOptions {
  readonly text: string;
  readonly label: string;
  readonly hint: string;
  readonly onChange: (text: string) => void;
  readonly onRun: () => void;
  /** Values that a field has, the most usual first. */
  readonly valuesOf: (field: string) => Promise<readonly string[]>;
}

export interface QueryEditor {
  setText(text: string): void;
  /** Marks where the query is wrong; null: nowhere. */
  setMistake(offset: number | null): void;
  focus(): void;
  destroy(): void;
}

/** Writes a query in `host`, in a shadow root, since the editor brings styles of its own. */
export function openQueryEditor(host: HTMLElement, options: EditorOptions): QueryEditor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open', delegatesFocus: true });
  const view = new EditorView({ root, parent: root, state: EditorState.create({ doc: options.text, extensions: extensionsOf(options) }) });
  return {
    setText: (text) => {
      if (text !== view.state.doc.toString()) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, selection: { anchor: text.length } });
    },
    setMistake: (offset) => view.dispatch({ effects: mistakeAt.of(offset) }),
    focus: () => view.focus(),
    destroy: () => {
      view.destroy();
      root.replaceChildren();
    },
  };
}

function extensionsOf({ label, hint, onChange, onRun, valuesOf }: EditorOptions) {
  const run = (): true => {
    onRun();
    return true;
  };
  return [
    history(), drawSelection(), closeBrackets(), EditorView.lineWrapping, placeholder(hint), mistakes, words, THEME, typedOverSelection,
    EditorView.contentAttributes.of({ 'aria-label': label, 'autocapitalize': 'off', 'autocorrect': 'off' }),
    EditorView.updateListener.of((update) => { if (update.docChanged) onChange(update.state.doc.toString()); }),
    autocompletion({ override: [(context) => complete(context, valuesOf)], icons: false, closeOnBlur: true, maxRenderedOptions: 60 }),
    Prec.highest(keymap.of([
      { key: 'Mod-Enter', run },
      { key: 'Enter', run: (view) => completionStatus(view.state) === 'active' ? acceptCompletion(view) : run(), shift: insertNewline },
      { key: 'Tab', run: acceptCompletion },
    ])),
    keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
  ];
}

/** What is typed in the place of coloured words is not left to the browser: it would keep their colours in inline styles, which the page's policy forbids. */
const typedOverSelection = EditorView.domEventHandlers({
  beforeinput: (event, view) => {
    const { from, to, empty } = view.state.selection.main;
    if (event.inputType !== 'insertText' || event.data === null || empty || view.composing) return false;
    const text = event.data;
    const insert = () => view.state.update(view.state.replaceSelection(text), { userEvent: 'input.type', scrollIntoView: true });
    if (!view.state.facet(EditorView.inputHandler).some((handler) => handler(view, from, to, text, insert))) view.dispatch(insert());
    event.preventDefault();
    return true;
  },
});

async function complete(context: CompletionContext, valuesOf: EditorOptions['valuesOf']): Promise<CompletionResult | null> {
  const text = context.state.doc.toString();
  const found = suggest(text, context.pos);
  if (!found) return null;
  const isValue = found.valuesOf !== null || found.options.some(({ kind }) => kind === 'value' && text[found.from - 1] === ':');
  if (!context.explicit && found.from === context.pos && !isValue && !/[\s(]$/.test(text.slice(0, context.pos))) return null;
  const values = found.valuesOf === null ? [] : await valuesOf(found.valuesOf);
  const options: Completion[] = [
    ...values.map((value, at): Completion => ({ label: value, type: 'value', boost: -at / 100 })),
    ...found.options.map(({ label, kind, detail, text: apply }): Completion => ({
      label, type: kind, ...(label === '*' ? { boost: -99 } : {}), ...(detail === undefined ? {} : { detail }),
      ...(apply === undefined ? {} : { apply: kind === 'field' && apply.endsWith(':') ? (view, _completion, from, to) => {
        view.dispatch({ changes: { from, to, insert: apply }, selection: { anchor: from + apply.length } });
        startCompletion(view);
      } : apply }),
    })),
  ];
  return { from: found.from, options, validFor: /^"?[\w.:*?/-]*$/ };
}

const mistakeAt = StateEffect.define<number | null>();
const MISTAKE = Decoration.mark({ class: 'cm-mistake' });
const MISTAKE_LINE = Decoration.line({ class: 'cm-mistake-end' });

const mistakes = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (set, transaction) => {
    const effect = transaction.effects.find((candidate) => candidate.is(mistakeAt));
    if (effect) {
      const offset = effect.value as number | null;
      const { doc } = transaction.state;
      if (offset === null) return Decoration.none;
      if (offset >= doc.length) return Decoration.set([MISTAKE_LINE.range(doc.lineAt(doc.length).from)]);
      const word = /^[\w.:*-]+/.exec(doc.sliceString(offset, offset + 80))?.[0].length ?? 1;
      return Decoration.set([MISTAKE.range(offset, Math.min(doc.length, offset + word))]);
    }
    return transaction.docChanged ? Decoration.none : set;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** Colours of the words, as far as the query language goes. */
const words = ViewPlugin.fromClass(class {
  decorations: DecorationSet;

  constructor(view: EditorView) {
    this.decorations = coloured(view);
  }

  update(update: ViewUpdate): void {
    if (update.docChanged || update.viewportChanged) this.decorations = coloured(update.view);
  }
}, { decorations: ({ decorations }) => decorations });

function coloured({ state }: EditorView): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>();
  for (const { from, to, kind } of wordsOf(state.doc.toString())) builder.add(from, to, Decoration.mark({ class: `cm-${kind}` }));
  return builder.finish();
}

const THEME = EditorView.theme({
  '&': { font: '13px/1.5 var(--mono)', color: 'var(--text)', backgroundColor: 'var(--surface)', border: '1px solid var(--line-strong)', borderRadius: 'var(--radius)' },
  '&.cm-focused': { outline: '2px solid var(--focus)', outlineOffset: '1px' },
  '.cm-scroller': { fontFamily: 'inherit', lineHeight: 'inherit', maxHeight: '210px' },
  '.cm-content': { padding: '5px 2px', caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-placeholder': { color: 'var(--muted)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { background: 'var(--accent-ground)' },
  '.cm-field': { color: 'var(--accent)' },
  '.cm-keyword': { color: 'var(--missing)', fontWeight: '600' },
  '.cm-bar': { color: 'var(--missing)', fontWeight: '700' },
  '.cm-string': { color: 'var(--accepted)' },
  '.cm-number': { color: 'var(--partial)' },
  '.cm-mistake': { backgroundColor: 'var(--rejected-ground)', textDecoration: 'underline wavy var(--rejected)', textUnderlineOffset: '3px' },
  '.cm-mistake-end': { boxShadow: 'inset -3px 0 var(--rejected)' },
  '.cm-tooltip': { border: '1px solid var(--line-strong)', borderRadius: 'var(--radius)', backgroundColor: 'var(--raised)', color: 'var(--text)', boxShadow: 'var(--shadow)', zIndex: '6' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', maxHeight: '264px', maxWidth: 'min(620px, 90vw)' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '3px 8px' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { background: 'var(--accent-ground)', color: 'var(--text)' },
  '.cm-completionDetail': { color: 'var(--muted)', fontFamily: 'var(--sans)', fontStyle: 'normal', marginLeft: '12px' },
});
