import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture } from "../../../test/helpers/fixtures.ts";
import { loadModel } from "../../inference/index.ts";
import { pipeline } from "../../pipelines/index.ts";
import { finetune } from "./finetune.ts";

async function tuned(task: "text-classification" | "token-classification" | "reward", rows: object[], model: string) {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  const [data, out] = [join(folder, "data.jsonl"), join(folder, "model")];
  await writeFile(data, rows.map((row) => JSON.stringify(row)).join("\n"));
  const settings = { model: fixture(`models/${model}`), data, validation: data, task, out };
  await finetune({ ...settings, epochs: 12, batchSize: 4, learningRate: 0.02 });
  const config = JSON.parse(await readFile(join(out, "config.json"), "utf8"));
  return { out, architecture: config.architectures[0] as string };
}

const texts = [
  { text: "the little mermaid", label: "sea" },
  { text: "the happy prince", label: "land" },
  { text: "a mermaid and the sea, long ago", label: "sea" },
  { text: "prince", label: "land" },
];

test.each([
  ["llama_chat", "LlamaForSequenceClassification"],
  ["gpt2", "GPT2ForSequenceClassification"],
])("a decoder learns the classes of texts: %s becomes %s, which the pipeline reads", async (model, named) => {
  const { out, architecture } = await tuned("text-classification", texts, model);
  expect(architecture).toBe(named);
  await using classify = await pipeline("text-classification", out);
  for (const { text, label } of texts) expect(await classify(text)).toMatchObject([{ label }]);
});

test("a decoder learns the classes of tokens", async () => {
  const rows = [
    { tokens: ["the", "prince"], tags: ["other", "person"] },
    { tokens: ["a", "mermaid"], tags: ["other", "person"] },
  ];
  const { out, architecture } = await tuned("token-classification", rows, "llama_chat");
  expect(architecture).toBe("LlamaForTokenClassification");
  await using find = await pipeline("token-classification", out);
  expect(JSON.stringify(await find("the prince"))).toContain("person");
});

test("a decoder learns a reward: one number, higher for what was chosen", async () => {
  const rows = [
    { prompt: "Who?", chosen: "the prince", rejected: "nobody" },
    { prompt: "Where?", chosen: "the sea", rejected: "nowhere" },
  ];
  const { out, architecture } = await tuned("reward", rows, "llama_chat");
  expect(architecture).toBe("LlamaForSequenceClassification");
  await using model = await loadModel(out);
  const { tokenizer } = model;
  const scored = async (prompt: string, pair: string): Promise<number> => {
    const { logits } = await model.forward({ inputIds: [tokenizer?.encode(prompt, { pair }).ids ?? []] });
    return logits?.data[0] as number;
  };
  for (const { prompt, chosen, rejected } of rows)
    expect(await scored(prompt, chosen)).toBeGreaterThan(await scored(prompt, rejected));
});
