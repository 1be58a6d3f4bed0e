import { useEffect, useState } from 'preact/hooks';
import { ApiProblem } from './client.ts';

export interface Loaded<T> {
  /** What came last; null while nothing has. */
  readonly value: T | null;
  readonly problem: ApiProblem | null;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

/** Loads when the keys change; an answer that nobody waits for any more is given up. What was there stays until the new is. */
export function useLoaded<T>(load: (signal: AbortSignal) => Promise<T>, keys: readonly unknown[]): Loaded<T> {
  const [state, setState] = useState<{ value: T | null; problem: ApiProblem | null; isLoading: boolean }>({ value: null, problem: null, isLoading: true });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const left = new AbortController();
    setState((before) => ({ ...before, isLoading: true }));
    load(left.signal).then(
      (value) => { if (!left.signal.aborted) setState({ value, problem: null, isLoading: false }); },
      (error: unknown) => {
        if (left.signal.aborted) return;
        if (!(error instanceof ApiProblem)) throw error;
        setState((before) => ({ ...before, problem: error, isLoading: false }));
      },
    );
    return () => left.abort();
  }, [turn, ...keys]);
  return { ...state, reload: () => setTurn((before) => before + 1) };
}
