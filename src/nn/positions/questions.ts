import { cumulativeSum, equal, less, reduceMax, scalar, sub, type Value, where } from "../../graph/index.ts";
import { type HostTensor, int64Matrix } from "../../tensor/index.ts";
import type { PositionContext } from "./derive.ts";
import { indicesOf, integer, type PositionValues } from "./position-values.ts";
import { type Positions, textsOf } from "./positions.ts";
import { flags } from "./token-mask.ts";

interface Ending {
  /** The token that ends a question. */
  readonly separator: number;
}

/** The segment `[B, T]` of each token; where none is given, 0 in the question, whose end a separator is, and 1 behind it. */
export function questionSegments(context: PositionContext, separator: number): Value {
  const { batch, queries } = context;
  const derivation = { compute: computeSegments, dtype: "int64", shape: [batch, queries] } as const;
  return context.derive("token_type_ids", { separator }, { ...derivation, build: ({ tokenTypeIds }) => tokenTypeIds });
}

/** 1 for each token of the question but the first, its separator included: float32 `[B, T]`. */
export function questionTokens(context: PositionContext, separator: number): Value {
  const { batch, queries } = context;
  const derivation = { compute: computeTokens, build: buildTokens, dtype: "float32", shape: [batch, queries] } as const;
  return context.derive("question_tokens", { separator }, derivation);
}

/** True for the tokens of each question, by the index within its text. */
function marked(positions: Positions, { separator }: Ending, begin: number): boolean[][] {
  const { keys, ids = [] } = positions;
  return keys.map((row, r) => {
    const marks = row.map(() => false);
    for (const places of textsOf(positions, r)) {
      const end = Math.max(
        0,
        places.findIndex((at) => ids[r]?.[at] === separator),
      );
      for (const at of places.slice(begin, end + 1)) marks[at] = true;
    }
    return marks;
  });
}

function computeSegments(positions: Positions, ending: Ending): HostTensor<"int64"> {
  return int64Matrix(
    positions.tokenTypeIds ?? marked(positions, ending, 0).map((row) => row.map((isQuestion) => Number(!isQuestion))),
  );
}

function computeTokens(positions: Positions, ending: Ending): HostTensor<"float32"> {
  return flags(marked(positions, ending, 1));
}

function buildTokens({ ids }: PositionValues, { separator }: Ending): Value {
  const index = indicesOf(ids);
  const isSeparator = where(equal(ids, integer(separator)), integer(1), integer(0));
  const before = less(sub(cumulativeSum(isSeparator, 1), isSeparator), integer(1)); // up to the first, itself included
  const hasAny = equal(reduceMax(isSeparator, [1], true), integer(1)); // [B, 1]
  const isBehindFirst = less(integer(0), index);
  const mark = where(before, where(isBehindFirst, scalar(1), scalar(0)), scalar(0));
  return where(hasAny, mark, scalar(0));
}
