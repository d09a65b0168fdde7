import { loadModel, type Model, pipeline } from "../../../src/index.ts";
import { fixture } from "../inputs.ts";
import type { Mutator } from "../mutate.ts";
import { changedOptions } from "./generation.ts";

/** Values that only a caller in JavaScript can give. */
const STRANGE = [
  undefined,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  5n,
  () => 1,
  () => Promise.reject(new Error("mine")),
  Symbol("s"),
  new Date(),
  new Map(),
  new Uint8Array(3),
  new Float32Array([Number.NaN]),
  /x/,
  Object.create(null),
  new Proxy({}, {}),
  AbortSignal.abort(),
];

function strange(mutate: Mutator, value: unknown): unknown {
  const changed = mutate.json(value);
  if (mutate.chance(0.6)) return changed;
  if (typeof changed !== "object" || changed === null || mutate.chance(0.2)) return mutate.pick(STRANGE);
  return { ...changed, [mutate.pick([...Object.keys(changed), "prompt", "signal", "onToken"])]: mutate.pick(STRANGE) };
}

const inputs = { prompt: "The wolf" };
const forward = { inputIds: [[3, 4, 5]], attentionMask: [[1, 1, 1]], labels: [[3, 4, 5]], tokenTypeIds: [[0, 0, 0]] };
const messages = { messages: [{ role: "user", content: "Hi" }], chat: { addGenerationPrompt: true } };

const tasks = {
  "text-generation": ["models/gpt2", "The wolf", { maxNewTokens: 2 }],
  "text-classification": ["models/bert_cls", "The wolf", { topK: 2 }],
  "token-classification": ["models/bert_ner", "The wolf", { aggregationStrategy: "simple" }],
  "fill-mask": ["models/bert", "The [MASK]", { topK: 2 }],
  "question-answering": ["models/bert_qa", { question: "who?", context: "the wolf" }, { topK: 2 }],
  "feature-extraction": ["models/bert", "The wolf", { pooling: "mean" }],
  "zero-shot-classification": ["models/bart_mnli", "The wolf", { candidateLabels: ["a", "b"] }],
} as const;

const kept = new Map<string, Promise<Model>>();

/** A model that several cases share, since a worker takes time to begin. */
function opened(name: string): Promise<Model> {
  const model = kept.get(name) ?? loadModel(fixture(name), { threads: 1 });
  kept.set(name, model);
  return model;
}

async function callModel(mutate: Mutator): Promise<unknown> {
  const model = await opened(mutate.pick(["models/gpt2", "models/llama_chat", "models/bert_cls", "models/t5_relu"]));
  const soon = AbortSignal.timeout(1500);
  const options = { ...changedOptions(mutate), signal: soon };
  const calls: (() => unknown)[] = [
    () =>
      model.generate(
        strange(mutate, mutate.pick([inputs, { inputIds: [[3, 4]] }, { prompts: ["a", "b"] }, messages])) as never,
        options as never,
      ),
    () =>
      model.generate(inputs, {
        maxNewTokens: 2,
        ...(strange(mutate, { signal: soon, candidates: 2, onToken: null }) as object),
      }),
    () =>
      model.forward(
        strange(mutate, forward) as never,
        strange(mutate, { hiddenStates: true, attentions: true }) as never,
      ),
    () => model.embed(strange(mutate, ["a", "b"]) as never, strange(mutate, { batchSize: 2 }) as never),
    () => model.addAdapter(strange(mutate, "a") as never, strange(mutate, "b") as never),
    () => model.useAdapter(strange(mutate, "a") as never),
    () =>
      model.tokenizer?.encode(
        strange(mutate, "a") as never,
        strange(mutate, { maxLength: 3, addSpecialTokens: true, offsets: true }) as never,
      ),
    () =>
      model.tokenizer?.decode(strange(mutate, [3, 4]) as never, strange(mutate, { skipSpecialTokens: true }) as never),
    () =>
      model.tokenizer?.applyChatTemplate(
        strange(mutate, messages.messages) as never,
        strange(mutate, messages.chat) as never,
      ),
    async () => {
      for await (const _ of model.stream(strange(mutate, inputs) as never, options as never));
    },
  ];
  return mutate.pick(calls)();
}

export async function library(mutate: Mutator): Promise<unknown> {
  if (mutate.chance(0.75)) return callModel(mutate);
  const task = mutate.pick(Object.keys(tasks) as (keyof typeof tasks)[]);
  const [name, input, options] = tasks[task];
  const made = mutate.chance(0.95) ? task : mutate.text();
  const run = await pipeline(made as "fill-mask", await opened(name));
  return run(strange(mutate, input) as never, strange(mutate, options) as never);
}
