import { check } from "../../common/index.ts";
import {
  add,
  cumulativeSum,
  equal,
  greaterOrEqual,
  less,
  reduceMax,
  sub,
  type Value,
  where,
} from "../../graph/index.ts";
import type { PositionContext } from "./derive.ts";
import { flagsWhere, indicesOf, integer, type PositionValues } from "./position-values.ts";
import { type Positions, textsOf } from "./positions.ts";
import { flags } from "./token-mask.ts";

/**
 * The tokens that see a whole text and are seen by all of it, where the others see a window: the first one, those of a
 * question, or those behind it. A question ends at the first of three separators.
 */
export type GlobalTokens =
  | { readonly are: "first" }
  | { readonly are: "question" | "behind-question"; readonly separator: number };

/** 1 for a global token, 0 for others and for padding: float32 `[B, T]`. */
export function globalTokens(context: PositionContext, rule: GlobalTokens): Value {
  const { batch, queries } = context;
  const derivation = {
    compute: (positions: Positions) => flags(markGlobal(positions, rule)),
    build: (positions: PositionValues) => flagsWhere(...conditions(positions, rule)),
    dtype: "float32",
    shape: [batch, queries],
  } as const;
  return context.derive("global_tokens", rule, derivation);
}

/** True for each global token of `[B][T]`. */
export function markGlobal(positions: Positions, rule: GlobalTokens): boolean[][] {
  const { keys, ids = [] } = positions;
  return keys.map((row, r) => {
    const marks = row.map(() => false);
    for (const places of textsOf(positions, r)) {
      const end = rule.are === "first" ? 1 : questionEnd(places, ids[r] ?? [], rule.separator, r);
      const chosen = rule.are === "behind-question" ? places.slice(end + 2) : places.slice(0, end);
      for (const at of chosen) marks[at] = (row[at] as number) >= 0;
    }
    return marks;
  });
}

/** The index in its text of the first of the three separators that a question with its text has. */
function questionEnd(places: readonly number[], ids: readonly number[], separator: number, row: number): number {
  const found = [...places.keys()].filter((i) => ids[places[i] as number] === separator);
  check(
    found.length === 3,
    "input",
    () =>
      `forward: row ${row + 1} must have 3 separators (sep_token_id ${separator}), of which the first ends the question; got ${found.length}; write it as <s> question </s></s> text </s>`,
  );
  return found[0] as number;
}

/** What holds of global tokens, each `[B, T]`. */
export function conditions({ ids, queries, keys }: PositionValues, rule: GlobalTokens): Value[] {
  const isToken = greaterOrEqual(keys, integer(0));
  if (rule.are === "first") return [isToken, equal(queries, integer(0))];
  const isSeparator = where(equal(ids, integer(rule.separator)), integer(1), integer(0));
  const count = cumulativeSum(isSeparator, 1);
  if (rule.are === "question") return [isToken, less(count, integer(1))];
  const index = indicesOf(ids);
  const isFirst = where(less(count, integer(2)), isSeparator, integer(0));
  const end = reduceMax(where(equal(isFirst, integer(1)), index, integer(-1)), [1], true); // [B, 1]
  return [isToken, greaterOrEqual(sub(index, add(end, integer(2))), integer(0))];
}
