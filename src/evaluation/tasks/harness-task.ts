import { check, isListOf, isObject, LecternError, shown, suggestion } from "../../common/index.ts";
import { type Literal, parseLiteral } from "../python/literal.ts";
import { type DataFormat, type DataOptions, type Doc, locateData, readData } from "./data.ts";
import { filterPipeline, TAKE_FIRST } from "./filters.ts";
import { answerGeneration } from "./generation.ts";
import { type FewshotConfig, type HarnessConfig, harnessConfig, type RawConfig } from "./harness-config.ts";
import type { OutputType, Target, Task, Writing } from "./task.ts";
import { metricUses } from "./task-metrics.ts";
import { asInt, isDigits, pythonText, renderDoc } from "./templates.ts";

const OUTPUTS: readonly OutputType[] = ["generate_until", "loglikelihood", "loglikelihood_rolling", "multiple_choice"];

/** Options of reading a task file. */
export interface TaskOptions {
  /** Folders in which data files are looked for, beside the task file's own. */
  readonly dataFolders?: readonly string[] | undefined;
  /** Of a task file of Lectern's own: a data file in place of the one that it names. */
  readonly dataFile?: string | undefined;
}

/** A task as lm-evaluation-harness 0.4.13 reads its file. */
export function harnessTask(raw: RawConfig, path: string, options: TaskOptions = {}): Task {
  const config = harnessConfig(raw, path);
  const splits = new Splits(config, path, options);
  const output = outputType(config, path);
  const docs = evaluated(config, splits, path);
  const features = Object.keys(docs[0] as Doc);
  const own = config.fewshot_config ?? {};
  const write = (fields: FewshotConfig): Writing => writing(fields, features, path, config.doc_to_choice !== undefined);
  const split = own.split ?? config.fewshot_split;
  const { fewshot_delimiter: separator = "\n\n" } = config;
  const warnings =
    own.fewshot_indices === undefined ? [] : ["fewshot_indices is ignored, as by lm-evaluation-harness 0.4.13"];
  return {
    name: config.task,
    path,
    output,
    docs,
    pool: examplePool(config, splits, split),
    sampler: own.sampler ?? "default",
    excludesDoc: split === config.test_split,
    item: write(config),
    example: write({ ...config, ...own }),
    fewshotDelimiter: own.fewshot_delimiter ?? separator,
    description: (doc) => field(config.description, doc, path),
    shots: config.num_fewshot ?? 0,
    generation: output === "generate_until" ? answerGeneration(config.generation_kwargs, separator, path) : undefined,
    repeats: config.repeats ?? 1,
    filters: config.filter_list?.map(({ name, filter }) => filterPipeline(String(name), filter, path)) ?? [TAKE_FIRST],
    metrics: metricUses(config.metric_list, output, path),
    contentFree: [],
    warnings,
  };
}

function outputType({ output_type: given = "generate_until" }: HarnessConfig, path: string): OutputType {
  const output = OUTPUTS.find((name) => name === given);
  if (output) return output;
  throw new LecternError("input", `${path}: there is no output_type ${given}${suggestion(given, OUTPUTS)}`);
}

function evaluated(config: HarnessConfig, splits: Splits, path: string): readonly Doc[] {
  const split = config.test_split ?? config.validation_split;
  check(split !== undefined, "input", () => `${path}: a task needs test_split or validation_split`);
  return splits.docs(split);
}

/** Examples come from their own split, their own list, else from the first of training, validation and test. */
function examplePool(config: HarnessConfig, splits: Splits, split: string | undefined): readonly Doc[] {
  if (split !== undefined) return splits.docs(split);
  if (config.fewshot_config?.samples) return config.fewshot_config.samples;
  return splits.docs((config.training_split ?? config.validation_split ?? config.test_split) as string);
}

const dataRules: readonly string[] = [
  "data_files",
  "data_dir",
  "field",
  "delimiter",
  "sep",
  "column_names",
  "sample_by",
];

/** The splits of a data set in local files. */
class Splits {
  readonly #config: HarnessConfig;
  readonly #path: string;
  readonly #folders: readonly string[];
  readonly #read = new Map<string, readonly Doc[]>();

