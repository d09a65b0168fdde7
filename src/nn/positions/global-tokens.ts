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
 * question, those behind it, or those that a caller chooses. A question ends at the first of three separators.
 */
export type GlobalTokens =
  | { readonly are: "first" }
  | { readonly are: "given" }
  | { readonly are: "question" | "behind-question"; readonly separator: number };

/** Those that follow from the text. */
type FoundTokens = Exclude<GlobalTokens, { readonly are: "given" }>;

/** 1 for a global token, 0 for others and for padding: float32 `[B, T]`. */
export function globalTokens(context: PositionContext, rule: GlobalTokens): Value {
  const { batch, queries } = context;
  const derivation = {
    compute: (positions: Positions) => flags(markGlobal(positions, rule)),
    dtype: "float32",
    shape: [batch, queries],
  } as const;
  if (rule.are === "given") return context.derive("global_tokens", rule, derivation);
  const build = (positions: PositionValues): Value => flagsWhere(...conditions(positions, rule));
  return context.derive("global_tokens", rule, { ...derivation, build });
}

/** True for each global token of `[B][T]`; each row must be one text. */
export function markGlobal(positions: Positions, rule: GlobalTokens): boolean[][] {
  const { keys, ids = [], globalTokens: given, texts } = positions;
  check(
    texts === undefined,
    "usage",
    () =>
      "forward: a model whose tokens see a whole row takes one text a row; got texts, which says that there are several",
  );
  return keys.map((row, r) => {
    const end = rule.are === "first" ? 1 : rule.are === "given" ? 0 : questionEnd(ids[r] ?? [], rule.separator, r);
    const isChosen = (at: number): boolean => {
      if (rule.are === "given") return given?.[r]?.[at] === 1;
      return rule.are === "behind-question" ? at > end + 1 : at < end;
    };
    return row.map((key, at) => key >= 0 && isChosen(at));
  });
}

/** The place of the first of the three separators that a question with its text has. */
function questionEnd(ids: readonly number[], separator: number, row: number): number {
  const found = ids.filter((id) => id === separator).length;
  check(
    found === 3,
    "input",
    () =>
      `forward: row ${row + 1} must have 3 separators (sep_token_id ${separator}), of which the first ends the question; got ${found}; write it as <s> question </s></s> text </s>`,
  );
  return ids.indexOf(separator);
}

/** The conditions that a token meets if it is global, each `[B, T]`. */
export function conditions({ ids, queries, keys }: PositionValues, rule: FoundTokens): Value[] {
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
