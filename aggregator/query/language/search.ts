import type { Field } from '../../../shared/fields.ts';

export type Comparison = '=' | '!=' | '>' | '>=' | '<' | '<=';

/** A value as it stands in the query. */
export interface Word {
  readonly text: string;
  /** In quotes: `*` and `?` stand for themselves. */
  readonly quoted: boolean;
  /** UTF-16 units from the start of the query. */
  readonly offset: number;
}

/** What a search asks of a record. A comparison with an absent value does not hold, so `not` of it does. */
export type Search =
  | { readonly kind: 'everything' }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Search[] }
  | { readonly kind: 'not'; readonly part: Search }
  | { readonly kind: 'present'; readonly field: Field }
  | { readonly kind: 'compare'; readonly field: Field; readonly comparison: Comparison; readonly value: Word }
  | {
    readonly kind: 'range'; readonly field: Field; readonly from: Word; readonly to: Word;
    readonly fromIncluded: boolean; readonly toIncluded: boolean;
  }
  | { readonly kind: 'word'; readonly value: Word };
