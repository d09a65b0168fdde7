import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { loadModel, type Model } from "../inference/index.ts";
import { pipeline } from "../pipelines/index.ts";
import { studioCall } from "./calls.ts";
import { answerOf, type StudioRun, serveStudio } from "./node.ts";

describe("an encoder that fills masks", () => {
  let model: Model;
  beforeAll(async () => {
    model = await loadModel(fixture("models/bert"));
  });
  afterAll(() => model?.dispose());

  test("names its mask token, and fills each mask as the pipeline does", async () => {
    expect(await studioCall(model, "describe")).toMatchObject({ maskToken: "[MASK]", generates: false });
    const text = "the [MASK] saw the [MASK]";
    const filled = (await studioCall(model, "fill", { text, top: 3 })) as { id: number; probability: number }[][];
    const fill = await pipeline("fill-mask", model);
    const own = (await fill(text, { topK: 3 })) as unknown as { token: number; score: number }[][];
    expect(filled.map((words) => words.map(({ id, probability }) => [id, probability]))).toEqual(
      own.map((words) => words.map(({ token, score }) => [token, score])),
    );
    await expect(studioCall(model, "fill", { text: "no mask" })).rejects.toThrow("needs the mask token [MASK]");
  });

  test("has no answer to a sample, and a decoder goes on with it", async () => {
    expect(await answerOf(model, "the fox")).toBeNull();
    await using decoder = await loadModel("icl-small");
    expect(await answerOf(decoder, "rain>R\nsnow>S\nwind>")).toBe("W");
    expect(await studioCall(decoder, "describe")).toMatchObject({ maskToken: null });
  });
});

test("the server answers with the run as it is at the moment", async () => {
  const empty: StudioRun = {
    ...{ command: "lectern finetune", finished: false, adapter: true },
    ...{ train: [], heldOut: [], confusion: null, samples: [], models: null },
  };
  let run = empty;
  const server = await serveStudio({ models: new Map(), run: () => run });
  const read = async (): Promise<unknown> => (await fetch(`${server.url}run.json`)).json();
  expect(await read()).toEqual(empty);
  run = { ...empty, train: [[1, 0.5]] };
  expect(await read()).toEqual(run);
  await server.close();
});
