import { afterAll, describe, expect, test } from "vitest";
import { loadModel } from "../../src/inference/index.ts";
import { decoders, encoderDecoders, fixture, readJson, sharedPath } from "../helpers/fixtures.ts";

interface Case {
  id: string;
  prompt: string | string[];
  input_ids: number[] | number[][];
  attention_mask?: number[][];
  generation_config: Record<string, unknown>;
  new_ids: number[] | number[][];
  finish: string | string[];
  text: string | string[];
  sequences_scores?: number[];
  /** Of compute_transition_scores; filled up with zeros. */
  transition_scores?: number[][];
  transition_scores_normalized?: number[][];
  assistant?: string;
}

/** Reference: transformers 5.23.0, torch 2.15.0; every greedy choice has a margin above 1e-3. */

const many = <T>(value: T | T[], isMany: boolean): T[] => (isMany ? (value as T[]) : [value as T]);

describe.each([...decoders, ...encoderDecoders])("%s", async (name) => {
  const directory = fixture(`models/${name}`);
  const { generation } = await readJson<{ generation: Case[] }>(`${directory}/expected.json`);
  const model = await loadModel(directory);
  afterAll(() => model.dispose());

  test.each(generation)("generates the reference's tokens and text: $id", async (recorded) => {
    const isBatch = Array.isArray(recorded.prompt);
    const prompts = many(recorded.prompt as string, isBatch);
    const result = await model.generate(
      { prompts },
      {
        ...recorded.generation_config,
        ...(recorded.assistant && { assistantModel: fixture(`models/${recorded.assistant}`) }),
        ...(recorded.transition_scores && { outputScores: true }),
      },
    );
    expect(result.sequences.map(({ outputIds }) => outputIds)).toEqual(
      Array.isArray((recorded.new_ids as number[][])[0]) ? recorded.new_ids : [recorded.new_ids],
    );
    if (recorded.text !== undefined) expect(result.sequences.map(({ text }) => text)).toEqual([recorded.text].flat());
    expect(result.sequences.map(({ finishReason }) => finishReason)).toEqual([recorded.finish].flat());
    for (const [i, score] of recorded.sequences_scores?.entries() ?? [])
      expect(Math.abs((result.sequences[i]?.score as number) - score), `score ${i}`).toBeLessThan(1e-4);
    for (const [i, { outputIds, transitionScores, normalizedTransitionScores }] of result.sequences.entries()) {
      if (!recorded.transition_scores) continue;
      for (const step of outputIds.keys()) {
        const [own, normalized] = [recorded.transition_scores, recorded.transition_scores_normalized].map(
          (all) => all?.[i]?.[step] as number,
        );
        expect(Math.abs((transitionScores?.[step] as number) - (own as number))).toBeLessThan(1e-4);
        expect(Math.abs((normalizedTransitionScores?.[step] as number) - (normalized as number))).toBeLessThan(1e-4);
      }
    }
  });

  test("draws the same tokens alone as in a batch", async () => {
    const options = { doSample: true, maxNewTokens: 12, seed: 5, temperature: 1.2 };
    const batch = await model.generate(
      {
        inputIds: [
          [3, 5, 9],
          [4, 4, 7, 8, 2],
        ],
      },
      options,
    );
    const alone = await model.generate({ inputIds: [[3, 5, 9]] }, options);
    expect(batch.sequences[0]?.outputIds).toEqual(alone.outputIds);
  });
});

const stories = sharedPath("data/models/stories260K-hf");

describe.skipIf(!stories)("stories260K (skipped where ../shared/data is absent)", async () => {
  test("tells the recorded stories token by token", async () => {
    const { cases } = await readJson<{ cases: { prompt: string; input_ids: number[]; output_ids: number[] }[] }>(
      `${stories}/expected.json`,
    );
    await using model = await loadModel(stories as string);
    for (const { prompt, input_ids, output_ids } of cases) {
      const result = await model.generate(
        { prompt },
        { doSample: false, maxNewTokens: output_ids.length, eosTokenId: null },
      );
      expect(result.inputIds).toEqual([input_ids]);
      expect(result.outputIds).toEqual(output_ids);
    }
  });
});
