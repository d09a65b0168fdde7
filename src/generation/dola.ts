import { check } from "../common/index.ts";
import { argmax, logSumExp, maxOf, softmax } from "../tensor/index.ts";

/** The share of the largest probability that a token must have to be contrasted at all. */
const RELATIVE_TOP = 0.1;

/**
 * The layers to contrast with, as transformers 4 chose them: every second one of the lower or the upper half, or of
 * the lowest or highest 20 of a model of more than 40; the embeddings are left out where they are the head as well.
 */
export function dolaCandidates(
  wanted: "low" | "high" | readonly number[],
  numLayers: number,
  isTied: boolean,
): readonly number[] {
  if (typeof wanted !== "string") {
    const outside = wanted.find((layer) => layer >= numLayers);
    check(
      outside === undefined,
      "usage",
      () => `generation: dolaLayers names layer ${outside}; the model has ${numLayers}, and the last says the text`,
    );
    return wanted;
  }
  const every = (from: number, to: number): number[] =>
    Array.from({ length: Math.max(0, Math.ceil((to - from) / 2)) }, (_, i) => from + 2 * i);
  const half = Math.floor(numLayers / 2);
  if (wanted === "high") return numLayers <= 40 ? every(half, numLayers) : every(numLayers - 20, numLayers);
  const start = isTied ? Math.min(2, Math.max(0, numLayers - 1)) : 0;
  if (start === half) return [start];
  return every(start, numLayers <= 40 ? half : 20);
}

/**
 * Scores by how much more the last layer says for a token than an early one: of the candidates, the one whose
 * distribution is furthest from the last (Chuang et al., "DoLa", 2023).
 * @param last `[V]`, changed in place
 */
export function contrastLayers(last: Float32Array, early: readonly Float32Array[]): void {
  const mature = softmax(last);
  const distances = early.length > 1 ? early.map((scores) => divergence(mature, softmax(scores))) : [0];
  const chosen = early[argmax(distances)] as Float32Array;
  const [ownShift, earlyShift] = [logSumExp(last), logSumExp(chosen)];
  const least = maxOf(last) - ownShift + Math.log(RELATIVE_TOP);
  for (let id = 0; id < last.length; id++) {
    const own = (last[id] as number) - ownShift;
    last[id] = own < least ? -Infinity : own - ((chosen[id] as number) - earlyShift);
  }
}

/** Jensen–Shannon divergence. */
function divergence(p: Float64Array, q: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const [a, b] = [p[i] as number, q[i] as number];
    const middle = (a + b) / 2;
    if (a > 0) sum += a * Math.log(a / middle);
    if (b > 0) sum += b * Math.log(b / middle);
  }
  return sum / 2;
}
