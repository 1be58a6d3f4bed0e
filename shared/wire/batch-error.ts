/** Why a batch was refused: bytes that are no batch at all, or a batch that says something a record cannot say. */
export type BatchFault = 'malformed' | 'invalid';

/** A batch that cannot be taken; the message names the column and row, or the line, and the bad value. */
export class BatchError extends Error {
  readonly fault: BatchFault;

  constructor(fault: BatchFault, message: string) {
    super(message);
    this.name = 'BatchError';
    this.fault = fault;
  }
}

/** A value in an error text: shortened, and never mistaken for the text around it. */
export function quoted(value: unknown): string {
  // String() of an object asks the object, which may say anything
  const text = typeof value === 'string' || typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
