import { check } from "../../common/index.ts";
import type { Model } from "../../inference/index.ts";
import { itemsOf } from "../run/items.ts";
import { CHUNK } from "../run/run.ts";
import type { Task } from "../tasks/task.ts";

/**
 * The tokens that each item of a task costs: the prompt and the answer, for every choice, and for every text without
 * content that calibrates it. What items of one chunk share, such as texts without content, is computed and counted once.
 *
 * @throws LecternError for an item that is longer than the context window
 */
export function costsOf(model: Model, task: Task): number[] {
  const { tokenizer, contextWindow, isEncoderDecoder } = model;
  check(tokenizer, "input", () => `${task.path}: this model's directory has no tokenizer.json`);
  const lengths = new Map<string, number>();
  const lengthOf = (text: string, addSpecialTokens: boolean): number => {
    const known = lengths.get(text) ?? tokenizer.encode(text, { addSpecialTokens }).ids.length;
    lengths.set(text, known);
    return known;
  };
  const seen = new Set<string>();
  return itemsOf(task, { shots: 0 }).map(({ context, pairs }, i) => {
    if (i % CHUNK === 0) seen.clear();
    const sizes: (readonly [prompt: number, answer: number])[] =
      pairs.length > 0
        ? pairs.map((pair) => [lengthOf(pair.context, true), lengthOf(pair.continuation, false)])
        : [[lengthOf(context, true), task.generation?.maxTokens ?? 0]];
    const longest = Math.max(...sizes.map(([prompt, answer]) => (isEncoderDecoder ? prompt : prompt + answer)));
    check(
      longest <= contextWindow,
      "input",
      () =>
        `${task.path}: with its examples, item ${i + 1} has ${longest} tokens, ${longest - contextWindow} more than the window of ${contextWindow}; use fewer shots or shorter examples`,
    );
    return sizes.reduce((sum, [prompt, answer], at) => {
      const key = JSON.stringify(pairs[at] ?? i);
      const isNew = !seen.has(key);
      seen.add(key);
      return isNew ? sum + prompt + answer : sum;
    }, 0);
  });
}
