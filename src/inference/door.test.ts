import { afterAll, describe, expect, test, vi } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { classifyTexts, LecternError, loadModel, loadTokenizer, openFiles, pipeline } from "../index.ts";
import { exportGguf } from "./export-gguf.ts";
import type { Model } from "./model.ts";

const gpt2 = await loadModel(fixture("models/gpt2"));
const t5 = await loadModel(fixture("models/t5_gated"));
const bert = await loadModel(fixture("models/bert_cls"));
const bart = await loadModel(fixture("models/bart"));
const gru = await loadModel("stories-gru");
afterAll(async () => {
  for (const model of [gpt2, t5, bert, bart, gru]) await model.dispose();
});

/** A call with what its types do not allow. */
const untyped = (model: Model) =>
  model as unknown as Record<"generate" | "forward" | "embed" | "addAdapter" | "useAdapter", Untyped>;
type Untyped = (...given: unknown[]) => Promise<unknown>;

async function refused(call: () => unknown, message: string, code = "usage"): Promise<void> {
  const error = await (async () => call())().then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(LecternError);
  expect((error as LecternError).message).toContain(message);
  expect((error as LecternError).code).toBe(code);
}

describe("generate refuses", () => {
  const ids = "generate: inputIds must be token ids, as [5, 6, 7], or rows of them: whole numbers from 0; got";
  test.each([
    [{ prompt: 5 }, "generate: prompt must be a text; got 5"],
    [{}, "give one of prompt, prompts, inputIds and messages; got none"],
    [null, "the input must be an object"],
    ["Once", 'the input must be an object, as { prompt: "Once upon a time" }; got "Once"'],
    [{ prompt: "x", prompts: ["y"] }, "got prompt and prompts"],
    [{ promt: "x" }, "there is no input promt; did you mean prompt?"],
    [{ prompts: "x" }, "prompts must be a list of texts"],
    [{ prompts: [] }, "prompts must be a list of texts that is not empty"],
    [{ prompts: ["x", 5] }, "prompts must be a list of texts"],
    [{ inputIds: [] }, `${ids} []`],
    [{ inputIds: [5, 1.5] }, `${ids} 1.5`],
    [{ inputIds: [-1] }, `${ids} -1`],
    [{ inputIds: [5n] }, `${ids} 5n`],
    [{ inputIds: [[Number.NaN]] }, `${ids} NaN`],
    [{ inputIds: [["5"]] }, `${ids} "5"`],
    [{ inputIds: [5, [6]] }, `${ids} [5,[6]]`],
    [{ inputIds: "1,2" }, `${ids} "1,2"`],
    [{ inputIds: Int32Array.of(5) }, `${ids} a Int32Array`],
    [{ messages: "hi" }, "messages must be a list of messages"],
    [{ messages: [{ content: "hi" }] }, "messages must be a list of messages"],
    [{ prompt: "x", chat: {} }, "chat is for messages"],
    [{ messages: [{ role: "user", content: "hi" }], chat: 5 }, "chat must be an object; got 5"],
  ])("%o", async (input, message) => {
    await refused(() => untyped(gpt2).generate(input), message);
  });

  test.each([
    [null, "generate: the options must be an object; got null"],
    [5, "generate: the options must be an object; got 5"],
    [{ temprature: 1 }, "generation: there is no option temprature; did you mean temperature?"],
    [{ foo: 1 }, "generation: there is no option foo"],
    [{ temperature: "hot" }, 'temperature must be a number from 0; got "hot"'],
    [{ temperature: Number.NaN }, "temperature must be a number from 0; got NaN"],
    [{ maxNewTokens: 5n }, "maxNewTokens must be a whole number above 0; got 5n"],
    [{ numBeams: 1e6 }, "numBeams must be a whole number from 1 to 1024; got 1000000"],
    [{ numReturnSequences: 1e6 }, "numReturnSequences must be a whole number from 1 to 1024"],
    [{ penaltyAlpha: 0.6, topK: 5000 }, "contrastive search chooses among 2 to 1024 tokens; got topK 5000"],
    [{ stopStrings: "" }, "stopStrings must be a text that is not empty"],
    [{ logitBias: { x: 1 } }, "logitBias must be an object of numbers by token id"],
    [{ sequenceBias: new Array(1) }, "sequenceBias must be a list of [token ids, number]"],
    [{ badWordsIds: new Array(1) }, "badWordsIds must be a list of lists of token ids"],
    [{ suppressTokens: [5].concat(new Array(1)) }, "suppressTokens must be a token id, a list of them, or null"],
    [{ logitBias: [1] }, "logitBias must be an object of numbers by token id; got [1]"],
    [{ suppressTokens: [999] }, "suppressTokens names token 999, outside the vocabulary of 384"],
    [{ decoderStartTokenId: 999 }, "decoderStartTokenId names token 999, outside the vocabulary of 384"],
    [{ onToken: 5 }, "generate: onToken must be a function; got 5"],
    [{ logitsProcessor: "x" }, 'generate: logitsProcessor must be a function; got "x"'],
    [{ stoppingCriteria: {} }, "generate: stoppingCriteria must be a function; got {}"],
    [{ signal: "now" }, "generate: signal must be an AbortSignal"],
    [{ candidates: -1 }, "generate: candidates must be a whole number above 0; got -1"],
    [{ assistantModel: 5 }, "assistantModel must be a text that is not empty; got 5"],
    [{ logitsProcessor: () => 5 }, "logitsProcessor must return 384 scores in a Float32Array; got 5"],
    [{ logitsProcessor: () => () => {} }, "must return 384 scores in a Float32Array; got a function"],
  ])("options %o", async (options, message) => {
    await refused(() => untyped(gpt2).generate({ inputIds: [5] }, options), message);
  });

  test("a decoder's start token outside the vocabulary, whatever searches", async () => {
    for (const options of [{}, { numBeams: 2 }, { penaltyAlpha: 0.6, topK: 4 }, { assistantEarlyExit: 1 }])
      for (const model of [t5, bart])
        await refused(
          () => model.generate({ inputIds: [5] }, { ...options, decoderStartTokenId: 1e9 }),
          "decoderStartTokenId names token 1000000000, outside the vocabulary",
        );
  });

  test("ids outside the vocabulary, in an encoder too", async () => {
    for (const model of [gpt2, t5, gru]) await refused(() => model.generate({ inputIds: [1e6] }), "1000000", "input");
  });

  test("what a recurrent model does not have, by name", async () => {
    for (const name of ["outputAttentions", "outputHiddenStates"])
      await refused(() => gru.generate({ inputIds: [5] }, { [name]: true }), `generation: ${name}`, "unsupported");
  });
});

