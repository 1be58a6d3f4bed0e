import { ApiProblem } from './client.ts';

/** The lines of an answer. It is taken piece by piece as it comes, so that however long it is, the page goes on drawing. */
export async function linesOf(response: Response, signal: AbortSignal): Promise<string[]> {
  const lines: string[] = [];
  let begun = '';
  try {
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      const text = begun + piece.value;
      let from = 0;
      for (let to = text.indexOf('\n'); to >= 0; to = text.indexOf('\n', from)) {
        lines.push(text.slice(from, to));
        from = to + 1;
      }
      begun = text.slice(from);
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiProblem({ status: 0, title: 'The answer broke off', detail: 'the answer broke off before its end: ask again' });
  }
  return lines;
}
