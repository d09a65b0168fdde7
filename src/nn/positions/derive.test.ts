import { expect, test } from "vitest";
import type { Value } from "../../graph/index.ts";
import { ModelContext } from "../context.ts";
import {
  lastToken,
  type Positions,
  positionIds,
  positionIdsAfterPadding,
  positionsOfRows,
  signedDistances,
  sinusoidalPositions,
  sinusoidalPositionsAfterPadding,
  stateAtLast,
  tokenMask,
} from "./index.ts";

const contextOf = (prefix?: "decoder_"): ModelContext =>
  new ModelContext({ batch: 1, queries: 4, numLayers: 1, logits: "all", ...(prefix && { prefix }) });

const nameOf = ({ source }: Value): string | undefined => (source.kind === "input" ? source.name : undefined);

/** The values that the host feeds for an input. */
function computed(context: ModelContext, value: Value, positions: Positions): number[] {
  const input = context.derived.get(nameOf(value) as string);
  return Array.from(input?.compute(positions).data as ArrayLike<number | bigint>, Number);
}

const rows: Positions = { ...positionsOfRows([[1, 1, 1, 0]]), ids: [[5, 6, 7, 1]] };

test("one scheme with the same parameters is one input, under its plain name", () => {
  const context = contextOf();
  expect(positionIds(context)).toBe(positionIds(context, 0));
  expect(tokenMask(context)).toBe(tokenMask(context));
  expect([...context.derived.keys()]).toEqual(["position_ids", "attention_mask"]);
});

test("other parameters give an input of their own, with their own values", () => {
  const context = contextOf();
  const [first, second, third] = [
    positionIds(context, 0),
    positionIds(context, 2),
    positionIdsAfterPadding(context, 1),
  ];
  expect([first, second, third].map(nameOf)).toEqual(["position_ids", "position_ids.1", "position_ids.2"]);
  expect(computed(context, first, rows)).toEqual([0, 1, 2, 3]);
  expect(computed(context, second, rows)).toEqual([2, 3, 4, 5]);
  expect(computed(context, third, rows)).toEqual([2, 3, 4, 1]);
  expect(positionIds(context, 2)).toBe(second);
});

test("schemes that share a name are told apart by their parameters, undefined and infinite ones too", () => {
  const context = contextOf();
  const hidden = sinusoidalPositions(context, 8);
  expect(sinusoidalPositionsAfterPadding(context, 8, 1)).not.toBe(hidden);
  const last = lastToken(context, undefined);
  expect(lastToken(context, 1)).not.toBe(last);
  expect(computed(context, lastToken(context, 6), rows)).toEqual([0, 0, 0, 1]);
  expect(() => stateAtLast(context, hidden, undefined)).not.toThrow();
  expect([...context.derived.values()].filter(({ of }) => of === "encoder")).toHaveLength(1);
  const distances = [undefined, Number.POSITIVE_INFINITY, 16].map((maxDistance) =>
    signedDistances(context, { span: 4, maxDistance, from: "query" }),
  );
  expect(new Set(distances).size).toBe(3);
});

test("rotary tables of equal settings are one input, of other settings another", () => {
  const context = contextOf();
  const settings = { size: 4, dimension: 4, maxPositions: 16, scaling: { type: "default" } } as const;
  const x = sinusoidalPositions(context, 4);
  const heads = { ...x, shape: [1, 1, 4, 4] };
  for (const theta of [10000, 500, 10000]) context.rotate(heads, { ...settings, theta });
  expect([...context.derived.keys()].filter((name) => name.startsWith("rotary_cos"))).toHaveLength(2);
});

test("biases of one reach differ by what padding sees", () => {
  const context = new ModelContext({ batch: 1, queries: 4, numLayers: 1, logits: "all", direction: "both" });
  const [plain, hidden] = [context.attentionBias(), context.attentionBias(undefined, true)];
  expect(hidden).not.toBe(plain);
  const seen = (value: Value): number => computed(context, value, rows).filter((bias) => bias === 0).length;
  expect([seen(plain), seen(hidden)]).toEqual([12, 9]);
});

test("inputs of a decoder beside an encoder have its prefix", () => {
  const context = contextOf("decoder_");
  expect([positionIds(context), positionIds(context, 2)].map(nameOf)).toEqual([
    "decoder_position_ids",
    "decoder_position_ids.1",
  ]);
});
