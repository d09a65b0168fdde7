import { check } from "../common/index.ts";
import { forwardRows } from "../inference/index.ts";
import { softmax } from "../tensor/index.ts";
import type { CallOptions } from "./options.ts";
import { bestOf } from "./scores.ts";
import { lacksHead, maxLengthOf, parseText, type Task, type TaskContext } from "./task.ts";

/** Options of `fill-mask`. */
export interface FillMaskOptions extends CallOptions {
  /** The number of words for each mask; default 5. */
  readonly topK?: number;
  /** The only words to choose among. */
  readonly targets?: string | readonly string[];
}

/** A word for a mask, with its id, how probable it is, and the text that has it. */
export interface FilledMask {
  readonly score: number;
  readonly token: number;
  readonly token_str: string;
  readonly sequence: string;
}

/** Words for the masks of a text; where it has several, a list for each. */
export const fillMask: Task<string, FillMaskOptions, FilledMask[] | FilledMask[][]> = {
  batchSize: 16,
  options: { topK: "count", targets: "textOrTexts" },
  parse: parseText,
  async run(context, inputs, { topK = 5, targets }) {
    const { model, tokenizer, task } = context;
    const maskId = tokenizer.specialId("mask_token");
    check(maskId !== undefined, "unsupported", () => `${task}: this model's tokenizer has no mask token`);
    const targetIds = targets === undefined ? undefined : idsOf(context, targets);
    const rows = inputs.map((input) => tokenizer.encode(input, maxLengthOf(context)));
    for (const [i, { ids }] of rows.entries())
      check(
        ids.includes(maskId),
        "input",
        () => `${task}: each text needs the mask token ${tokenizer.token(maskId)}; got ${JSON.stringify(inputs[i])}`,
      );
    return forwardRows(
      model,
      rows,
      context,
      ({ logits }, { row, at: first }, index) => {
        if (logits?.shape.length !== 3 || !/MaskedLM$|ForPreTraining$/.test(architectureOf(context)))
          throw lacksHead(context, "masked language modelling");
        const [, width, size] = logits.shape as [number, number, number];
        const { ids } = rows[index] as (typeof rows)[number];
        const masks = ids.flatMap((id, at) => (id === maskId ? [at] : []));
        const filled = masks.map((mask) => {
          const at = (row * width + first + mask) * size;
          const scores = softmax(logits.data.subarray(at, at + size));
          const candidates = targetIds ?? [...scores.keys()];
          const order = bestOf(
            candidates.map((id) => scores[id] as number),
            topK,
          );
          return order.map((place): FilledMask => {
            const token = candidates[place] as number;
            return {
              score: scores[token] as number,
              token,
              token_str: tokenizer.decode([token]),
              sequence: tokenizer.decode(ids.with(mask, token), { skipSpecialTokens: masks.length === 1 }),
            };
          });
        });
        return filled.length === 1 ? (filled[0] as FilledMask[]) : filled;
      },
      { ofTokens: true },
    );
  },
};

function architectureOf({ model }: TaskContext): string {
  return String((model.config.architectures as string[] | undefined)?.[0]);
}

/** The ids of words; of one that is none in the vocabulary, its first token, as in transformers. */
function idsOf({ tokenizer, task }: TaskContext, targets: string | readonly string[]): number[] {
  const ids = [targets].flat().map((target) => {
    const id = tokenizer.id(target) ?? tokenizer.encode(target, { addSpecialTokens: false }).ids[0];
    check(
      id !== undefined && (id !== tokenizer.specialId("unk_token") || tokenizer.id(target) === id),
      "input",
      () => `${task}: the vocabulary has nothing for the target ${JSON.stringify(target)}`,
    );
    return id;
  });
  check(ids.length > 0, "usage", () => `${task}: targets is empty: give at least one word, or leave it out`);
  return [...new Set(ids)];
}
