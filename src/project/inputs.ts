import { availableParallelism, cpus } from "node:os";
import { VERSION } from "../common/index.ts";
import { fileDigests, hashOf } from "../evaluation/node.ts";
import { fileHash } from "./data.ts";
import { type Project, projectPath, type Setup } from "./file.ts";
import type { Located } from "./located.ts";
import { corpusHash, kindOf, taskHashes } from "./task.ts";

/** The inputs that evidence may depend on, by name: a hash of the content, or the setting itself. */
export type InputName =
  | "data"
  | "task"
  | "metrics"
  | "prompt"
  | "examples"
  | "corpus"
  | "reader"
  | "training"
  | "model"
  | "adapter"
  | "precision"
  | "window"
  | "threads"
  | "batchSize"
  | "lectern"
  | "machine";

/** The content of every input of a project with a setup. */
export type Inputs = Readonly<Record<InputName, string>>;

const QUALITY = [
  "data",
  "task",
  "metrics",
  "prompt",
  "examples",
  "corpus",
  "reader",
  "model",
  "adapter",
  "precision",
  "window",
  "lectern",
] as const;
const SPEED = [...QUALITY, "threads", "batchSize", "machine"] as const;

/** The staleness graph: evidence is stale once one of its inputs has other content than when it was recorded. */
export const dependencies = {
  /** The metrics on the test set, with the value of each item. */
  quality: QUALITY,
  /** Latency, throughput and memory. */
  speed: SPEED,
  /** The cheapest setting of a model that passes the gates. */
  settings: [...QUALITY.filter((name) => name !== "precision" && name !== "window"), "machine"],
  /** A server or page that was written and started. */
  deployment: ["model", "adapter", "precision", "lectern"],
  /** Parameters, size, licence, window. */
  facts: ["model", "adapter", "lectern"],
  /** Test items that stand in the training data. */
  overlap: ["data", "task", "training"],
  /** The time of a training step. */
  training: ["model", "training", "task", "prompt", "threads", "lectern", "machine"],
} as const satisfies Readonly<Record<string, readonly InputName[]>>;

/** A kind of evidence. */
export type EvidenceKind = keyof typeof dependencies;

/** The inputs of a project with a setup, as they are now. */
export async function inputsOf(project: Project, setup: Setup, located: Located): Promise<Inputs> {
  const { train } = project.file;
  const { precision = "as stored", window, threads, batchSize } = setup;
  return {
    ...(await taskHashes(project, setup)),
    training: train === undefined ? "none" : fileHash(projectPath(project, train)),
    corpus: kindOf(project, setup) === "ask" ? await corpusHash(project) : "none",
    reader: await digestOf(located.reader),
    model: located.model === undefined ? setup.model : await digestOf(located.model),
    adapter: await digestOf(located.adapter),
    precision,
    window: String(window ?? "whole"),
    threads: String(threads ?? "default"),
    batchSize: String(batchSize ?? "default"),
    lectern: VERSION,
    machine: machineName(),
  };
}

const digestOf = async (path: string | undefined): Promise<string> =>
  path === undefined ? "none" : hashOf(await fileDigests(path));

/** The processor and its cores: speed is comparable on one machine only. */
export function machineName(): string {
  return `${cpus()[0]?.model.trim() ?? process.arch}, ${availableParallelism()} cores`;
}

/** Those inputs that a kind of evidence depends on. */
export function inputsFor(kind: EvidenceKind, inputs: Inputs): Readonly<Record<string, string>> {
  return Object.fromEntries(dependencies[kind].map((name) => [name, inputs[name]]));
}

/** The names of a kind's inputs whose content differs. */
export function changedInputs(
  kind: EvidenceKind,
  recorded: Readonly<Record<string, string>>,
  inputs: Inputs,
): InputName[] {
  return dependencies[kind].filter((name) => recorded[name] !== inputs[name]);
}
