import { expect, test } from "vitest";
import { type TextObjective, TextTask, type TextTaskOptions } from "./text-task.ts";

const [PAD, START, END, MASK, SENTINEL] = [0, 1, 2, 3, 99];
const text = { ids: Int32Array.from({ length: 400 }, (_, i) => 10 + (i % 50)), bytes: 400 };
const tokens = { padTokenId: PAD, eosTokenId: END, vocabularySize: 100, maskTokenId: MASK, firstSentinelId: SENTINEL };
const taskOf = (objective: TextObjective, own: Partial<TextTaskOptions["tokens"]>): TextTask =>
  new TextTask(text, text, {
    batchSize: 4,
    length: 20,
    seed: 1,
    gradientAccumulationSteps: 1,
    objective,
    tokens: { ...tokens, ...own },
  });

test("text infilling keeps the tokens at the ends of a window, and the decoder writes them too", () => {
  const task = taskOf({ name: "text-infilling" }, { ends: [START, END] });
  for (let step = 0; step < 3; step++)
    for (const {
      batch: { inputIds, labels },
    } of task.batches(step))
      for (const [row, ids] of inputIds.entries()) {
        const whole = labels?.[row] as number[];
        expect(whole).toHaveLength(20);
        expect([whole[0], whole.at(-1)]).toEqual([START, END]);
        const filled = ids.filter((id) => id !== PAD);
        expect([filled[0], filled.at(-1)]).toEqual([START, END]);
        expect(filled).toContain(MASK);
      }
});

test("span corruption needs a sentinel for each span, and one for the end", () => {
  const objective = { name: "span-corruption", density: 0.3, meanLength: 3 } as const; // two spans of 20 tokens
  expect(() => taskOf(objective, { sentinels: 2 })).toThrow(
    "a window of 20 tokens needs 3 sentinels, and the tokenizer has 2",
  );
  const sentinels = [...taskOf(objective, { sentinels: 3 }).batches(0)].flatMap(({ batch: { labels } }) =>
    (labels as number[][]).map((row) => row.filter((id) => id > SENTINEL - 10)),
  );
  expect(sentinels).toEqual([0, 1, 2, 3].map(() => [SENTINEL, SENTINEL - 1, SENTINEL - 2]));
});
