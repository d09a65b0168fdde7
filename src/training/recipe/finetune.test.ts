import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { fixture, maxDifference, readTensors } from "../../../test/helpers/fixtures.ts";
import { loadModel } from "../../inference/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import type { Tokenizer } from "../../tokenizers/index.ts";
import { type FinetuneOptions, finetune, mergeAdapter } from "../index.ts";

const folder = await mkdtemp(join(tmpdir(), "lectern-"));
const file = async (name: string, text: string | Uint8Array): Promise<string> => {
  await writeFile(join(folder, name), text);
  return join(folder, name);
};
const lines = (rows: readonly object[]): string => rows.map((row) => JSON.stringify(row)).join("\n");
const quick = (name: string): Pick<FinetuneOptions, "out" | "batchSize" | "learningRate" | "epochs"> => ({
  out: join(folder, name),
  batchSize: 8,
  learningRate: 0.003,
  epochs: 12,
});

const animals = ["the cat", "a dog", "the white rabbit", "a mouse"];
const reviews = Array.from({ length: 40 }, (_, i) => ({
  text: `${animals[i % 4]} was ${i % 2 === 0 ? "very good" : "quite bad"} that day`,
  label: i % 2 === 0 ? "good" : "bad",
}));
const csv = `text,label\n${reviews.map(({ text, label }) => `${text},${label}`).join("\n")}\n`;

test("begins with a bundled model, by its name", async () => {
  const data = await file("bundled.csv", csv);
  const settings = { ...quick("bundled"), epochs: 1 };
  const { plan } = await finetune({ model: "sentiment", data, task: "text-classification", ...settings });
  expect(plan.labels).toEqual(["bad", "good"]);
});

