import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openFiles } from "../files/index.ts";
import { loadModel } from "../inference/index.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizers/index.ts";
import { buildPrompt, checkPrompt, definePrompt } from "./index.ts";

const prompt = definePrompt({
  variables: { text: "string", label: "string" },
  instruction: "Is each review positive or negative? 각 문장을 분류하라 🙂",
  template: "Review: {{ text }}\nSentiment:",
  answer: " {{ label }}",
});
const examples = [
  { text: "a joy to watch", label: "positive" },
  { text: "정말 지루했다", label: "negative" },
  { text: "👩‍👩‍👧 I loved it 🎉, all of it", label: "positive" },
  { text: "dull — and far too long", label: "negative" },
  { text: "ﬁne, naïve, ünloved", label: "negative" },
];
const values = { text: "영화가 좋았다 😀", label: "positive" };

const CHAT =
  "{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}</s>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
const shared = new URL("../../../shared/data/tokenizers/", import.meta.url).pathname;
const tokenizers: readonly [name: string, directory: string][] = [
  ["byte-level BPE (stories)", "models/stories"],
  ["WordPiece (sentiment)", "models/sentiment"],
  ["unigram (translate)", "models/translate"],
  ...["bert", "gpt2", "llama", "t5"].map((name): [string, string] => [name, `${shared}${name}`]),
];

async function tokenizerOf(directory: string): Promise<Tokenizer> {
  const tokenizer = await loadTokenizer(await openFiles(directory));
  if (!tokenizer) throw new Error(`${directory} has no tokenizer`);
  return tokenizer;
}