test("flat token ids are one prompt, and a single id is a list of one", async () => {
  const options = { maxNewTokens: 4, suppress_tokens: 317 } as object;
  const rows = await gpt2.generate({ inputIds: [[5, 6, 7]] }, options);
  const flat = await gpt2.generate({ inputIds: [5, 6, 7] }, options);
  expect(flat.inputIds).toEqual([[5, 6, 7]]);
  expect(flat.outputIds).toEqual(rows.outputIds);
  expect(flat.outputIds).not.toContain(317);
  expect((await gpt2.generate({ inputIds: [5, 6, 7] }, { maxNewTokens: 4 })).outputIds).toContain(317);
});

describe("forward refuses", () => {
  test.each([
    [{ text: "x" }, "there is no input text; give inputIds: [model.tokenizer.encode(text).ids]", "usage"],
    [{ input_ids: [[1]] }, "there is no input input_ids; did you mean inputIds?", "usage"],
    [null, "the inputs must be an object", "usage"],
    [{}, "inputIds must be rows of token ids, as [[5, 6, 7]]; got nothing", "usage"],
    [{ inputIds: [5] }, "inputIds must be rows of token ids, as [[5, 6, 7]]; got [5]", "usage"],
    [{ inputIds: [[1.5]] }, "inputIds must be rows of token ids", "usage"],
    [{ inputIds: [[1n]] }, "inputIds must be rows of token ids", "usage"],
    [{ inputIds: [[1, 2], [3]] }, "inputIds must be 2 rows of one length; got lengths 2, 1", "shape"],
    [{ inputIds: [[]] }, "there is no token to compute", "input"],
    [{ inputIds: [[1]], attentionMask: [1] }, "attentionMask must be rows of whole numbers", "usage"],
    [{ inputIds: [[1]], attentionMask: [[2]] }, "attentionMask must hold 1 for a token and 0 for padding", "usage"],
    [{ inputIds: [[1, 2]], attentionMask: [[1]] }, "must have the shape of inputIds, [1, 2]", "shape"],
    [{ inputIds: [[1]], labels: "x" }, "labels must be numbers, or rows of numbers of one length", "usage"],
    [{ inputIds: [[1]], labels: [[0], [0]] }, "labels must be one for each row of inputIds, 1; got 2", "shape"],
    [{ inputIds: [[1]], labels: [Number.NaN] }, "labels must be numbers", "usage"],
    [{ inputIds: [[1]], startPositions: [0] }, "startPositions and endPositions go together", "usage"],
    [{ inputIds: [[1]], decoderInputIds: [[1]] }, "decoderInputIds are for an encoder–decoder", "usage"],
  ])("%o", async (inputs, message, code) => {
    await refused(() => untyped(gpt2).forward(inputs), message, code);
  });

  test("options that are not known, or not true or false", async () => {
    const inputs = { inputIds: [[1]] };
    await refused(
      () => untyped(gpt2).forward(inputs, { attention: true }),
      "no option attention; did you mean attentions?",
    );
    await refused(
      () => untyped(gpt2).forward(inputs, { hiddenStates: 1 }),
      "hiddenStates must be true or false; got 1",
    );
  });

  test("what a recurrent model does not have, instead of leaving it out", async () => {
    await refused(() => gru.forward({ inputIds: [[5]] }, { attentions: true }), "forward: attentions: ", "unsupported");
    expect((await gru.forward({ inputIds: [[5]] }, { hiddenStates: true })).hiddenStates?.length).toBeGreaterThan(1);
  });

  test("decoder rows that do not fit, and more of them than the window", async () => {
    await refused(
      () => bart.forward({ inputIds: [[5]], decoderInputIds: [[1], [2]] }),
      "decoderInputIds must be 1 rows",
      "shape",
    );
    const long = [Array.from({ length: bart.contextWindow + 1 }, () => 5)];
    await refused(() => bart.forward({ inputIds: [[5]], decoderInputIds: long }), "1 too many", "input");
  });
});