describe("text classification", () => {
  test("learns classes from a CSV, and tells accuracy and confusion; the model then classifies", async () => {
    const data = await file("reviews.csv", csv);
    const result = await finetune({
      model: fixture("models/bert"),
      data,
      task: "text-classification",
      ...quick("full"),
    });
    expect(result.plan.labels).toEqual(["bad", "good"]);
    expect(result.plan.fresh).toEqual([
      "bert.pooler.dense.weight",
      "bert.pooler.dense.bias",
      "classifier.weight",
      "classifier.bias",
    ]);
    expect(result.plan.heldOut).toBe(4);
    expect(result.evaluation?.metrics.accuracy).toBe(1);
    const { confusion } = result.evaluation as NonNullable<typeof result.evaluation>;
    expect(confusion?.counts[0]?.[1]).toBe(0);
    await using model = await loadModel(join(folder, "full"));
    expect(model.config).toMatchObject({
      architectures: ["BertForSequenceClassification"],
      id2label: { 0: "bad", 1: "good" },
    });
    const { logits } = await model.forward({
      inputIds: [model.tokenizer?.encode("a mouse was quite bad").ids as number[]],
    });
    expect((logits?.data[0] as number) > (logits?.data[1] as number)).toBe(true);
  });

  test("learns an adapter alone, whose directory loads as a model and merges into one with the same logits", async () => {
    const data = await file("reviews.tsv", csv.replaceAll(",", "\t"));
    const base = fixture("models/bert");
    const lora = { r: 4, useDora: true };
    const result = await finetune({ model: base, data, task: "text-classification", ...quick("adapter"), lora });
    expect(result.plan.learned).toBeLessThan(result.plan.total / 3);
    expect(result.evaluation?.metrics.accuracy).toBe(1);
    const config = JSON.parse(await readFile(join(folder, "adapter", "adapter_config.json"), "utf8")) as object;
    expect(config).toMatchObject({
      peft_type: "LORA",
      task_type: "SEQ_CLS",
      use_dora: true,
      modules_to_save: ["bert.pooler.dense", "classifier"],
    });
    await mergeAdapter(base, join(folder, "adapter"), join(folder, "merged"));
    await using adapted = await loadModel(join(folder, "adapter"));
    await using merged = await loadModel(join(folder, "merged"));
    const inputs = { inputIds: [adapted.tokenizer?.encode("a mouse was quite bad").ids as number[]] };
    const [one, other] = [await adapted.forward(inputs), await merged.forward(inputs)];
    expect(maxDifference(one.logits as HostTensor, other.logits as HostTensor)).toBeLessThan(1e-5);
  });

  test("an adapter of a model that has a head holds the head whole, as PEFT reads it", async () => {
    const [base, data] = [fixture("models/bert_cls"), await file("again.csv", csv)];
    await finetune({ model: base, data, task: "text-classification", ...quick("again"), lora: { r: 4 } });
    const config = JSON.parse(await readFile(join(folder, "again", "adapter_config.json"), "utf8")) as object;
    expect(config).toMatchObject({ task_type: "SEQ_CLS", modules_to_save: ["classifier"] });
    const stored = await readFile(join(folder, "again", "adapter_model.safetensors"), "latin1");
    expect(stored).toContain('"base_model.model.classifier.weight"');
    expect(stored).toContain('"base_model.model.classifier.bias"');
  });

  test("balanced classes count alike in one batch of 16 rows and in four of 4 that make one step", async () => {
    const data = Array.from({ length: 16 }, (_, i) => ({
      text: `${animals[i % 4]} was ${"very ".repeat(i)}${i % 5 === 0 ? "bad" : "good"}`,
      label: i % 5 === 0 ? "bad" : "good",
    }));
    const run = async (batchSize: number, gradientAccumulationSteps: number) => {
      const reports: (readonly [loss: number, norm: number])[] = [];
      const { evaluation } = await finetune({
        model: fixture("models/bert_cls"),
        ...{ data, validation: data, task: "text-classification", balanceClasses: true },
        ...{ out: join(folder, `balanced ${batchSize}`), batchSize, gradientAccumulationSteps },
        config: { steps: 1, dropout: false },
        onReport: ({ loss, gradientNorm }) => reports.push([loss, gradientNorm]),
      });
      return [...(reports[0] as readonly number[]), evaluation?.loss as number];
    };
    const [whole, parts] = [await run(16, 1), await run(4, 4)];
    for (const [i, value] of whole.entries()) expect(parts[i]).toBeCloseTo(value, 4);
  });

  test.each(["electra_disc", "roberta_mlm"])("a head of two layers is held whole in an adapter of %s", async (name) => {
    const [out, model] = [join(folder, `${name} head`), fixture(`models/${name}`)];
    const options = { out, model, data: reviews, task: "text-classification" as const, epochs: 1 };
    const { plan } = await finetune({ ...options, lora: { r: 2, targetModules: ["query", "dense"] } });
    expect(plan.fresh.every((path) => path.startsWith("classifier."))).toBe(true);
    const config = JSON.parse(await readFile(join(out, "adapter_config.json"), "utf8")) as object;
    expect(config).toMatchObject({ modules_to_save: ["classifier"] });
    const stored = Object.keys(await readTensors(out, "adapter_model.safetensors"));
    expect(stored.filter((path) => path.includes("classifier")).sort()).toEqual(
      ["dense.bias", "dense.weight", "out_proj.bias", "out_proj.weight"].map(
        (end) => `base_model.model.classifier.${end}`,
      ),
    );
  });

  test("what ends as a head is called is held whole too, as PEFT does", async () => {
    const [out, model] = [join(folder, "distilled"), fixture("models/distilbert_cls")];
    const options = { out, model, data: reviews, task: "text-classification" as const, epochs: 1 };
    await finetune({ ...options, lora: { r: 2 } });
    const config = JSON.parse(await readFile(join(out, "adapter_config.json"), "utf8")) as object;
    expect(config).toMatchObject({ modules_to_save: ["pre_classifier", "classifier"] });
  });

  test("an adapter's own head is taken from its task and its tensors where no config.json tells it", async () => {
    const [model, adapter] = [fixture("models/electra_disc"), join(folder, "own head")];
    const data = [...reviews, { text: "nothing", label: "none" }, { text: "no one", label: "none" }];
    const options = { model, data, out: adapter, task: "text-classification" as const, epochs: 1 };
    await finetune({ ...options, lora: { r: 2 } });
    await using told = await loadModel(adapter);
    const inputs = { inputIds: [told.tokenizer?.encode("a mouse").ids as number[]] };
    const wanted = await told.forward(inputs);
    await rm(join(adapter, "config.json"));
    await using taken = await loadModel(adapter);
    expect((await taken.forward(inputs)).logits).toEqual(wanted.logits);
    expect(taken.config).toMatchObject({
      architectures: ["ElectraForSequenceClassification"],
      id2label: { 0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2" },
    });
    await mergeAdapter(model, adapter, join(folder, "own head merged"));
    await using merged = await loadModel(join(folder, "own head merged"));
    expect(
      maxDifference((await merged.forward(inputs)).logits as HostTensor, wanted.logits as HostTensor),
    ).toBeLessThan(1e-5);
    await using base = await loadModel(model);
    await expect(base.addAdapter("own", adapter)).rejects.toThrow(
      "is no part of this ELECTRA, which has no such head; open the adapter's directory itself as the model",
    );
  });

  test("an adapter names its base as it is told to; without a tokenizer of its own it takes that of the base", async () => {
    const base = fixture("models/bert");
    const named = { out: join(folder, "named"), epochs: 1, batchSize: 8, lora: { r: 2 }, baseName: "owner/base" };
    await finetune({ model: base, data: reviews, task: "text-classification", ...named });
    const adapter = join(folder, "named");
    const config = JSON.parse(await readFile(join(adapter, "adapter_config.json"), "utf8")) as object;
    expect(config).toMatchObject({ base_model_name_or_path: "owner/base" });
    const files = (await readdir(adapter)).filter((name) => name.startsWith("tokenizer") || name.startsWith("vocab"));
    expect(files.length).toBeGreaterThan(0);
    await using complete = await loadModel(adapter, { base });
    const wanted = await complete.forward({ inputIds: [complete.tokenizer?.encode("a mouse").ids as number[]] });
    for (const name of files) await rm(join(adapter, name));
    await using lacking = await loadModel(adapter, { base });
    const { logits } = await lacking.forward({ inputIds: [lacking.tokenizer?.encode("a mouse").ids as number[]] });
    expect(logits).toEqual(wanted.logits);
    await expect(loadModel(base, { base })).rejects.toThrow(
      "is a whole model: base goes with the directory of an adapter",
    );
  });

  test("a run that is cancelled goes on, and ends as one that was not", async () => {
    const data = await file("again.csv", csv);
    const options = { model: fixture("models/bert"), data, task: "text-classification" as const };
    const whole = await finetune({ ...options, ...quick("whole") });
    const stop = new AbortController();
    const onReport = ({ step }: { step: number }): void => (step === 23 ? stop.abort() : undefined);
    await expect(finetune({ ...options, ...quick("stopped"), signal: stop.signal, onReport })).rejects.toThrow(
      "cancelled",
    );
    const steps: number[] = [];
    const noted = ({ step }: { step: number }): unknown => steps.push(step);
    const resumed = await finetune({ ...options, ...quick("stopped"), onReport: noted });
    expect(steps[0]).toBe(24);
    expect(resumed.evaluation).toEqual(whole.evaluation);
    const [one, other] = await Promise.all(
      ["whole", "stopped"].map((out) => readFile(join(folder, out, "model.safetensors"))),
    );
    expect(other?.equals(one as Buffer)).toBe(true);
  });

  const korean = `\uFEFFtext,label\r\n${Array.from({ length: 12 }, (_, i) => `"그는 ""${i}""번, 말했다",${i % 2 ? "긍정" : "부정"}`).join("\r\n")}\r\n`;
  test.each([
    ["a BOM, CRLF, quotes and Korean text", "korean.csv", korean],
    ["a gzipped file", "reviews.csv.gz", gzipSync(csv)],
    ["JSON lines", "reviews.jsonl", lines(reviews)],
  ])("reads %s", async (_, name, content) => {
    const data = await file(name, content);
    const result = await finetune({
      model: fixture("models/bert"),
      data,
      task: "text-classification",
      ...quick(`read ${name}`),
      epochs: 1,
    });
    expect(result.plan.labels).toHaveLength(2);
    expect(result.step).toBeGreaterThan(0);
  });

  test.each([
    [
      "a wrong column",
      "wrong.csv",
      "text,lable\na,b\n",
      /wrong.csv: there is no column label; the columns are text, lable; .* --column label=lable$/,
    ],
    ["an empty class", "empty.csv", "text,label\na,x\nb,\n", /row 3: label is empty/],
    ["one class", "one.csv", "text,label\na,x\nb,x\n", /expected at least two labels; got x in all rows/],
    ["a class of one row", "lonely.csv", "text,label\na,x\nb,x\nc,y\n", /got one row of y/],
    [
      "a stray quote",
      "quote.csv",
      'text,label\na "good" one,x\nb,y\n',
      /quote.csv, line 2: a field that does not begin with a quote contains one/,
    ],
    [
      "a quote that never ends",
      "open.csv",
      'text,label\n"a,x\nb,y\n',
      /open.csv, line 2: a quote is opened in the row that begins here and never closed/,
    ],
    ["a row too long", "long.csv", "text,label\na,b,x\n", /line 2: the row has more or fewer fields/],
    ["no row", "none.csv", "text,label\n", /holds no example/],
    ["not JSON", "bad.jsonl", '{"text": "a"', /bad.jsonl, line 1 is not JSON/],
    ["another file", "data.xlsx", "x", /read from .csv, .tsv, .jsonl or .json/],
    ["not UTF-8", "latin.csv", Uint8Array.of(0x74, 0xe9, 0x0a), /is not UTF-8 text/],
    ["a cut gzip file", "cut.csv.gz", gzipSync(csv).subarray(0, 60), /no gzip file, or is cut short/],
  ])("%s gets a clear answer", async (_, name, content, message) => {
    const data = await file(name, content);
    const options = { model: fixture("models/bert"), data, task: "text-classification" as const, ...quick("never") };
    await expect(finetune(options)).rejects.toThrow(message);
  });

  test("a model that cannot learn a task is refused by its kind", async () => {
    const data = await file("kind.csv", csv);
    const options = { model: fixture("models/gpt2"), data, ...quick("never") };
    await expect(finetune({ ...options, task: "fill-mask" })).rejects.toThrow(
      "GPT-2 is a decoder; fill-mask needs an encoder",
    );
    await expect(finetune({ ...options, task: "classify" as never })).rejects.toThrow("there is no task classify");
  });
});

test("tokens are told apart", async () => {
  const rows = Array.from({ length: 30 }, (_, i) => ({
    tokens: ["the", animals[i % 4]?.split(" ").at(-1), "said", "nothing"],
    tags: ["O", "ANIMAL", "O", "O"],
  }));
  const data = await file("tags.jsonl", lines(rows));
  const result = await finetune({
    model: fixture("models/bert"),
    data,
    task: "token-classification",
    ...quick("tags"),
    epochs: 20,
  });
  expect(result.evaluation?.metrics.accuracy).toBe(1);
});

test("answers are found in their context", async () => {
  const rows = Array.from({ length: 40 }, (_, i) => ({
    question: "who was it",
    context: `on that day it was ${animals[i % 4]} who came`,
    answer: animals[i % 4],
  }));
  const data = await file("answers.jsonl", lines(rows));
  const result = await finetune({
    model: fixture("models/bert"),
    data,
    task: "question-answering",
    ...quick("answers"),
  });
  expect(result.evaluation?.metrics.exactMatch).toBe(1);
  const lost = await file(
    "lost.jsonl",
    lines([{ question: "who", context: "nobody", answer: "the king" }, rows[0] as object]),
  );
  const options = { model: fixture("models/bert"), data: lost, task: "question-answering" as const, ...quick("never") };
  await expect(finetune(options)).rejects.toThrow('row 1: the answer "the king" does not occur in its context');
});

test("a completion is learned, and its prompt is not", async () => {
  const rows = Array.from({ length: 32 }, (_, i) => ({
    prompt: `Alice saw ${animals[i % 4]} and`,
    completion: " ran away",
  }));
  const data = await file("completions.jsonl", lines(rows));
  const result = await finetune({
    model: fixture("models/gpt2"),
    data,
    task: "text-generation",
    ...quick("completions"),
    epochs: 25,
  });
  expect(result.evaluation?.loss as number).toBeLessThan(0.2);
  await using model = await loadModel(join(folder, "completions"));
  const { text } = await model.generate({ prompt: "Alice saw a dog and" }, { maxNewTokens: 12 });
  expect(text.startsWith(" ran away")).toBe(true);
});

test("a row of which nothing is learned is named", async () => {
  const asked = { messages: [{ role: "user", content: "hello" }] };
  const answered = { messages: [...asked.messages, { role: "assistant", content: "hi" }] };
  const options = { model: fixture("models/llama_chat"), task: "text-generation" as const, ...quick("never") };
  const run = (data: readonly object[], more: Partial<FinetuneOptions> = {}) => finetune({ ...options, data, ...more });
  await expect(run([answered, asked])).rejects.toThrow("data, row 2: none of its tokens is learned; give it an answer");
  await expect(run([answered], { maxLength: 4 })).rejects.toThrow(/row 1: .* and maxLength 4 cuts it off; raise it/);
  await expect(run([{ prompt: "hello", completion: " hi" }], { maxLength: 1 })).rejects.toThrow("maxLength 1 cuts it");
  await expect(run([{ messages: "hello" }])).rejects.toThrow("row 1: messages must be a list");
});

test("a text is learned from another", async () => {
  const rows = Array.from({ length: 32 }, (_, i) => ({ source: animals[i % 4], target: animals[(i + 1) % 4] }));
  const data = await file("pairs.jsonl", lines(rows));
  const options = { ...quick("pairs"), learningRate: 0.01, epochs: 60 };
  const result = await finetune({ model: fixture("models/t5_relu"), data, task: "text2text-generation", ...options });
  expect(result.evaluation?.loss as number).toBeLessThan(0.6);
});

test.each([
  [
    "llama_gqa",
    { targetModules: ["q_proj", "v_porj"] },
    /the target v_porj names no linear layer; .*did you mean v_proj/,
  ],
  [
    "llama_gqa",
    { targetModules: ["q_proj", "lm_head"] },
    /the target lm_head is a table of embeddings, or tied to one/,
  ],
  ["gpt2", { targetModules: ["c_attn", "wte"] }, /the target wte is a table of embeddings, or tied to one/],
  ["mixtral", { useDora: true }, /PEFT reads no DoRA of experts such as model.layers.0.block_sparse_moe.experts.0.w1/],
  ["llama_gqa", { modulesToSave: ["embed_tokens"] }, /modulesToSave names model.embed_tokens, which the model shares/],
])("an adapter of %s with %j is refused by name: PEFT would read it otherwise", async (name, lora, message) => {
  const data = animals.map((text) => ({ text }));
  const options = { model: fixture(`models/${name}`), data, task: "text-generation" as const, ...quick("never"), lora };
  await expect(finetune(options)).rejects.toThrow(message);
});

test("an adapter whose head is the base's brings no config.json, loads, tells classes and merges", async () => {
  const [model, adapter] = [fixture("models/bert_cls"), join(folder, "same head")];
  const data = reviews.map(({ text, label }) => ({ text, label: label === "good" ? "positive" : "negative" }));
  await finetune({ model, data, out: adapter, task: "text-classification", epochs: 1, lora: { r: 2 } });
  const files = await readdir(adapter);
  expect(files).toContain("tokenizer.json");
  expect(files).not.toContain("config.json");
  await mergeAdapter(model, adapter, join(folder, "same head merged"));
  await using merged = await loadModel(join(folder, "same head merged"));
  for (const options of [{}, { base: model }]) {
    await using adapted = await loadModel(adapter, options);
    expect(adapted.config).toMatchObject({ id2label: { 0: "negative", 1: "positive" } });
    const inputs = { inputIds: [adapted.tokenizer?.encode("a mouse").ids as number[]] };
    const [one, other] = [await adapted.forward(inputs), await merged.forward(inputs)];
    expect(maxDifference(one.logits as HostTensor, other.logits as HostTensor)).toBeLessThan(1e-5);
  }
});

test("a merged model keeps what its checkpoint stores and no training changes", async () => {
  const [model, out, merged] = [fixture("models/marian"), join(folder, "biased"), join(folder, "merged biased")];
  const data = animals.map((animal) => ({ source: animal, target: animal }));
  await finetune({ model, data, out, task: "text2text-generation", epochs: 1, lora: { r: 2 } });
  await mergeAdapter(model, out, merged);
  const [before, after] = [
    await readTensors(model, "model.safetensors"),
    await readTensors(merged, "model.safetensors"),
  ];
  expect(Object.keys(after)).toEqual(Object.keys(before));
  expect(after.final_logits_bias).toEqual(before.final_logits_bias);
});

test("masked words of one's own texts, and sentences that belong together, are learned", async () => {
  const texts = await file("texts.csv", csv);
  const words = await finetune({ model: fixture("models/bert"), data: texts, task: "fill-mask", ...quick("words") });
  expect(words.evaluation?.loss as number).toBeLessThan(4);
  const rows = Array.from({ length: 32 }, (_, i) => ({
    text1: `${animals[i % 4]} ${i}`,
    text2: `${i} ${animals[i % 4]}`,
  }));
  const data = await file("similar.jsonl", lines(rows));
  const similar = await finetune({
    model: fixture("models/bert"),
    data,
    task: "sentence-similarity",
    ...quick("similar"),
  });
  expect(similar.evaluation?.loss as number).toBeLessThan(2);
});

describe("human feedback", async () => {
  const rows = Array.from({ length: 40 }, (_, i) => ({
    prompt: `Alice saw ${animals[i % 4]} and`,
    chosen: " was very glad",
    rejected: " was very angry",
  }));
  const data = await file("preferences.jsonl", lines(rows));

  test.each(["sigmoid", "hinge", "ipo", "orpo", "simpo"] as const)(
    "%s: preferred answers gain on held-out pairs",
    async (kind) => {
      const options = { ...quick(`prefer ${kind}`), learningRate: 5e-4, epochs: 4 };
      const model = fixture("models/gpt2");
      const reports: { margin: number }[] = [];
      const result = await finetune({
        model,
        data,
        task: "preference",
        preference: { kind, beta: 0.1 },
        ...options,
        onReport: ({ evaluation }) => evaluation && reports.push(evaluation.metrics as { margin: number }),
      });
      expect(result.evaluation?.metrics.accuracy).toBe(1);
      expect(result.evaluation?.metrics.margin as number).toBeGreaterThan(0);
      expect(reports.at(-1)?.margin as number).toBeGreaterThan(reports[0]?.margin as number);
    },
  );

  test("ORPO's loss is the cross entropy of the chosen answers and the weighed term of the odds ratio", async () => {
    const pairs = rows.slice(0, 3);
    const one = await file("pairs.jsonl", lines(pairs));
    const preference = { kind: "orpo", beta: 0.3 } as const;
    const options = { ...quick("orpo still"), learningRate: 1e-12, epochs: 1, batchSize: 3, preference };
    const gpt2 = fixture("models/gpt2");
    const result = await finetune({ model: gpt2, data: one, validation: one, task: "preference", ...options });
    const model = await loadModel(gpt2);
    const tokenize = (text: string): readonly number[] => (model.tokenizer as Tokenizer).encode(text).ids;
    const end = tokenize("<|endoftext|>");
    /** The log-probabilities of an answer's tokens. */
    const scores = async (prompt: string, answer: string): Promise<number[]> => {
      const begin = tokenize(prompt).length;
      const ids = [...tokenize(prompt + answer), ...end];
      const { logits } = await model.forward({ inputIds: [ids] });
      const { data, shape } = logits as HostTensor<"float32">;
      const size = shape[2] as number;
      return ids.slice(begin).map((id, i) => {
        const row = data.subarray((begin + i - 1) * size, (begin + i) * size);
        return (row[id] as number) - Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
      });
    };
    const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
    const odds = (p: number): number => p - Math.log(1 - Math.exp(p));
    const chosen = await Promise.all(pairs.map((pair) => scores(pair.prompt, pair.chosen)));
    const rejected = await Promise.all(pairs.map((pair) => scores(pair.prompt, pair.rejected)));
    const terms = pairs.map((_, i) => odds(mean(chosen[i] as number[])) - odds(mean(rejected[i] as number[])));
    const expected = -mean(chosen.flat()) + 0.3 * mean(terms.map((ratio) => Math.log(1 + Math.exp(-ratio))));
    expect(result.evaluation?.loss).toBeCloseTo(expected, 4);
    await model.dispose();
  });

  test("a reward model tells chosen from rejected", async () => {
    const result = await finetune({ model: fixture("models/bert"), data, task: "reward", ...quick("reward") });
    expect(result.evaluation?.metrics.accuracy).toBe(1);
  });
});
