import type { Rule } from '../topology/topology.ts';
import type { RuleReason, Verdict } from './verdict.ts';

const NOT_YET = -1;

/** A verdict with all that gives it its number again in another list. */
export interface SavedVerdict {
  readonly verdict: Verdict;
  readonly rule: Rule | null;
  readonly openedBy: number;
}

/** Verdicts by number, each once. Numbers stay valid for ever. */
export class VerdictList {
  readonly verdicts: Verdict[] = [];
  /** The rule as it was when it decided; null where no rule did. */
  readonly rules: (Rule | null)[] = [];
  private readonly indexOf = new Map<string, number>();
  /** By verdict; of an `established` one it is itself. */
  private readonly establishedOf: number[] = [];
  /** By verdict: what opened the connection, for `established`; else itself. */
  readonly openedBy: number[] = [];
  /** 1: ACCEPT. Replaced when it grows. */
  accepts = new Uint8Array(64);

  /** The number of this verdict. `rule` must be the same object for equal ids and revision. */
  add(isAccept: boolean, reason: RuleReason, sgId: string | null, rule: Rule | null, revision: number): number {
    const key = `${revision} ${Number(isAccept)} ${reason} ${sgId} ${rule?.ruleId}`;
    return this.intern(key, { action: isAccept ? 'ACCEPT' : 'REJECT', reason, sgId, ruleId: rule?.ruleId ?? null, revision }, rule, NOT_YET);
  }

  established(verdict: number): number {
    const known = this.establishedOf[verdict]!;
    if (known !== NOT_YET) return known;
    const opener = this.verdicts[verdict]!;
    if (opener.action !== 'ACCEPT') throw new Error(`verdict ${verdict} rejects: no connection can be established by it`);
    const index = this.intern(`established ${verdict}`, { ...opener, reason: 'established' }, this.rules[verdict]!, verdict);
    this.establishedOf[verdict] = index;
    return index;
  }

  save(): SavedVerdict[] {
    return this.verdicts.map((verdict, index) => ({ verdict, rule: this.rules[index]!, openedBy: this.openedBy[index]! }));
  }

  /** Takes in the verdicts of another list; by its numbers, the numbers here. */
  adopt(saved: readonly SavedVerdict[]): Int32Array {
    const numbers = new Int32Array(saved.length);
    saved.forEach(({ verdict, rule, openedBy }, index) => {
      numbers[index] = verdict.reason === 'established'
        ? this.established(numbers[openedBy]!)
        : this.add(verdict.action === 'ACCEPT', verdict.reason, verdict.sgId, rule, verdict.revision);
    });
    return numbers;
  }

  private intern(key: string, verdict: Verdict, rule: Rule | null, openedBy: number): number {
    const known = this.indexOf.get(key);
    if (known !== undefined) return known;
    const index = this.verdicts.push(verdict) - 1;
    this.indexOf.set(key, index);
    this.rules.push(rule);
    this.openedBy.push(openedBy === NOT_YET ? index : openedBy);
    this.establishedOf.push(openedBy === NOT_YET ? NOT_YET : index);
    if (index === this.accepts.length) {
      const longer = new Uint8Array(index * 2);
      longer.set(this.accepts);
      this.accepts = longer;
    }
    this.accepts[index] = verdict.action === 'ACCEPT' ? 1 : 0;
    return index;
  }
}