describe.each(tokenizers)("the budget is exact: %s", (_, directory) => {
  const isHere = existsSync(directory);

  test.skipIf(!isHere)("parts add up to the ids, which are those of the text (skipped without ../shared)", async () => {
    const tokenizer = await tokenizerOf(directory);
    const { ids, text, budget } = await buildPrompt(prompt, values, { tokenizer, examples });
    expect(ids).toEqual(tokenizer.encode(text as string).ids);
    expect(budget.parts.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(ids.length);
    expect(budget.prompt).toBe(ids.length);
    expect(budget.kept).toEqual([0, 1, 2, 3, 4]);
  });

  test.skipIf(!isHere)(
    "at the limit all examples fit, and one token less drops one whole (skipped without ../shared)",
    async () => {
      const tokenizer = await tokenizerOf(directory);
      for (let shots = examples.length; shots > 0; shots--) {
        const { ids } = await buildPrompt(prompt, values, { tokenizer, examples, shots });
        const reserve = 7;
        const full = await buildPrompt(prompt, values, {
          tokenizer,
          examples,
          shots,
          reserve,
          window: ids.length + reserve,
        });
        expect(full.budget).toMatchObject({ prompt: ids.length, free: 0, dropped: [] });
        expect(full.budget.prompt + reserve).toBe(full.budget.window);
        const less = await buildPrompt(prompt, values, {
          tokenizer,
          examples,
          shots,
          reserve,
          window: ids.length + reserve - 1,
        });
        expect(less.budget.kept).toEqual(full.budget.kept.slice(0, -1));
        expect(less.budget.dropped).toEqual([
          {
            index: shots - 1,
            reason: `no room: with one more example the prompt has ${ids.length} tokens, and 7 of the window of ${ids.length + 6} are kept for the answer`,
          },
        ]);
        expect(less.text).toBe(prompt.render(values, examples.slice(0, shots - 1)).text);
      }
    },
  );
});

test("the ids are those that the model reads", async () => {
  await using model = await loadModel("models/stories");
  const tokenizer = model.tokenizer as Tokenizer;
  const { ids, text } = await buildPrompt(prompt, values, { tokenizer, examples, shots: 2 });
  const { inputIds } = await model.generate({ prompt: text as string }, { maxNewTokens: 1 });
  expect(inputIds[0]).toEqual(ids);
});

test("a chat's tokens are counted through the chat template", async () => {
  const tokenizer = await tokenizerOf("models/stories");
  const asked = tokenizer.applyChatTemplate.bind(tokenizer);
  tokenizer.applyChatTemplate = (messages, options) => asked(messages, { ...options, chatTemplate: CHAT });
  const chat = definePrompt({ ...prompt.definition, chat: true });
  const { ids, budget, messages } = await buildPrompt(chat, values, { tokenizer, examples, shots: 2 });
  const text = asked(messages ?? [], { chatTemplate: CHAT });
  expect(ids).toEqual(tokenizer.encode(text, { addSpecialTokens: false }).ids);
  expect(budget.parts.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(ids.length);
  expect(budget.parts.map(({ name }) => name)).toEqual(["template", "system", "examples", "question"]);
});

describe("examples are chosen", async () => {
  const tokenizer = await tokenizerOf("models/stories");
  const kept = async (options: object): Promise<readonly number[]> =>
    (await buildPrompt(prompt, values, { tokenizer, examples, ...options })).budget.kept;
  // Vectors of the question and of the five examples.
  const embed = async (texts: readonly string[]): Promise<number[][]> =>
    [
      [1, 0],
      [0.9, 0.1],
      [0, 1],
      [0.95, 0.1],
      [-1, 0],
      [0.3, 0.9],
    ].slice(0, texts.length);

  test("as they stand, by a seed, and evenly among the classes", async () => {
    expect(await kept({ shots: 2 })).toEqual([0, 1]);
    expect(await kept({ shots: 3, selection: "random", seed: 5 })).toEqual(
      await kept({ shots: 3, selection: "random", seed: 5 }),
    );
    const labels = (indices: readonly number[]): (string | undefined)[] => indices.map((i) => examples[i]?.label);
    for (const seed of [1, 2, 3])
      expect(labels(await kept({ shots: 4, selection: "balanced", seed })).toSorted()).toEqual([
        "negative",
        "negative",
        "positive",
        "positive",
      ]);
  });

  test("by likeness to the question, and by what they add", async () => {
    expect(await kept({ shots: 3, selection: "nearest", embed })).toEqual([2, 0, 4]);
    expect(await kept({ shots: 3, selection: "nearest", embed, order: "reversed" })).toEqual([4, 0, 2]);
    expect(await kept({ shots: 2, selection: "diverse", embed })).toEqual([2, 3]);
    await expect(kept({ shots: 2, selection: "nearest" })).rejects.toThrow("give an embedder");
  });

  test("and the least useful is left out, wherever it would stand", async () => {
    const all = await buildPrompt(prompt, values, { tokenizer, examples, shots: 3, selection: "nearest", embed });
    const window = all.ids.length - 1;
    const less = { tokenizer, examples, shots: 3, selection: "nearest", embed, window } as const;
    const { budget } = await buildPrompt(prompt, values, { ...less, order: "reversed" });
    expect(budget.kept).toEqual([0, 2]);
    expect(budget.dropped.map(({ index }) => index)).toEqual([4]);
  });

  test("and the order is that which is asked for", async () => {
    expect(await kept({ shots: 3, selection: "nearest", embed, order: "original" })).toEqual([0, 2, 4]);
    expect((await kept({ order: "shuffled", seed: 1 })).toSorted()).toEqual([0, 1, 2, 3, 4]);
  });

  test("a question among its own examples is left out, and one that is longer than the window", async () => {
    const more = [...examples, { ...values }, { text: "long ".repeat(400), label: "negative" }];
    const { budget } = await buildPrompt(prompt, values, { tokenizer, examples: more, window: 300 });
    expect(budget.dropped.map(({ index, reason }) => [index, reason.split(",")[0]])).toEqual([
      [5, "it is the question itself"],
      [6, expect.stringMatching(/^it alone has \d+ tokens$/)],
    ]);
  });

  test("what cannot be is refused with its numbers", async () => {
    await expect(kept({ shots: 6 })).rejects.toThrow("6 shots are asked for, and there are 5 examples");
    await expect(kept({ window: 20, reserve: 10 })).rejects.toThrow(
      /without any example and 10 are kept for the answer: \d+ more than the window of 20/,
    );
    await expect(kept({ examples: [{ text: "a" }], shots: 1 })).rejects.toThrow(
      'example 1, {"text":"a"}: prompt: variable label needs a value',
    );
    await expect(kept({ shot: 1 })).rejects.toThrow("there is no option shot; did you mean shots?");
  });
});

test("checkPrompt counts with the model's tokenizer", async () => {
  const tokenizer = await tokenizerOf("models/stories");
  const special = tokenizer.token([...tokenizer.specialIds][0] as number) as string;
  const rules = (options: object): string[] => checkPrompt(prompt, { tokenizer, ...options }).map(({ rule }) => rule);
  expect(rules({})).toEqual([]);
  expect(rules({ window: 10 })).toEqual(["too-long"]);
  expect(rules({ values: { text: `a ${special} b` } })).toEqual(["special-token"]);
  expect(checkPrompt(definePrompt({ template: "a", chat: true }), { tokenizer }).map(({ rule }) => rule)).toEqual([
    "chat-template",
  ]);
});
