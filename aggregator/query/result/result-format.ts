export const RESULT_FORMATS = ['json', 'ndjson', 'csv', 'text', 'parquet'] as const;
export type ResultFormat = (typeof RESULT_FORMATS)[number];

export const MEDIA_TYPES: Readonly<Record<ResultFormat, string>> = {
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
  text: 'text/plain; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
};

export interface ResultColumn { readonly name: string; readonly type: string }

/** A cell as it stands in JSON. */
export type ResultValue = string | number | boolean | null | ResultValue[] | { [key: string]: ResultValue };
