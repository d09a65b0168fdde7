import { check } from "../../common/index.ts";

/**
 * The two-sided p-value of McNemar's exact test: whether, of the items that one of two models solves alone, each model
 * solves half. 2 · P(X ≤ min(b, c)) for X ~ Binomial(b + c, ½), at most 1.
 *
 * @param onlyFirst the number b of items that the first model alone solves
 * @param onlySecond the number c of items that the second model alone solves
 */
export function mcNemar(onlyFirst: number, onlySecond: number): number {
  const [size, least] = [onlyFirst + onlySecond, Math.min(onlyFirst, onlySecond)];
  check(
    Number.isSafeInteger(size) && least >= 0,
    "usage",
    () => `McNemar: counts must be whole numbers from 0; got ${onlyFirst} and ${onlySecond}`,
  );
  let log = -size * Math.LN2;
  let sum = 0;
  for (let i = 0; i <= least; i++) {
    sum += Math.exp(log);
    log += Math.log(size - i) - Math.log(i + 1);
  }
  return Math.min(1, 2 * sum);
}

/** p-values corrected for several comparisons (Holm, 1979), in the order given. */
export function holm(pValues: readonly number[]): number[] {
  const order = [...pValues.keys()].sort((a, b) => (pValues[a] as number) - (pValues[b] as number));
  const corrected = new Array<number>(pValues.length).fill(1);
  let most = 0;
  for (const [rank, at] of order.entries()) {
    most = Math.max(most, Math.min(1, (pValues.length - rank) * (pValues[at] as number)));
    corrected[at] = most;
  }
  return corrected;
}
