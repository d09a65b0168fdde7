import type { Command } from "commander";
import type { Terminal } from "./terminal.ts";

/** Adds the arguments, options and action of a command. */
export type Define = (command: Command, terminal: Terminal, signal: AbortSignal) => unknown;

/** A command as the top-level help shows it. Its definition is loaded when it is used. */
export interface CommandEntry {
  readonly group: string;
  readonly description: string;
  readonly alias?: string;
  /** True for a command that runs a model: its worker is started first. */
  readonly computes?: boolean;
  readonly load: () => Promise<Define>;
}

/** Every command by name, in the order of the help. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  run: {
    group: "Use a model:",
    description: "Generate text, or start a conversation.",
    computes: true,
    load: async () => (await import("./run.ts")).runCommand,
  },
  translate: {
    group: "Use a model:",
    description: "Translate a text.",
    computes: true,
    load: async () => (await import("./translate.ts")).translateCommand,
  },
  summarize: {
    group: "Use a model:",
    description: "Summarize a text.",
    computes: true,
    load: async () => (await import("./translate.ts")).summarizeCommand,
  },
  classify: {
    group: "Use a model:",
    description: "Classify a text and print the probability of each label.",
    computes: true,
    load: async () => (await import("./classify.ts")).classifyCommand,
  },
  answer: {
    group: "Use a model:",
    description: "Find the answer to a question in a text.",
    computes: true,
    load: async () => (await import("./answer.ts")).answerCommand,
  },
  "fill-mask": {
    group: "Use a model:",
    description: "Predict the masked word of a text.",
    computes: true,
    load: async () => (await import("./fill-mask.ts")).fillMaskCommand,
  },
  ner: {
    group: "Use a model:",
    description: "Find named entities, such as people and places.",
    computes: true,
    load: async () => (await import("./ner.ts")).nerCommand,
  },
  embed: {
    group: "Use a model:",
    description: "Turn sentences into vectors, pooled as the model's modules.json says.",
    computes: true,
    load: async () => (await import("./embed.ts")).embedCommand,
  },
  index: {
    group: "Use a model:",
    description: "Index a folder of text files, so that questions about them can be answered.",
    load: async () => (await import("./index-folder.ts")).indexCommand,
  },
  ask: {
    group: "Use a model:",
    description: "Answer a question from an indexed folder, with the file and the lines that it comes from.",
    load: async () => (await import("./ask.ts")).askCommand,
  },
  serve: {
    group: "Use a model:",
    description: "Serve models over HTTP for clients of OpenAI and Anthropic.",
    load: async () => (await import("./serve.ts")).serveCommand,
  },
  batch: {
    group: "Use a model:",
    description: "Answer files of requests with several workers, over Redis.",
    load: async () => (await import("./batch.ts")).batchCommand,
  },
  tokenize: {
    group: "Look inside:",
    description: "Turn text into a model's tokens, or tokens into text.",
    load: async () => (await import("./tokenize.ts")).tokenizeCommand,
  },
  forward: {
    group: "Look inside:",
    description: "Run one forward pass and write logits, hidden states, attentions, loss and gradients to a file.",
    computes: true,
    load: async () => (await import("./forward.ts")).forwardCommand,
  },
  score: {
    group: "Look inside:",
    description: "Print the log-likelihood of a text after another.",
    computes: true,
    load: async () => (await import("./score.ts")).scoreCommand,
  },
  compare: {
    group: "Look inside:",
    description: "Compare a word's hidden states in two texts, layer by layer.",
    computes: true,
    load: async () => (await import("./compare.ts")).compareCommand,
  },
  attention: {
    group: "Look inside:",
    description: "Draw what the tokens of a text attend to, as a picture or a page.",
    computes: true,
    load: async () => (await import("./attention-figure.ts")).attentionCommand,
  },
  studio: {
    group: "Look inside:",
    description: "Serve the studio, a page that shows how a model reads and writes, on this machine.",
    computes: true,
    load: async () => (await import("./studio.ts")).studioCommand,
  },
  prompt: {
    group: "Prompts:",
    description: "Render, check, compare and optimize prompts.",
    load: async () => (await import("./prompt.ts")).promptCommand,
  },
  list: {
    group: "Models on this machine:",
    description: "List the bundled models and those in the Hugging Face cache.",
    alias: "ls",
    load: async () => (await import("./list.ts")).listCommand,
  },
  show: {
    group: "Models on this machine:",
    description: "Show a model's kind, licence, size, context window and parameters.",
    load: async () => (await import("./show.ts")).showCommand,
  },
  pull: {
    group: "Models on this machine:",
    description: "Download a model from the Hugging Face Hub into the cache that Python shares.",
    load: async () => (await import("./pull.ts")).pullCommand,
  },
  remove: {
    group: "Models on this machine:",
    description: "Remove a model, or one revision of it, from the Hugging Face cache.",
    alias: "rm",
    load: async () => (await import("./remove.ts")).removeCommand,
  },
  cache: {
    group: "Models on this machine:",
    description: "List or clear files that Lectern derived from models, and unfinished downloads.",
    load: async () => (await import("./cache.ts")).cacheCommand,
  },
  train: {
    group: "Train and evaluate:",
    description: "Train a model from a recipe. An interrupted run resumes from its last checkpoint.",
    load: async () => (await import("./train.ts")).trainCommand,
  },
  finetune: {
    group: "Train and evaluate:",
    description: "Fine-tune a model on your examples. An interrupted run resumes from its last checkpoint.",
    load: async () => (await import("./finetune.ts")).finetuneCommand,
  },
  merge: {
    group: "Train and evaluate:",
    description: "Merge a LoRA adapter into a model's weights.",
    load: async () => (await import("./merge.ts")).mergeCommand,
  },
  eval: {
    group: "Train and evaluate:",
    description: "Evaluate models on tasks or on a recipe's held-out data, compare runs, and list wrong items.",
    load: async () => (await import("./eval.ts")).evalCommand,
  },
  project: {
    group: "Train and evaluate:",
    description: "Take a project from idea to launch: gates, candidates and decisions in one file, with evidence.",
    load: async () => (await import("./project.ts")).projectCommand,
  },
  bench: {
    group: "Train and evaluate:",
    description: "Measure a model's speed and memory on this machine.",
    computes: true,
    load: async () => (await import("./bench.ts")).benchCommand,
  },
  tokenizer: {
    group: "Train and evaluate:",
    description: "Train a tokenizer.",
    load: async () => (await import("./tokenizer.ts")).tokenizerCommand,
  },
  quantize: {
    group: "Train and evaluate:",
    description: "Write a model in int8 or int4 and measure what that costs.",
    load: async () => (await import("./quantize.ts")).quantizeCommand,
  },
  export: {
    group: "Train and evaluate:",
    description: "Write a model as one file for other programs.",
    load: async () => (await import("./export.ts")).exportCommand,
  },
  doctor: {
    group: "Setup:",
    description: "Check the installation, and measure what this machine can do: memory bandwidth and devices.",
    load: async () => (await import("./doctor.ts")).doctorCommand,
  },
  completion: {
    group: "Setup:",
    description: "Print a script that completes commands in a shell.",
    load: async () => (await import("./completion.ts")).completionCommand,
  },
};
