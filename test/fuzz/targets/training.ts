import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openDirectory } from "../../../src/formats/index.ts";
import { loadTokenizer } from "../../../src/tokenizers/index.ts";
import { finetune, parseRecipe, trainRecipe } from "../../../src/training/index.ts";
import { fixture } from "../inputs.ts";
import type { Mutator } from "../mutate.ts";

const config = {
  model_type: "gpt2",
  vocab_size: 400,
  n_embd: 8,
  n_layer: 1,
  n_head: 2,
  n_positions: 16,
  eos_token_id: 0,
};
const run = {
  seed: 5,
  batchSize: 2,
  steps: 2,
  optimizer: { name: "adamw", betas: [0.9, 0.99], weightDecay: 0.1 },
  schedule: { name: "linear", learningRate: 0.003, warmupSteps: 1 },
  maxGradNorm: 1,
  checkpointEvery: 1,
  evaluateEvery: 1,
  groups: [{ match: "bias", weightDecay: 0 }],
  gradientAccumulationSteps: 1,
  precision: "float32",
  averageDecay: 0.9,
};
const textRecipe = {
  ...run,
  config,
  heldOut: ["b.txt"],
  texts: ["*.txt"],
  length: 8,
  objective: { name: "next-token" },
};
const exampleRecipe = {
  ...run,
  config: {
    ...config,
    model_type: "bert",
    id2label: { "0": "yes", "1": "bad" },
    hidden_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 8,
    max_position_embeddings: 32,
  },
  task: "text-classification",
  maxLength: 16,
  multipleOf: 4,
  examples: {
    training: [{ file: "a.csv", values: { label: { good: "yes" } }, fields: { x: "1" } }],
    validation: [{ file: "c.jsonl" }],
  },
};
const csv = "text,label\na good film,good\na bad one,bad\nwell made,good\nno,bad\n";
const jsonl = [
  { text: "fine", label: "good" },
  { text: "poor", label: "bad" },
];

const soon = (): AbortSignal => AbortSignal.timeout(600);

/** Whether the sizes of a config are more than are drawn in a moment. */
function isLarge(json: Readonly<Record<string, unknown>>): boolean {
  const sizes = Object.values(json).filter((value) => typeof value === "number" && value > 1) as number[];
  return (
    sizes
      .sort((a, b) => b - a)
      .slice(0, 2)
      .reduce((product, size) => product * size, 1) > 1e8
  );
}

async function dataFiles(folder: string): Promise<string> {
  const data = join(folder, "data");
  await mkdir(data);
  await writeFile(join(data, "a.txt"), "the wolf and the seven little goats ".repeat(20));
  await writeFile(join(data, "b.txt"), "the fox and the geese ".repeat(10));
  await writeFile(join(data, "a.csv"), csv);
  await writeFile(join(data, "c.jsonl"), jsonl.map((row) => JSON.stringify(row)).join("\n"));
  return data;
}

export async function recipes(mutate: Mutator, folder: string): Promise<void> {
  const changed = mutate.json(mutate.pick<object>([textRecipe, exampleRecipe]));
  const recipe = parseRecipe(JSON.parse(JSON.stringify(changed) ?? "null"));
  if (isLarge(recipe.config)) return; // a model of gigabytes is the caller's right
  const tokenizerDirectory = fixture("models/gpt2");
  const tokenizer = await loadTokenizer(await openDirectory(tokenizerDirectory));
  if (!tokenizer) throw new Error("the fixture lacks its tokenizer");
  const data = await dataFiles(folder);
  await trainRecipe(recipe, {
    data,
    out: join(folder, "out"),
    tokenizer,
    tokenizerDirectory,
    threads: 1,
    signal: soon(),
  });
}

const tasks = {
  "text-classification": [
    "models/bert_cls",
    [
      { text: "a good film", label: "good" },
      { text: "a bad one", label: "bad" },
    ],
  ],
  "token-classification": [
    "models/bert_ner",
    [
      { tokens: ["a", "b"], tags: ["O", "B-X"] },
      { tokens: ["c"], tags: ["O"] },
    ],
  ],
  "question-answering": ["models/bert_qa", [{ question: "who?", context: "the wolf came", answer: "the wolf" }]],
  "fill-mask": ["models/bert", [{ text: "the wolf" }, { text: "the goats" }]],
  "text-generation": ["models/gpt2", [{ prompt: "the", completion: " wolf" }, { text: "the goats" }]],
  "text2text-generation": [
    "models/t5_relu",
    [
      { source: "a", target: "b" },
      { source: "c", target: "d" },
    ],
  ],
  "sentence-similarity": [
    "models/bert",
    [
      { text1: "a", text2: "b" },
      { text1: "c", text2: "d" },
    ],
  ],
  preference: ["models/gpt2", [{ prompt: "a", chosen: "b", rejected: "c" }]],
} as const;

/** Rows as a file of some kind. */
function table(mutate: Mutator, rows: readonly object[]): { name: string; text: string | Uint8Array } {
  const many = Array.from({ length: 6 }, () => rows).flat();
  const changed = mutate.chance(0.7) ? mutate.json(many) : many;
  const list = (Array.isArray(changed) ? changed : [changed]) as unknown[];
  const kind = mutate.pick(["csv", "tsv", "jsonl", "json"]);
  const cut = kind === "tsv" ? "\t" : ",";
  const cell = (value: unknown): string => {
    const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
    return mutate.chance(0.9) && /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const text = {
    csv: () =>
      [Object.keys(many[0] as object), ...list.map((row) => Object.values(row ?? {}))]
        .map((row) => row.map(cell).join(cut))
        .join("\n"),
    tsv: () => text.csv?.() ?? "",
    jsonl: () => list.map((row) => JSON.stringify(row)).join("\n"),
    json: () => mutate.jsonText(changed),
  } as Record<string, () => string>;
  const whole = (text[kind] as () => string)();
  return { name: `rows.${kind}`, text: mutate.chance(0.3) ? mutate.bytes(new TextEncoder().encode(whole)) : whole };
}

export async function tables(mutate: Mutator, folder: string): Promise<unknown> {
  const task = mutate.pick(Object.keys(tasks) as (keyof typeof tasks)[]);
  const [model, rows] = tasks[task];
  const { name, text } = table(mutate, rows);
  await writeFile(join(folder, name), text);
  const options = {
    epochs: 1,
    batchSize: 2,
    maxLength: 16,
    learningRate: 1e-4,
    seed: 1,
    labelSmoothing: 0,
    columns: {} as object,
  };
  const given = mutate.chance(0.3) ? (mutate.json(options) as object) : options;
  return finetune({
    ...given,
    model: fixture(model),
    task,
    data: join(folder, name),
    out: join(folder, "out"),
    threads: 1,
    signal: soon(),
  } as never);
}