  constructor(config: HarnessConfig, path: string, { dataFolders = [] }: TaskOptions) {
    [this.#config, this.#path] = [config, path];
    const { data_dir: folder } = config.dataset_kwargs ?? {};
    this.#folders = typeof folder === "string" ? [folder, ...dataFolders] : dataFolders;
    for (const name of Object.keys(config.dataset_kwargs ?? {}))
      check(
        dataRules.includes(name) || name === "trust_remote_code",
        "usage",
        () => `${path}: dataset_kwargs: there is no key ${name}${suggestion(name, dataRules)}`,
      );
  }

  docs(split: string): readonly Doc[] {
    const known = this.#read.get(split);
    if (known) return known;
    const docs = this.#files(split).flatMap((file) =>
      readData(locateData(file, this.#path, this.#folders), this.#config.dataset_path as DataFormat, this.#options()),
    );
    this.#read.set(split, docs);
    return docs;
  }

  #files(split: string): readonly string[] {
    const { data_files: given } = this.#config.dataset_kwargs ?? {};
    const bySplit: RawConfig = isObject(given) ? given : { train: given };
    const own = bySplit[split];
    const files = typeof own === "string" ? [own] : own;
    check(
      isListOf(files, (file) => typeof file === "string"),
      "input",
      () =>
        `${this.#path}: dataset_kwargs: data_files names no file of the split ${split}; its splits are ${Object.keys(bySplit).join(", ")}`,
    );
    const pattern = (files as string[]).find((file) => /[*?[]|^[a-z]+:\/\//.test(file));
    check(pattern === undefined, "unsupported", () => `${this.#path}: data_files: name local files; got ${pattern}`);
    return files as string[];
  }

  #options(): DataOptions {
    const { field, delimiter, sep, column_names: columns, sample_by: sampleBy } = this.#config.dataset_kwargs ?? {};
    return { field, delimiter: delimiter ?? sep, columns, sampleBy } as DataOptions;
  }
}

/** The value of a column, or what a template makes of the item; nothing is the empty text. */
function field(source: string | undefined, doc: Doc, path: string): string {
  if (source === undefined || source === "") return "";
  return Object.hasOwn(doc, source) ? pythonText(doc[source]) : renderDoc(source, doc, path);
}

function writing(config: FewshotConfig, features: readonly string[], path: string, hasChoices: boolean): Writing {
  const isFeature = (name: unknown): name is string => typeof name === "string" && features.includes(name);
  const { doc_to_text: text = "", doc_to_target: target = "", doc_to_choice: choices } = config;
  return {
    text(doc) {
      if (typeof text === "number") return text;
      const value = isFeature(text) ? doc[text] : renderDoc(text, doc, `${path}: doc_to_text`);
      const whole = isFeature(text) ? asInt(value) : undefined;
      if (whole !== undefined) return whole;
      check(typeof value === "string", "input", () => `${path}: doc_to_text must give a text; got ${shown(value)}`);
      return hasChoices && !isFeature(text) && isDigits(value) ? Number(value) : value;
    },
    target(doc) {
      if (typeof target === "number" || Array.isArray(target)) return target as Target;
      if (isFeature(target)) return targetValue(doc[target]);
      if (typeof target !== "string") return null;
      const value = renderDoc(target, doc, `${path}: doc_to_target`);
      if (hasChoices && isDigits(value)) return Number(value);
      const list = /^\[.*\]$/s.test(value) ? parseLiteral(value) : undefined;
      return list === undefined ? value : targetValue(list);
    },
    choices:
      choices === undefined ? undefined : (doc) => choiceTexts(isFeature(choices) ? doc[choices] : choices, doc, path),
    prefix: (doc) => field(config.gen_prefix, doc, `${path}: gen_prefix`),
    targetDelimiter: config.target_delimiter ?? " ",
  };
}

function targetValue(value: unknown): Target {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map((item) => asInt(item) ?? pythonText(item));
  return asInt(value) ?? pythonText(value);
}

function choiceTexts(choices: unknown, doc: Doc, path: string): readonly string[] {
  const place = `${path}: doc_to_choice`;
  let list: unknown = choices;
  if (typeof choices === "string") list = parseLiteral(renderDoc(choices, doc, place)) satisfies Literal | undefined;
  else if (isObject(choices)) list = Object.values(choices);
  check(
    isListOf(list, (choice) => typeof choice === "string") && list.length > 0,
    "input",
    () => `${place} must give a list of texts; got ${shown(list ?? choices)}`,
  );
  return list as string[];
}
