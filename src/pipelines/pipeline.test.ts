import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { loadModel } from "../inference/index.ts";
import { type Pipeline, type Progress, pipeline, type TaskName } from "./index.ts";

const model = (name: string) => fixture(`models/${name}`);
const texts = Array.from({ length: 70 }, (_, i) => "the wolf ran ".repeat(1 + ((i * 7) % 15)) + i);

/** A copy of a fixture whose config.json is changed. */
async function changed(name: string, change: (config: Record<string, unknown>) => void): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "lectern-"));
  await cp(model(name), directory, { recursive: true });
  const config = JSON.parse(await readFile(join(directory, "config.json"), "utf8")) as Record<string, unknown>;
  change(config);
  await writeFile(join(directory, "config.json"), JSON.stringify(config));
  return directory;
}

async function collected<T>(results: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const result of results) all.push(result);
  return all;
}

describe("a pipeline's inputs", () => {
  test("give the same alone, in a batch and as a stream, within 1e-5", async () => {
    await using classify = await pipeline("text-classification", model("bert_cls"));
    const batch = await classify(texts);
    const streamed = await collected(classify(one(texts)));
    expect(batch).toHaveLength(texts.length);
    for (const [i, text] of texts.entries()) {
      const [alone] = await classify(text);
      for (const other of [batch[i], streamed[i]]) {
        expect(other?.label).toBe(alone?.label);
        expect(Math.abs((other?.score as number) - (alone?.score as number))).toBeLessThan(1e-5);
      }
    }
  });

  test("are read as results are taken, two windows ahead at most, and results come in order", async () => {
    await using classify = await pipeline("text-classification", model("bert_cls"));
    let read = 0;
    let isClosed = false;
    async function* endless(): AsyncGenerator<string> {
      try {
        while (true) yield texts[read++ % texts.length] as string;
      } finally {
        isClosed = true;
      }
    }
    const seen: Progress[] = [];
    const options = { batchSize: 4, topK: null, onProgress: (progress: Progress) => seen.push(progress) };
    const expected = await classify(texts.slice(0, 20), { topK: null });
    let taken = 0;
    for await (const result of classify(endless(), options)) {
      expect(result[0]?.score).toBeCloseTo(expected[taken]?.[0]?.score as number, 5);
      expect(read).toBeLessThanOrEqual(taken + 2 * 16 + 1);
      if (++taken === 20) break;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect({ isClosed, most: Math.max(...seen.map(({ done }) => done)) }).toEqual({ isClosed: true, most: 32 });
  });

  test("that come slowly are answered without waiting for more", async () => {
    await using classify = await pipeline("text-classification", model("bert_cls"));
    let release = (): void => {};
    const later = new Promise<void>((resolve) => {
      release = resolve;
    });
    async function* slow(): AsyncGenerator<string> {
      yield "a";
      await later;
      yield "b";
    }
    const results = classify(slow());
    expect((await results.next()).value?.label).toMatch(/positive|negative/);
    release();
    expect(await collected(results)).toHaveLength(1);
  });

  test("end with the source's own error, after the results of what came before", async () => {
    await using classify = await pipeline("text-classification", model("bert_cls"));
    async function* broken(): AsyncGenerator<string> {
      yield "a";
      yield "b";
      throw new Error("the wire was cut");
    }
    const got: unknown[] = [];
    const reading = (async () => {
      for await (const result of classify(broken())) got.push(result);
    })();
    await expect(reading).rejects.toThrow("the wire was cut");
    expect(got).toHaveLength(2);
  });

  test("are no longer read once the signal fires", async () => {
    await using classify = await pipeline("text-classification", model("bert_cls"));
    const abort = new AbortController();
    async function* waiting(): AsyncGenerator<string> {
      yield "a";
      await new Promise(() => {});
    }
    const results = classify(waiting(), { signal: abort.signal });
    await results.next();
    const next = results.next();
    abort.abort();
    await expect(next).rejects.toMatchObject({ code: "abort" });
    await expect(classify(texts, { signal: abort.signal })).rejects.toMatchObject({ code: "abort" });
  });

  test("may be none", async () => {
    await using classify = await pipeline("text-classification", model("bert_cls"));
    expect(await classify([])).toEqual([]);
    expect(await collected(classify(one([])))).toEqual([]);
  });
});

async function* one<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

test("progress counts the texts that are done", async () => {
  await using extract = await pipeline("feature-extraction", model("bert"));
  const seen: Progress[] = [];
  await extract(texts, { pooling: "mean", onProgress: (progress) => seen.push(progress) });
  expect(seen.at(-1)).toEqual({ done: texts.length, total: texts.length });
  expect(seen.length).toBeGreaterThan(2);
});

test("pooled features are those of the tokens", async () => {
  await using extract = await pipeline("feature-extraction", model("bert"));
  const [[tokens], mean, last, cls] = [
    await extract("A fox ran."),
    await extract("A fox ran.", { pooling: "mean" }),
    await extract("A fox ran.", { pooling: "last" }),
    (await extract(["A fox ran.", texts[0] as string], { pooling: "cls", normalize: true }))[0] as Float32Array,
  ];
  const vectors = tokens as Float32Array[];
  const average = (vectors[0] as Float32Array).map(
    (_, e) => vectors.reduce((sum, v) => sum + (v[e] as number), 0) / vectors.length,
  );
  for (const [e, x] of mean.entries()) expect(x).toBeCloseTo(average[e] as number, 5);
  expect(last).toEqual(vectors.at(-1));
  expect(cls.reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(1, 5);
});

test("other names of tasks, and a model that is loaded already, which stays", async () => {
  const loaded = await loadModel(model("bert_cls"));
  const classify = await pipeline("sentiment-analysis", loaded);
  expect(await classify("x")).toHaveLength(1);
  await classify.dispose();
  expect((await loaded.forward({ inputIds: [[1, 2]] })).logits?.shape).toEqual([1, 2]);
  await loaded.dispose();
});

test("text-generation without a model tells a story with the one that ships", async () => {
  await using tell = await pipeline("text-generation");
  const [result] = await tell("Once upon a time", { maxNewTokens: 8, doSample: false });
  expect(result?.generated_text).toMatch(/^Once upon a time.{8,}/s);
});

describe("what cannot be", () => {
  const cases: [TaskName | string, string, unknown[], string][] = [
    ["text-clasification", "bert_cls", ["x"], "there is no task text-clasification; did you mean text-classification?"],
    ["summarization", "", ["x"], "no model ships for summarization"],
    ["text-classification", "bert_cls", [7], "the input must be a text; got number"],
    ["text-classification", "bert_cls", [["a", null]], "input 1 must be a text; got null"],
    ["text-classification", "bert_cls", ["x", { topk: 1 }], "there is no option topk; did you mean topK?"],
    [
      "text-classification",
      "bert_cls",
      ["x", { topK: 0 }],
      "topK must be a whole number above 0, or null for all; got 0",
    ],
    ["text-classification", "bert_cls", ["x", "y"], "takes one input, or a list of them, and options"],
    ["text-classification", "bert", ["x"], "has no head for sequence classification"],
    ["text-classification", "gpt2", ["x"], "has no head for sequence classification"],
    ["token-classification", "bert", ["x"], "has no head for token classification"],
    ["token-classification", "bert_ner", ["x", { stride: 3 }], "need an aggregationStrategy other than none"],
    [
      "token-classification",
      "bert_ner",
      ["x".repeat(99), { stride: 62, aggregationStrategy: "first" }],
      "cannot share 62",
    ],
    ["fill-mask", "bert_cls", ["a [MASK]"], "has no head for masked language modelling"],
    ["fill-mask", "bert", ["no mask"], 'each text needs the mask token [MASK]; got "no mask"'],
    ["fill-mask", "bert", ["a [MASK]", { targets: [] }], "targets is empty"],
    ["fill-mask", "bert", ["a [MASK]", { targets: ["漢"] }], 'nothing for the target "漢"'],
    ["fill-mask", "gpt2", ["x"], "tokenizer has no mask token"],
    ["question-answering", "bert_qa", ["Who?", ""], "the context is empty"],
    ["question-answering", "bert_qa", [{ question: " ", context: "x" }], "the question is empty"],
    ["question-answering", "bert_qa", [{ question: "Who?" }], "context must be a text; got undefined"],
    [
      "question-answering",
      "bert_qa",
      ["who ".repeat(80), "A fox."],
      "the question leaves no room for the text in 64 tokens",
    ],
    [
      "question-answering",
      "bert_qa",
      ["Who?", "A fox.", { maxSeqLen: 99 }],
      "maxSeqLen 99 is more than the model's 64",
    ],
    ["question-answering", "bert_cls", ["Who?", "A fox."], "has no head for question answering"],
    ["zero-shot-classification", "bart_mnli", ["x", []], "give at least one of candidateLabels"],
    ["zero-shot-classification", "bart_mnli", ["x", "a,,b"], "one of candidateLabels is empty"],
    [
      "zero-shot-classification",
      "bart_mnli",
      ["x", "a", { hypothesisTemplate: "no" }],
      "needs {} where the label goes",
    ],
    ["zero-shot-classification", "bert_cls", ["x", "a,b"], "got the labels negative, positive"],
    ["text-generation", "gpt2", ["x", { maxNewToken: 4 }], "no option maxNewToken; did you mean maxNewTokens?"],
    ["text-generation", "gpt2", [[{ role: "user", content: "x" }]], "this model has no chat template"],
    ["text-generation", "bart", ["x"], "use text2text-generation"],
    ["translation", "gpt2", ["x"], "use text-generation"],
    ["translation", "t5_gated", ["x", { srcLang: "en" }], "give srcLang and tgtLang"],
    ["translation", "t5_gated", ["x", { srcLang: "en", tgtLang: "?" }], '"?" is no language'],
    ["translation", "marian", ["x", { srcLang: "en" }], "leave out srcLang"],
    ["translation", "marian", ["x", { tgtLang: "fra" }], "has no token >>fra<<"],
    ["translation", "mbart", ["x", { tgtLang: "xx_XX" }], 'no token for "xx_XX"'],
    ["translation", "bart", ["x", { tgtLang: "fr" }], "leave out srcLang and tgtLang"],
    ["summarization", "bart", ["word ".repeat(80)], "the encoder's input has"],
    ["sentence-similarity", "bert", [{ sourceSentence: "x", sentences: [] }], "at least one text"],
  ];
  test.each(cases)("%s of %s with %j fails in words", async (task, name, given, message) => {
    const attempt = (async () => {
      await using pipe = (await pipeline(
        task as TaskName,
        name === "" ? undefined : model(name),
      )) as Pipeline<TaskName>;
      return await (pipe as unknown as (...all: unknown[]) => Promise<unknown>)(...given);
    })();
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toMatchObject({ name: "LecternError" });
  });

  test("labels that do not fit the head are refused, by name", async () => {
    const three = { 0: "a", 1: "b", 2: "c" };
    const faults: [(config: Record<string, unknown>) => void, string][] = [
      [
        (config) => Object.assign(config, { id2label: three, num_labels: 2 }),
        "id2label names 3 labels, the head has 2",
      ],
      [(config) => Object.assign(config, { id2label: three }), "asks for [3"],
      [(config) => Object.assign(config, { id2label: { 0: "a", 1: " " } }), 'must name label 1 with a text; got " "'],
      [
        (config) => Object.assign(config, { id2label: { 0: "a", 7: "b" } }),
        "must name label 1 with a text; got undefined",
      ],
      [(config) => Object.assign(config, { label2id: { positive: 0 } }), "label2id gives that name the id 0"],
    ];
    for (const [change, message] of faults) {
      const attempt = (async () => {
        await using classify = await pipeline("text-classification", await changed("bert_cls", change));
        return await classify("x");
      })();
      await expect(attempt).rejects.toThrow(message);
    }
  });
});

test("an answer may be allowed to be longer than the passage", async () => {
  await using answer = await pipeline("question-answering", model("bert_qa"));
  const context = "A fox ran.";
  const all = (await answer({ question: "Who ran?", context }, { maxAnswerLen: 1000, topK: 99 })) as {
    answer: string;
    start: number;
    end: number;
  }[];
  expect(all.length).toBeGreaterThan(3);
  for (const { answer: text, start, end } of all) expect([...context].slice(start, end).join("")).toBe(text);
});

test("a text too long for the hypothesis beside it is cut, the hypothesis is not", async () => {
  await using choose = await pipeline("zero-shot-classification", model("bart_mnli"));
  const [long, longer] = await choose(["the wolf ran ".repeat(40), "the wolf ran ".repeat(60)], ["animal", "king"]);
  expect(long?.scores).toEqual(longer?.scores);
  expect(long?.scores).not.toEqual((await choose("the wolf ran ".repeat(40), ["a", "b"])).scores);
});
