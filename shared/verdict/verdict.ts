/** What was decided about a connection, and by which rule. */
export const RULE_REASONS = ['rule', 'established', 'intra-group', 'default', 'no-group'] as const;
export type RuleReason = (typeof RULE_REASONS)[number];
export type Action = 'ACCEPT' | 'REJECT';

export interface Verdict {
  readonly action: Action;
  readonly reason: RuleReason;
  /** The group whose rule decided; for intra-group the shared group; null for default and no-group. */
  readonly sgId: string | null;
  /** The rule that decided; for `established`, the rule that opened the connection. */
  readonly ruleId: string | null;
  /** Revision of the rule set that decided. */
  readonly revision: number;
}
