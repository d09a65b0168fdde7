import { check } from "../../common/index.ts";

function checkCounts(samples: number, correct: number, k: number): void {
  check(
    k >= 1 && k <= samples && correct >= 0 && correct <= samples,
    "usage",
    () => `pass@k: k must lie from 1 to the number of answers; got k ${k}, ${correct} right ones of ${samples}`,
  );
}

/**
 * The probability that at least one of k answers is right: 1 − C(n − c, k) / C(n, k), without bias (Chen et al., 2021).
 *
 * @param samples the number n of answers
 * @param correct the number c of right ones
 */
export function passAtK(samples: number, correct: number, k: number): number {
  checkCounts(samples, correct, k);
  let missed = 1;
  for (let i = 0; i < k; i++) missed *= Math.max(0, samples - correct - i) / (samples - i);
  return 1 - missed;
}

/**
 * The probability that all of k answers are right: C(c, k) / C(n, k), without bias (Yao et al., 2024).
 *
 * @param samples the number n of answers
 * @param correct the number c of right ones
 */
export function passHatK(samples: number, correct: number, k: number): number {
  checkCounts(samples, correct, k);
  let hit = 1;
  for (let i = 0; i < k; i++) hit *= Math.max(0, correct - i) / (samples - i);
  return hit;
}
