import { STATUS_CODES } from 'node:http';

/** A refusal as RFC 9457 has it: the status, what is wrong in this case, and members of its own. */
export class Problem extends Error {
  readonly status: number;
  readonly members: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, detail: string, members: Readonly<Record<string, unknown>> = {}, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.name = 'Problem';
    this.status = status;
    this.members = members;
    this.headers = headers;
  }

  document(): Record<string, unknown> {
    return { type: 'about:blank', title: STATUS_CODES[this.status] ?? 'Error', status: this.status, detail: this.message, ...this.members };
  }
}

export const PROBLEM_TYPE = 'application/problem+json';
