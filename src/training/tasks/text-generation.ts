import { check } from "../../common/index.ts";
import { IGNORED_LABEL } from "../../graph/index.ts";
import { completionOnly } from "../data/collators.ts";
import { conversationRow } from "../data/conversations.ts";
import { type Example, fieldOf, textOf } from "../data/examples.ts";
import { messagesOf } from "../data/messages.ts";
import type { Batch } from "../run/step-graph.ts";
import { countedLabels } from "./task.ts";
import {
  column,
  fill,
  inputsOf,
  meanLoss,
  type Parts,
  type TaskContext,
  tellRow,
  tokenObjective,
} from "./task-rows.ts";

/** A row of a decoder: a whole text, a prompt and its completion, or a conversation of which the answers are learned. */
function generationRow(context: TaskContext, example: Example): { ids: readonly number[]; labels: readonly number[] } {
  const { tokenizer, path, architecture } = context;
  const eos = tokenizer.specialId("eos_token") ?? (architecture.config as { eosTokenId?: number }).eosTokenId;
  const end = eos === undefined ? [] : [eos];
  const bare = (text: string): number[] => tokenizer.encode(text, { addSpecialTokens: false }).ids;
  const messages = column(context, "messages");
  if (fieldOf(example, messages) !== undefined) {
    const talk = messagesOf(path, example, messages);
    return tellRow(path, example, () => conversationRow(tokenizer, talk));
  }
  if (fieldOf(example, column(context, "completion")) !== undefined) {
    const prompt = tokenizer.encode(textOf(path, example, column(context, "prompt"))).ids;
    const { inputIds, labels } = completionOnly(prompt, [
      ...bare(textOf(path, example, column(context, "completion"))),
      ...end,
    ]);
    return { ids: inputIds, labels };
  }
  const ids = [...tokenizer.encode(textOf(path, example, column(context, "text"))).ids, ...end];
  return { ids, labels: ids };
}

/** The reason why a row has no token to learn. */
function unlearned(labels: readonly number[], maxLength: number): string {
  const first = labels.findIndex((label, i) => i > 0 && label >= 0);
  return first < 0
    ? "none of its tokens is learned; give it an answer, or leave it out"
    : `its answer begins with token ${first + 1}, and maxLength ${maxLength} cuts it off; raise it, or leave the row out`;
}

export function textGeneration(context: TaskContext): Parts {
  const { maxLength, path } = context;
  const count = (batch: Batch): number => countedLabels((batch.labels as number[][]).map((row) => row.slice(1)));
  return {
    encode(example) {
      const { ids, labels } = generationRow(context, example);
      const row = { ids: ids.slice(0, maxLength), labels: labels.slice(0, maxLength) };
      check(
        row.labels.some((label, i) => i > 0 && label >= 0),
        "input",
        () => `${path}, row ${example.row}: ${unlearned(labels, maxLength)}`,
      );
      return row;
    },
    lengthOf: ({ ids }) => ids.length,
    build(rows) {
      const inputs = inputsOf(context, rows);
      const labels = fill(
        context,
        rows.map((row) => row.labels as number[]),
        IGNORED_LABEL,
        inputs.inputIds[0]?.length,
      );
      return { ...inputs, labels: labels.inputIds };
    },
    count,
    measure(results) {
      const loss = meanLoss(results, count);
      return { loss, metrics: { perplexity: Math.exp(loss) } };
    },
    ...tokenObjective(context),
  };
}
