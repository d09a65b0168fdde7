import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture } from "../../../test/helpers/fixtures.ts";
import { loadModel } from "../../inference/index.ts";
import { finetune } from "../../training/index.ts";

test("the head for questions is that for two classes of tokens: a prediction head and `classifier`", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  const data = join(folder, "tags.jsonl");
  const row = JSON.stringify({ tokens: ["the", "cat"], tags: ["other", "animal"] });
  await writeFile(data, `${row}\n${row}\n`);
  const [tokens, questions] = [join(folder, "tokens"), join(folder, "questions")];
  const model = fixture("models/modernbert_mlm");
  await finetune({ model, data, validation: data, task: "token-classification", out: tokens, epochs: 1, batchSize: 2 });
  await cp(tokens, questions, { recursive: true });
  const config = JSON.parse(await readFile(join(questions, "config.json"), "utf8"));
  config.architectures = ["ModernBertForQuestionAnswering"];
  await writeFile(join(questions, "config.json"), JSON.stringify(config));
  const [tagger, reader] = [await loadModel(tokens), await loadModel(questions)];
  const inputIds = [[5, 6, 7, 8]];
  const { logits } = await tagger.forward({ inputIds });
  const { startLogits, endLogits } = await reader.forward({ inputIds });
  const pairs = [...(startLogits?.data ?? [])].flatMap((start, i) => [start, endLogits?.data[i]]);
  expect(pairs).toEqual([...(logits?.data ?? [])]);
  await tagger.dispose();
  await reader.dispose();
});
