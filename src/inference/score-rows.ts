import { check, isListOf, isTokenIds, rules } from "../common/index.ts";
import { padRows } from "../tokenizers/index.ts";
import { MOST_LOG_PROBS, type ScoreInputs, type TokenScore } from "./token-scores.ts";

/** Options of `scoreTokens`. */
export interface ScoreTokensOptions {
  /** The number of most probable tokens that each place reports too, from 0 to 20; default 0. */
  readonly top?: number | undefined;
  /** The adapter, by the name it was added under; null: none; default: the one in use. */
  readonly adapter?: string | null | undefined;
}

interface RowSettings {
  readonly contextWindow: number;
  readonly padId: number;
  readonly top: number;
}

/** The score of each token of rows after those before it, in one pass a row. */
export async function scoreRows(
  rows: readonly (readonly number[])[],
  { contextWindow, padId, top }: RowSettings,
  score: (inputs: ScoreInputs) => Promise<TokenScore[][]>,
): Promise<(TokenScore | null)[][]> {
  check(
    isListOf(rows, (row) => isTokenIds(row) && row.length > 0),
    "usage",
    () => "scoreTokens: the rows must be lists of token ids that are not empty",
  );
  check(
    rules.size.fits(top) && top <= MOST_LOG_PROBS,
    "usage",
    () => `scoreTokens: top must be a whole number from 0 to ${MOST_LOG_PROBS}; got ${top}`,
  );
  const scored: (TokenScore | null)[][] = [];
  for (const row of rows) {
    check(
      row.length <= contextWindow,
      "input",
      () =>
        `scoreTokens: a row has ${row.length} tokens, the context window ${contextWindow}: ${row.length - contextWindow} too many`,
    );
    const positions = row.slice(1).map((id, at) => ({ row: 0, at, targets: [id] }));
    const found =
      positions.length === 0 ? [] : await score({ ...padRows([row], { padTokenId: padId }), positions, top });
    scored.push([null, ...found.map(([first]) => first as TokenScore)]);
  }
  return scored;
}
