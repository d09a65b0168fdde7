import { expect, test } from "vitest";
import { currentName, renamings, withCurrentNames } from "./parameter-names.ts";
import type { Checkpoint } from "./tensor-files.ts";

/** An old name and today's, for each entry of the table, in its order. */
const examples: readonly (readonly [string, string])[] = [
  ["bert.encoder.layer.0.output.LayerNorm.gamma", "bert.encoder.layer.0.output.LayerNorm.weight"],
  ["cls.predictions.transform.LayerNorm.beta", "cls.predictions.transform.LayerNorm.bias"],
  ["encoder.conv.weight_g", "encoder.conv.parametrizations.weight.original0"],
  ["encoder.conv.weight_v", "encoder.conv.parametrizations.weight.original1"],
];

test.each(examples.map(([old, now], i) => [old, now, i] as const))("%s is %s today", (old, now, i) => {
  expect(old).toMatch(renamings[i]?.old as RegExp);
  expect(currentName(old)).toBe(now);
});

test("every entry of the table has an example", () => {
  expect(examples).toHaveLength(renamings.length);
});

test.each(["encoder.layer.0.gamma", "module.bert.pooler.dense.weight", "_orig_mod.shared.weight", "a.weight"])(
  "%s keeps its name, as in transformers",
  (name) => {
    expect(currentName(name)).toBe(name);
  },
);

function holding(...names: string[]): Checkpoint {
  const info = (name: string) => ({ dtype: "float32", shape: [1], offset: 0, byteLength: 4, file: name }) as const;
  const read = async (name: string) => ({ dtype: "float32", shape: [1], data: Float32Array.of(name.length) }) as const;
  const checkpoint: Checkpoint = {
    names: () => [...names],
    has: (name) => names.includes(name),
    info,
    read,
    readRows: async (name) => (await read(name)).data,
    quantized: () => undefined,
    expand: async () => checkpoint,
  };
  return checkpoint;
}

test("a checkpoint with old names is read by those of today", async () => {
  const renamed = withCurrentNames(holding("LayerNorm.gamma", "dense.weight"), "here");
  expect(renamed.names()).toEqual(["LayerNorm.weight", "dense.weight"]);
  expect([renamed.has("LayerNorm.weight"), renamed.has("LayerNorm.gamma")]).toEqual([true, false]);
  expect(renamed.info("LayerNorm.weight").file).toBe("LayerNorm.gamma");
  expect((await renamed.read("LayerNorm.weight")).data[0]).toBe("LayerNorm.gamma".length);
});

test("two tensors that are one parameter are refused, both by name", () => {
  expect(() => withCurrentNames(holding("LayerNorm.gamma", "LayerNorm.weight"), "here")).toThrow(
    /here: LayerNorm\.gamma and LayerNorm\.weight are two names of one parameter/,
  );
});
