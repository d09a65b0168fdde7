import { describe, expect, test } from "vitest";
import { ForwardPass } from "../../src/model/forward.ts";
import { openModelFiles } from "../../src/model/model-files.ts";
import { openFiles } from "../../src/runtime/index.ts";
import { type HostTensor, toFloat32 } from "../../src/tensor/index.ts";
import { fixture, maskQueries, maxDifference, readTensors, rowsOf } from "../helpers/fixtures.ts";

/** Reference: transformers 5.23.0, torch 2.15.0, computed in float64. */
const TOLERANCE = 1e-4;
const GRADIENT_TOLERANCE = 1e-3;

import { decoders } from "../helpers/fixtures.ts";

describe.each(decoders)("%s", async (name) => {
  const directory = fixture(`models/${name}`);
  const { family, config, weights } = await openModelFiles(await openFiles(directory));
  const expected = await readTensors(directory, "expected.safetensors");
  const rows = (key: string): number[][] => rowsOf(expected[key] as (typeof expected)[string]);
  const mask = rows("attention_mask");
  const forward = new ForwardPass(family, config, weights);
  const inputs = {
    inputIds: rows("input_ids"),
    attentionMask: mask,
    ...(expected.labels && { labels: rows("labels") }),
  };

  test("has the reference's logits, hidden states and attentions within 1e-4", async () => {
    const result = await forward.run(inputs, { hiddenStates: true, attentions: true });
    const pairs: Record<string, readonly [HostTensor, number]> = {
      logits: [result.logits, 1],
      ...Object.fromEntries(
        result.hiddenStates?.map((tensor, i) => [`hidden_states.${i}`, [tensor, 1] as const]) ?? [],
      ),
      ...Object.fromEntries(result.attentions?.map((tensor, i) => [`attentions.${i}`, [tensor, 2] as const]) ?? []),
    };
    const recorded = Object.keys(expected).filter((key) => /^(logits|hidden_states\.|attentions\.)/.test(key));
    expect(Object.keys(pairs).sort()).toEqual(recorded.sort());
    for (const [key, [tensor, axis]] of Object.entries(pairs)) {
      const difference = maxDifference(maskQueries(tensor, mask, axis), expected[key] as (typeof expected)[string]);
      expect(difference, key).toBeLessThan(TOLERANCE);
    }
    if (expected.loss) expect(result.loss).toBeCloseTo(Number(expected.loss.data[0]), 4);
  });

  test.runIf(Object.keys(expected).some((key) => key.startsWith("grad.")))(
    "has the reference's gradients within 1e-3",
    async () => {
      const { gradients } = await forward.run(inputs, { gradients: true });
      const recorded = Object.keys(expected).filter((key) => key.startsWith("grad."));
      expect(Object.keys(gradients ?? {}).sort()).toEqual(recorded.map((key) => key.slice(5)).sort());
      for (const key of recorded) {
        const reference = expected[key] as (typeof expected)[string];
        const largest = toFloat32("float32", reference.data as Float32Array).reduce(
          (most, x) => Math.max(most, Math.abs(x)),
          1e-3,
        );
        expect(maxDifference(gradients?.[key.slice(5)] as never, reference) / largest, key).toBeLessThan(
          GRADIENT_TOLERANCE,
        );
      }
    },
  );
});
