import { describe, expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import type { HostTensor } from "../tensor/index.ts";
import { loadModel } from "./index.ts";

/** The largest difference of values that two graphs compute in another order. */
const TOLERANCE = 1e-4;

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  const gap = Math.max(...Array.from(expected, (value, i) => Math.abs(value - (actual[i] as number))));
  expect(gap).toBeLessThan(TOLERANCE);
}

const inputIds = [[5, 9, 3, 7]];

describe("layerLogits", () => {
  test.each(["gpt2", "llama_gqa", "roberta_mlm", "bart", "t5_gated"])(
    "of %s end with the model's own logits",
    async (name) => {
      await using model = await loadModel(fixture(`models/${name}`));
      const inputs = model.isEncoderDecoder ? { inputIds, decoderInputIds: [[1, 4, 6]] } : { inputIds };
      const {
        logits,
        layerLogits = [],
        hiddenStates,
        decoderHiddenStates,
      } = await model.forward(inputs, {
        layerLogits: [0, 2],
        hiddenStates: true,
      });
      const { data, shape } = logits as HostTensor<"float32">;
      const vocabulary = shape[2] as number;
      expect(layerLogits).toHaveLength((decoderHiddenStates ?? hiddenStates)?.length as number);
      for (const { shape } of layerLogits) expect(shape).toEqual([1, 2, vocabulary]);
      const last = layerLogits.at(-1) as HostTensor<"float32">;
      expectClose(last.data.slice(0, vocabulary), data.slice(0, vocabulary));
      expectClose(last.data.slice(vocabulary), data.slice(2 * vocabulary, 3 * vocabulary));
      expect(layerLogits[0]?.data).not.toEqual(last.data);
    },
  );

  test("are refused of a classifier and outside the text", async () => {
    await using classifier = await loadModel(fixture("models/bert_cls"));
    await expect(classifier.forward({ inputIds }, { layerLogits: [0] })).rejects.toMatchObject({ code: "unsupported" });
    await using model = await loadModel(fixture("models/gpt2"));
    await expect(model.forward({ inputIds }, { layerLogits: [4] })).rejects.toThrow(
      "position 4 is outside the 4 tokens",
    );
  });
});

describe("headMask", () => {
  test.each(["gpt2", "llama_gqa", "bert_cls"])("of ones changes nothing in %s, a zero does", async (name) => {
    await using model = await loadModel(fixture(`models/${name}`));
    const { attentions = [], logits } = await model.forward({ inputIds }, { attentions: true });
    const ones = attentions.map(({ shape }) => new Array<number>(shape[1] as number).fill(1));
    const same = await model.forward({ inputIds }, { headMask: ones });
    expectClose(same.logits?.data as Float32Array, logits?.data as Float32Array);
    const without = ones.map((heads, layer) => heads.map((_, head) => Number(layer + head > 0)));
    const changed = await model.forward({ inputIds }, { headMask: without });
    expect(changed.logits?.data).not.toEqual(same.logits?.data);
  });

  test("is refused in another shape, and of an encoder–decoder", async () => {
    await using model = await loadModel(fixture("models/gpt2"));
    await expect(model.forward({ inputIds }, { headMask: [[1]] })).rejects.toMatchObject({ code: "shape" });
    await using bart = await loadModel(fixture("models/bart"));
    await expect(bart.forward({ inputIds }, { headMask: [[1]] })).rejects.toMatchObject({ code: "unsupported" });
  });
});

describe("inputGradients", () => {
  test("are those of a table that adds one row to each token, such as learned positions", async () => {
    await using model = await loadModel(fixture("models/gpt2"));
    const { inputGradients, gradients = {} } = await model.forward(
      { inputIds, labels: [[-100, -100, -100, 6]] },
      { inputGradients: true, gradients: true },
    );
    const { data, shape } = inputGradients as HostTensor<"float32">;
    expect(shape.slice(0, 2)).toEqual([1, 4]);
    const [, positions] = Object.entries(gradients).find(([key]) => /wpe/.test(key)) as [string, HostTensor<"float32">];
    expectClose(positions.data.slice(0, data.length), data);
  });

  test("need labels", async () => {
    await using model = await loadModel(fixture("models/gpt2"));
    await expect(model.forward({ inputIds }, { inputGradients: true })).rejects.toThrow("which needs labels");
  });
});