describe("the other doors refuse", () => {
  const directory = fixture("models/gpt2");
  const tokenizer = gpt2.tokenizer as unknown as Record<
    "encode" | "encodeBatch" | "decode" | "applyChatTemplate",
    (...given: unknown[]) => unknown
  >;
  const calls: [string, () => unknown, string][] = [
    ["embed a text", () => untyped(bert).embed("x"), 'the texts must be a list of texts, as ["one", "two"]; got "x"'],
    ["embed numbers", () => untyped(bert).embed([5]), "the texts must be a list of texts"],
    [
      "embed options",
      () => untyped(bert).embed(["x"], { batchsize: 3 }),
      "no option batchsize; did you mean batchSize?",
    ],
    [
      "embed batch",
      () => untyped(bert).embed(["x"], { batchSize: 0 }),
      "batchSize must be a whole number above 0; got 0",
    ],
    [
      "load 5",
      () => loadModel(5 as never),
      "the model must be a directory, a bundled model's name or owner/name; got 5",
    ],
    ["load nothing", () => loadModel(""), "the model must be a directory"],
    ["load option", () => loadModel(directory, { thread: 2 } as never), "no option thread; did you mean threads?"],
    [
      "no threads",
      () => loadModel(directory, { threads: 0 }),
      "threads must be a whole number from 1 to 64, or left out",
    ],
    ["threads", () => loadModel(directory, { threads: 1e9 }), "threads must be a whole number from 1 to 64"],
    ["threads of text", () => loadModel(directory, { threads: "2" } as never), 'got "2"'],
    ["progress", () => loadModel(directory, { onProgress: 5 } as never), "onProgress must be a function; got 5"],
    ["options", () => loadModel(directory, null as never), "the options must be an object; got null"],
    ["tokenizer 5", () => loadTokenizer(5 as never), "loadTokenizer: the model must be a directory"],
    ["files 5", () => openFiles(5 as never), "openFiles: the location must be a text that is not empty; got 5"],
    ["encode", () => tokenizer.encode(5), "encode: a text must be a text; got 5"],
    ["a pair", () => tokenizer.encode("x", { pair: 5 }), "encode: a text must be a text; got 5"],
    ["encodeBatch", () => tokenizer.encodeBatch("x"), 'the texts must be a list of texts; got "x"'],
    ["decode", () => tokenizer.decode("5"), 'a list of token ids, whole numbers from 0; got "5"'],
    ["decode -1", () => tokenizer.decode([-1]), "a list of token ids, whole numbers from 0; got [-1]"],
    ["decode 1.5", () => tokenizer.decode([1.5]), "a list of token ids, whole numbers from 0; got [1.5]"],
    [
      "chat",
      () => tokenizer.applyChatTemplate("hi"),
      'the conversation must be a list of messages, as [{ role: "user"',
    ],
    ["export", () => exportGguf(5 as never, { out: "x" }), "export: the model must be a text that is not empty; got 5"],
    ["export to", () => exportGguf(directory, {} as never), "export: out must be a text that is not empty"],
    ["export type", () => exportGguf(directory, { out: "x", type: "Q9" } as never), "export: type must be one of F32"],
    ["export option", () => exportGguf(directory, { out: "x", types: "F32" } as never), "no option types"],
    ["task", () => pipeline("text-generatio" as never), "no task text-generatio; did you mean text-generation?"],
    ["task 5", () => pipeline(5 as never), "the task must be a name"],
    ["pipeline model", () => pipeline("text-generation", 5 as never), "a name or a loaded model; got 5"],
    ["pipeline options", () => pipeline("text-generation", gpt2, { threads: 2 }), "threads is for loading a model"],
    ["texts", () => classifyTexts(bert, "x" as never), "the texts must be a list of texts"],
    ["adapter name", () => untyped(gpt2).addAdapter(5, "x"), "addAdapter: name must be a text that is not empty"],
    ["adapter place", () => untyped(gpt2).addAdapter("a"), "addAdapter: location must be a text that is not empty"],
    ["adapter in use", () => untyped(gpt2).useAdapter(5), "useAdapter: name must be a text that is not empty; got 5"],
    ["another adapter", () => gpt2.useAdapter("constructor"), "there is no adapter constructor; loaded: none"],
  ];
  test.each(calls)("%s", async (_, call, message) => {
    await refused(call, message);
  });
});

