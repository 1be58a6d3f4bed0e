/** One ENI's window, as the API tells it to the command and the console. */
export interface CompletenessCell {
  readonly 'eni-id': string;
  /** Unix seconds. */
  readonly 'start': number;
  readonly 'seconds': number;
  readonly 'state': 'COMPLETE' | 'PARTIAL' | 'MISSING';
  readonly 'lost-packets': number;
  readonly 'loss-unknown': boolean;
  readonly 'nodata': boolean;
  readonly 'agents': readonly CellAgent[];
}

/** What one agent says of it; counts are null where no seal came. */
export interface CellAgent {
  readonly 'agent-id': string;
  readonly 'expected': boolean;
  readonly 'sealed': boolean;
  readonly 'partial': boolean | null;
  readonly 'packets-seen': number | null;
  /** That came, with a seal or without. */
  readonly 'rows': number;
  readonly 'records': number | null;
  readonly 'lost-packets': number | null;
  readonly 'ring-drops': number | null;
  readonly 'gap-packets': number | null;
  readonly 'late-packets': number | null;
  readonly 'overflow-packets': number | null;
  readonly 'undecodable-packets': number | null;
}
