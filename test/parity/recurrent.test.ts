import { describe, expect, test } from "vitest";
import { loadModel } from "../../src/inference/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import { fixture, maxDifference, readJson, readTensors, rowsOf } from "../helpers/fixtures.ts";

/** Reference: torch 2.15.0 in float64. */
const TOLERANCE = 1e-5;
const GRADIENT_TOLERANCE = 1e-3;

describe.each(["char-rnn", "char-gru", "char-lstm"])("%s", async (name) => {
  const directory = fixture(`rnn/${name}`);
  const expected = await readTensors(directory, "expected.safetensors");
  const recorded = await readJson<{ text: string; input_ids: number[]; output_ids: number[]; output: string }>(
    `${directory}/expected.json`,
  );

  test("has the reference's logits, loss and gradients", async () => {
    await using model = await loadModel(directory);
    const inputIds = rowsOf(expected.input_ids as HostTensor);
    const { logits } = await model.forward({ inputIds });
    expect(maxDifference(logits as HostTensor, expected.logits as HostTensor)).toBeLessThan(TOLERANCE);
    const { loss, gradients } = await model.forward({ inputIds, labels: inputIds }, { gradients: true });
    expect(Math.abs((loss as number) - Number(expected.loss?.data[0]))).toBeLessThan(TOLERANCE);
    const keys = Object.keys(expected).filter((key) => key.startsWith("grad."));
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) {
      const reference = expected[key] as HostTensor;
      const largest = (reference.data as Float32Array).reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3);
      const difference = maxDifference(gradients?.[key.slice(5)] as HostTensor, reference);
      expect(difference / largest, key).toBeLessThan(GRADIENT_TOLERANCE);
    }
  });

  test("writes the recorded characters, alone and in a batch", async () => {
    await using model = await loadModel(directory);
    const options = { doSample: false, maxNewTokens: recorded.output_ids.length };
    const alone = await model.generate({ prompt: recorded.text }, options);
    expect(alone.inputIds).toEqual([recorded.input_ids]);
    expect(alone.outputIds).toEqual(recorded.output_ids);
    expect(alone.text).toBe(recorded.output);
    const batch = await model.generate({ prompts: ["A", recorded.text] }, options);
    expect(batch.sequences[1]?.outputIds).toEqual(recorded.output_ids);
  });
});

describe.each(["seq2seq-bahdanau", "seq2seq-luong"])("%s", async (name) => {
  const directory = fixture(`rnn/${name}`);
  const expected = await readTensors(directory, "expected.safetensors");
  const tensor = (key: string): HostTensor => expected[key] as HostTensor;
  const inputIds = rowsOf(tensor("input_ids"));
  const inputs = {
    inputIds,
    decoderInputIds: rowsOf(tensor("decoder_input_ids")),
    labels: rowsOf(tensor("labels")),
  };

  test("has the reference's logits, attention, loss and gradients", async () => {
    await using model = await loadModel(directory);
    const options = { attentions: true, gradients: true };
    const { logits, crossAttentions, encoderLastHiddenState, loss, gradients } = await model.forward(inputs, options);
    expect(maxDifference(logits as HostTensor, tensor("logits"))).toBeLessThan(TOLERANCE);
    expect(maxDifference(encoderLastHiddenState as HostTensor, tensor("encoder_last_hidden_state"))).toBeLessThan(
      TOLERANCE,
    );
    const [weights] = crossAttentions as [HostTensor];
    const [rows, , steps, length] = weights.shape as [number, number, number, number];
    const flat = { ...weights, shape: [rows, steps, length] };
    expect(maxDifference(flat, tensor("cross_attentions"))).toBeLessThan(TOLERANCE);
    expect(Math.abs((loss as number) - Number(tensor("loss").data[0]))).toBeLessThan(TOLERANCE);
    const keys = Object.keys(expected).filter((key) => key.startsWith("grad."));
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) {
      const largest = (tensor(key).data as Float32Array).reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3);
      const difference = maxDifference(gradients?.[key.slice(5)] as HostTensor, tensor(key));
      expect(difference / largest, key).toBeLessThan(GRADIENT_TOLERANCE);
    }
  });

  test("writes what the reference writes, alone, in a batch, and by beams at least as probably", async () => {
    await using model = await loadModel(directory);
    const { greedy } = await readJson<{ greedy: { input_ids: number[]; output_ids: number[] }[] }>(
      `${directory}/expected.json`,
    );
    const options = { doSample: false, maxNewTokens: 12 };
    for (const { input_ids, output_ids } of greedy)
      expect((await model.generate({ inputIds: [input_ids] }, options)).outputIds).toEqual(output_ids);
    const batch = await model.generate({ inputIds: greedy.map(({ input_ids }) => input_ids) }, options);
    expect(batch.sequences.map(({ outputIds }) => outputIds)).toEqual(greedy.map(({ output_ids }) => output_ids));
    const beams = await model.generate({ inputIds: [greedy[0]?.input_ids as number[]] }, { ...options, numBeams: 3 });
    expect(beams.outputIds).toEqual(greedy[0]?.output_ids);
  });
});