describe("functions of the caller that fail", () => {
  const own = async (): Promise<never> => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    throw new Error("the caller's own");
  };
  const prompt = { inputIds: [5, 6] };

  test("by a rejected promise reject the call, and the model goes on working", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    for (const name of ["onToken", "logitsProcessor", "stoppingCriteria"])
      await expect(gpt2.generate(prompt, { maxNewTokens: 20, [name]: own })).rejects.toThrow("the caller's own");
    await expect(gpt2.generate(prompt, { maxNewTokens: 1, onToken: own })).rejects.toThrow("the caller's own");
    await expect(bert.embed(["one", "two"], { batchSize: 1, onDone: own })).rejects.toThrow("the caller's own");
    const generate = await pipeline("text-generation", gpt2);
    await expect(generate(["a", "b"], { maxNewTokens: 2, onProgress: own })).rejects.toThrow("the caller's own");
    await expect(async () => {
      for await (const _ of gpt2.stream(prompt, { maxNewTokens: 20, onToken: own }));
    }).rejects.toThrow("the caller's own");
    for await (const _ of gpt2.stream(prompt, { maxNewTokens: 20, stoppingCriteria: own })) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    expect((await gpt2.generate(prompt, { maxNewTokens: 2 })).outputIds).toHaveLength(2);
  });

  test("stop the generation: few more tokens are computed", async () => {
    const onToken = vi.fn(() => Promise.reject(new Error("the caller's own")));
    await expect(gpt2.generate(prompt, { maxNewTokens: 40, eosTokenId: null, onToken })).rejects.toThrow("own");
    expect(onToken).toHaveBeenCalledTimes(1);
  });

  test("a stream calls onToken too", async () => {
    const seen: number[] = [];
    const pieces: number[] = [];
    for await (const { id } of gpt2.stream(prompt, {
      maxNewTokens: 3,
      eosTokenId: null,
      onToken: ({ id }) => seen.push(id),
    }))
      pieces.push(id);
    expect(seen).toEqual(pieces);
    expect(seen).toHaveLength(3);
  });
});

test("a signal that fires during a load is honoured before its end", async () => {
  for (const wait of [0, 1]) {
    const stop = new AbortController();
    const loading = loadModel(fixture("models/t5_gated"), { signal: stop.signal });
    setTimeout(() => stop.abort(), wait);
    await refused(() => loading, "cancelled by the caller", "abort");
  }
  await refused(() => loadModel(fixture("models/gpt2"), { signal: AbortSignal.abort() }), "cancelled", "abort");
});
