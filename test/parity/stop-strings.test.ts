import { afterAll, expect, test } from "vitest";
import { loadModel, type Model } from "../../src/inference/index.ts";
import { fixture, readJson } from "../helpers/fixtures.ts";

interface Case {
  readonly model: string;
  readonly prompt: number[];
  readonly stop: string;
  readonly num_beams: number;
  /** Of transformers 5.23.0, with 10 new tokens at most. */
  readonly output: number[];
}

const cases = await readJson<Case[]>(fixture("stop-strings.json"));
const models = new Map<string, Promise<Model>>();
const open = (name: string): Promise<Model> => {
  const model = models.get(name) ?? loadModel(fixture(`models/${name}`));
  models.set(name, model);
  return model;
};
afterAll(async () => {
  for (const model of models.values()) await (await model).dispose();
});

test.each(cases)("$model ends where the reference does at $stop, with $num_beams beams", async (given) => {
  const model = await open(given.model);
  const { outputIds } = await model.generate(
    { inputIds: given.prompt },
    { maxNewTokens: 10, doSample: false, numBeams: given.num_beams, stopStrings: given.stop },
  );
  expect(outputIds).toEqual(given.output);
});
