import { expect, test } from "vitest";
import type { Model } from "../inference/index.ts";
import { generationOptions } from "./generation.ts";
import type { TaskContext } from "./task.ts";

/** A model by its settings for a task; what is asked of it here is no more. */
function context(ofTask: object, generationConfig: object): TaskContext {
  const config = { task_specific_params: { summarization: ofTask } };
  return { task: "summarization", model: { config, generationConfig } as unknown as Model } as TaskContext;
}

test("lengths of a checkpoint that have no effect are not asked for; the caller's are", () => {
  const bart = { max_length: 142, min_length: 56 };
  const usual = { maxNewTokens: 256 };
  const plain = { doSample: false };
  expect(generationOptions(context(bart, {}), { maxNewTokens: 50 }, usual)).toEqual({
    ...plain,
    maxNewTokens: 50,
    minLength: 56,
  });
  expect(generationOptions(context(bart, {}), { maxLength: 30, minNewTokens: 2 }, usual)).toEqual({
    ...plain,
    maxLength: 30,
    minNewTokens: 2,
  });
  expect(generationOptions(context(bart, { max_new_tokens: 20 }), {}, usual)).toEqual({ ...plain, minLength: 56 });
  expect(generationOptions(context(bart, { max_new_tokens: 20 }), { maxLength: 30 }, usual)).toMatchObject({
    maxLength: 30,
  });
});
