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
import type { Positions } from "./positions.ts";
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
export function markGlobal({ queries, keys, ids = [], texts }: Positions, rule: GlobalTokens): boolean[][] {
  return keys.map((row, r) => {
    const text = (at: number): number => texts?.[r]?.[at] ?? 0;
    if (rule.are === "first") return row.map((key, at) => key >= 0 && queries[r]?.[at] === 0);
    const ends = new Map<number, number>();
    for (const id of new Set(row.map((_, at) => text(at)))) {
      const places = row.map((_, at) => at).filter((at) => text(at) === id);
      if (id >= 0) ends.set(id, questionEnd(places, ids[r] ?? [], rule.separator, r));
    }
    return row.map((key, at) => {
      const end = ends.get(text(at));
      if (key < 0 || end === undefined) return false;
      return rule.are === "question" ? at < end : at > end + 1;
    });
  });
}

/** The place of the first of the three separators that a question with its text has. */
function questionEnd(places: readonly number[], ids: readonly number[], separator: number, row: number): number {
  const found = places.filter((at) => ids[at] === separator);
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
