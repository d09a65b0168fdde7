import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { isObject } from "../../common/index.ts";
import { commercialUseOf, licenceOf, openCheckpoint, openDirectory } from "../../formats/index.ts";
import { elementCount } from "../../tensor/index.ts";
import type { Located } from "../located.ts";

/** Facts of a model that its files state. */
export interface Facts {
  /** Its architecture, such as BertForSequenceClassification; null where config.json names none. */
  readonly architecture: string | null;
  readonly parameters: number;
  /** The size of its files, in bytes. */
  readonly bytes: number;
  /** Tokens of its context window; null without a limit. */
  readonly window: number | null;
  /** The licence that its card names; null where it names none. */
  readonly licence: string | null;
  /** A restriction of commercial use that its card states. */
  readonly commercialUse: string | null;
  /** The languages that its card names. */
  readonly languages: readonly string[];
  /** The run that wrote it, or its adapter, where the run's log is there. */
  readonly training: TrainingRun | null;
}

/** A training run, from its log. */
export interface TrainingRun {
  readonly steps: number;
  /** The time from the first to the last line of the log, in seconds; null where the log does not tell. */
  readonly seconds: number | null;
}

/** Those of a search by words, which has no model. */
const BM25: Facts = {
  architecture: "BM25",
  parameters: 0,
  bytes: 0,
  window: null,
  licence: null,
  commercialUse: null,
  languages: [],
  training: null,
};

/** Reads a model's facts from its files, without loading it. */
export async function readFacts({ model, adapter }: Located): Promise<Facts> {
  if (model === undefined) return BM25;
  const files = await openDirectory(model);
  const card = (await files.has("README.md")) ? await files.readText("README.md") : "";
  const checkpoint = await openCheckpoint(files);
  const config = (await files.has("config.json"))
    ? (JSON.parse(await files.readText("config.json")) as Readonly<Record<string, unknown>>)
    : {};
  const [architecture] = Array.isArray(config.architectures) ? config.architectures : [];
  const window = config.max_position_embeddings ?? config.n_positions ?? config.n_ctx;
  return {
    architecture: typeof architecture === "string" ? architecture : null,
    parameters: checkpoint.names().reduce((sum, name) => sum + elementCount(checkpoint.info(name).shape), 0),
    bytes: (await bytesOf(model)) + (adapter === undefined ? 0 : await bytesOf(adapter)),
    window: typeof window === "number" ? window : null,
    licence: licenceOf(card) ?? null,
    commercialUse: commercialUseOf(card) ?? null,
    languages: languagesOf(card),
    training: await trainingRun(adapter ?? model),
  };
}

function languagesOf(card: string): string[] {
  const [, front = ""] = /^\uFEFF?---\r?\n(.*?)\r?\n---/s.exec(card) ?? [];
  const fields: unknown = parseDocument(front).toJS();
  const language = isObject(fields) ? fields.language : undefined;
  return [language].flat().filter((name): name is string => typeof name === "string");
}

/** The steps of training.jsonl, and the time between its first event file and its last line. */
async function trainingRun(directory: string): Promise<TrainingRun | null> {
  const log = join(directory, "training.jsonl");
  const text = await readFile(log, "utf8").catch(() => undefined);
  const steps = [...(text ?? "").matchAll(/"step":(\d+)/g)].map(([, step]) => Number(step));
  if (steps.length === 0) return null;
  const events = await readdir(join(directory, "events")).catch(() => []);
  const starts = events.flatMap((name) => /tfevents\.(\d+)\./.exec(name)?.[1] ?? []).map(Number);
  const end = (await stat(log)).mtimeMs / 1000;
  const seconds = starts.length === 0 ? null : Math.round(end - Math.min(...starts));
  return { steps: Math.max(...steps), seconds: seconds !== null && seconds > 0 ? seconds : null };
}

/** The size of a file, or of a directory's files without those of its folders. */
async function bytesOf(path: string): Promise<number> {
  const whole = await stat(path);
  if (whole.isFile()) return whole.size;
  const sizes = await Promise.all(
    (await readdir(path)).map(async (name) => {
      const found = await stat(join(path, name));
      return found.isFile() ? found.size : 0;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
