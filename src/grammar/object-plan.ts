import { type ExtraRule, type ObjectRule, type PropertyRule, plainExtras } from "./grammar.ts";

/** The progress of an object. */
export interface ObjectProgress {
  /** The named properties before this one are written or left out. */
  readonly index: number;
  /** The properties so far, no further than matters. */
  readonly count: number;
  /** The keys so far that must come beside named ones. */
  readonly musts: number;
  /** The extra keys so far, where there is no endless supply of them. */
  readonly extras: number;
}

/** The properties that an object may go on with, so that it can always be finished. */
export class ObjectPlan {
  readonly start: ObjectProgress = { index: 0, count: 0, musts: 0, extras: 0 };
  readonly #rule: ObjectRule;
  readonly #plain: readonly ExtraRule[];
  readonly #supply: number;
  /** `[named + 1]`: required and optional properties from an index on. */
  readonly #required: number[] = [0];
  /** Counts beyond this are alike. */
  readonly #top: number;

  constructor(rule: ObjectRule) {
    this.#rule = rule;
    this.#plain = plainExtras(rule);
    this.#supply = this.#plain.reduce((sum, { supply }) => sum + supply, 0);
    for (let i = rule.named.length - 1; i >= 0; i--)
      this.#required.unshift((this.#required[0] as number) + Number((rule.named[i] as PropertyRule).isRequired));
    this.#top = rule.most === Number.POSITIVE_INFINITY ? Math.max(1, rule.least) : rule.most;
  }

  canEnd({ index, count, musts }: ObjectProgress): boolean {
    return this.#required[index] === 0 && musts === this.#rule.musts.length && count >= this.#rule.least;
  }

  canGoOn(progress: ObjectProgress): boolean {
    return this.properties(progress).length > 0 || this.extras(progress).length > 0;
  }

  /** The named properties that may come next: any up to the first that is required. */
  properties(progress: ObjectProgress): readonly { readonly property: PropertyRule; readonly after: ObjectProgress }[] {
    const { named } = this.#rule;
    if (progress.musts > 0 || progress.extras > 0) return [];
    const found = [];
    for (let i = progress.index; i < named.length; i++) {
      const property = named[i] as PropertyRule;
      const after = { ...progress, index: i + 1, count: this.#more(progress) };
      if (this.#canFinish(progress, after)) found.push({ property, after });
      if (property.isRequired) break;
    }
    return found;
  }

  /** The keys that are not named that may come next: those that must come before the others. */
  extras(progress: ObjectProgress): readonly { readonly extra: ExtraRule; readonly after: ObjectProgress }[] {
    const { extras, musts, named } = this.#rule;
    if (this.#required[progress.index] !== 0) return [];
    const must = musts[progress.musts];
    const list = must ? must.map((i) => extras[i] as ExtraRule) : this.#plain;
    const isEndless = this.#supply >= 1e9;
    const after = {
      index: named.length,
      count: this.#more(progress),
      musts: progress.musts + Number(must !== undefined),
      extras: isEndless ? Math.min(1, progress.extras + 1) : progress.extras + 1,
    };
    if (!isEndless && !must && progress.extras >= this.#supply) return [];
    return this.#canFinish(progress, after) ? list.map((extra) => ({ extra, after })) : [];
  }

  #more({ count }: ObjectProgress): number {
    return Math.min(this.#top, count + 1);
  }

  #canFinish(before: ObjectProgress, { index, count, musts, extras }: ObjectProgress): boolean {
    const { named, least, most } = this.#rule;
    if (before.count >= most) return false;
    const required = (this.#required[index] as number) + this.#rule.musts.length - musts;
    const possible = named.length - index + Math.max(this.#supply - extras, this.#rule.musts.length - musts);
    return count + required <= most && count + possible >= least;
  }
}
