/** What a document is made of, whoever has read it. Lines count from 1. */
export type DocumentNode = ScalarNode | ListNode | MapNode;

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly line: number;
  /** A text, number, truth value or null. */
  readonly value: unknown;
  /** As it is written: of a number, which an id may look like. */
  readonly source: string;
}

export interface ListNode {
  readonly kind: 'list';
  readonly line: number;
  readonly items: readonly (DocumentNode | null)[];
}

export interface MapNode {
  readonly kind: 'map';
  readonly line: number;
  readonly entries: readonly MapEntry[];
}

/** `value` is null where there is not even an empty one. */
export interface MapEntry {
  readonly key: string;
  readonly line: number;
  readonly value: DocumentNode | null;
}
