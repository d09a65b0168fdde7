import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadModel, namedTensors } from "../../src/inference/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import { fixture, maskQueries, maxDifference, readTensors, rowsOf } from "../helpers/fixtures.ts";

/** Reference: transformers 5.23.0, torch 2.15.0, float32; its weights in windows and of global tokens as one matrix. */
const TOLERANCE = 1e-4;

const FILE = "inner.safetensors";
const names = readdirSync(fixture("cases")).filter((name) => existsSync(join(fixture("cases"), name, FILE)));

test.each(names)(
  "%s has the reference's hidden states and attention weights, rows padded on the left",
  async (name) => {
    const directory = join(fixture("cases"), name);
    const expected = await readTensors(directory, FILE);
    const [ids, mask] = [rowsOf(expected.ids as HostTensor), rowsOf(expected.mask as HostTensor)];
    await using model = await loadModel(directory);
    const decoderInputIds = model.isEncoderDecoder ? { decoderInputIds: ids.map(() => [0, 5, 7]) } : {};
    const inputs = { inputIds: ids, attentionMask: mask, ...decoderInputIds };
    const results = namedTensors(await model.forward(inputs, { hiddenStates: true, attentions: true }));
    const wanted = Object.entries(expected).filter(([key]) => key !== "ids" && key !== "mask");
    expect(wanted.length).toBeGreaterThan(2);
    for (const [key, reference] of wanted) {
      const axis = key.includes("attentions") ? 2 : 1;
      const [own, other] = [results[key] as HostTensor, reference].map((tensor) => maskQueries(tensor, mask, axis));
      expect(maxDifference(own as HostTensor, other as HostTensor), key).toBeLessThan(TOLERANCE);
    }
  },
);

test.each(["longformer_question", "longformer_choice"])(
  "%s refuses a row without three separators, by their field",
  async (name) => {
    await using model = await loadModel(fixture(`cases/${name}`));
    const rows = [
      [5, 2, 2, 6, 7, 2],
      [5, 2, 9, 6, 7, 2],
    ];
    await expect(model.forward({ inputIds: rows })).rejects.toThrow(
      "row 2 must have 3 separators (sep_token_id 2), of which the first ends the question; got 2",
    );
  },
);

test("several texts in a row of a Longformer see themselves alone, each with its own windows", async () => {
  await using model = await loadModel(fixture("cases/longformer_model"));
  const [first, second] = [
    [5, 6, 7, 8, 9, 10, 11],
    [12, 13, 14, 15],
  ];
  const { lastHiddenState } = await model.forward({
    inputIds: [[...first, ...second, 1]],
    texts: [[...first.map(() => 0), ...second.map(() => 1), -1]],
  });
  const apart = await Promise.all([first, second].map((row) => model.forward({ inputIds: [row] })));
  const expected = apart.flatMap((result) => Array.from(result.lastHiddenState?.data ?? []));
  const packed = Array.from(lastHiddenState?.data ?? []).slice(0, expected.length);
  expect(Math.max(...packed.map((x, i) => Math.abs(x - (expected[i] as number))))).toBeLessThan(1e-5);
});
