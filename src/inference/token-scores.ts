import type { TokenLogProb } from "../generation/index.ts";
import { exp, input, log, reduceMax, reduceSum, sub, takeAlong, topIndices, type Value } from "../graph/index.ts";
import { type HostTensor, int64Matrix } from "../tensor/index.ts";
import type { ForwardInputs } from "./forward.ts";
import { logitsAt } from "./probes.ts";

/** A position of a pass, and the tokens whose probabilities at this position are wanted. */
export interface ScoredPosition {
  readonly row: number;
  /** The position whose output predicts the targets. */
  readonly at: number;
  readonly targets: readonly number[];
}

/** A pass that scores tokens. */
export interface ScoreInputs extends ForwardInputs {
  readonly positions: readonly ScoredPosition[];
  /** The number of most probable tokens that each position reports too, up to {@link MOST_LOG_PROBS}; default none. */
  readonly top?: number | undefined;
}

/** The number of most probable tokens that are reported at most. */
export const MOST_LOG_PROBS = 20;

/** The score of one target token. */
export interface TokenScore {
  /** log p(token | the tokens before it), from −∞ to 0. */
  readonly logProb: number;
  /** True if no token is more probable. */
  readonly isGreedy: boolean;
  /** The most probable tokens of the position, best first, if requested. */
  readonly top?: readonly TokenLogProb[];
}

/**
 * Outputs that score tokens: `gaps` `[N, C]`, each target's logit less the largest one, and `log_sums` `[N]`,
 * log Σ exp of all logits less the largest one. A target's log-probability is its gap less the log-sum.
 *
 * @param logits `[B, T, V]`
 * @param top of the most probable tokens, whose gaps `[N, top]` and ids are further outputs; 0: none
 */
export function scoreOutputs(logits: Value, top = 0): Record<string, Value> {
  const rows = input("score_rows", "int64", ["N"]);
  const targets = input("score_targets", "int64", ["N", "C"]);
  const scored = logitsAt(logits, rows); // [N, V]
  const centred = sub(scored, reduceMax(scored, [1], true));
  const scores = { gaps: takeAlong(centred, targets), log_sums: log(reduceSum(exp(centred), [1])) };
  if (top === 0) return scores;
  const ids = topIndices(centred, top);
  return { ...scores, top_ids: ids, top_gaps: takeAlong(centred, ids) };
}

/** What a scoring pass is fed beside its rows. @param width positions of a row */
export function scoreFeeds(positions: readonly ScoredPosition[], width: number): Record<string, HostTensor> {
  const most = Math.max(...positions.map(({ targets }) => targets.length));
  const padded = positions.map(({ targets }) => [...targets, ...new Array<number>(most - targets.length).fill(0)]);
  const rows = int64Matrix([positions.map(({ row, at }) => row * width + at)]);
  return { score_rows: { ...rows, shape: [positions.length] }, score_targets: int64Matrix(padded) };
}

/** The scores of each position's targets. */
export function readScores(
  results: Readonly<Record<string, HostTensor>>,
  positions: readonly ScoredPosition[],
  top = 0,
): TokenScore[][] {
  const {
    gaps,
    log_sums: logSums,
    top_gaps: topGaps,
    top_ids: topIds,
  } = results as Record<string, HostTensor> & Record<"gaps" | "log_sums", HostTensor>;
  const stride = topGaps?.shape[1] ?? 0;
  const most = gaps.shape[1] as number;
  const best = (n: number): readonly TokenLogProb[] =>
    Array.from({ length: Math.min(top, stride) }, (_, i) => ({
      id: Number(topIds?.data[n * stride + i]),
      logProb: Number(topGaps?.data[n * stride + i]) - Number(logSums.data[n]),
    }));
  return positions.map(({ targets }, n) =>
    targets.map((_, i) => {
      const gap = Number(gaps.data[n * most + i]);
      const score = { logProb: gap - Number(logSums.data[n]), isGreedy: gap === 0 };
      return top === 0 ? score : { ...score, top: best(n) };
    }),
  );
}
