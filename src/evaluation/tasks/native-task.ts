import { existsSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";
import { check, isListOf, isObject, LecternError, ownEntry, shown, suggestion } from "../../common/index.ts";
import { parseLiteral } from "../python/literal.ts";
import { type DataFormat, type Doc, locateData, readData } from "./data.ts";
import { filterPipeline, TAKE_FIRST } from "./filters.ts";
import { answerGeneration } from "./generation.ts";
import type { RawConfig } from "./harness-config.ts";
import type { TaskOptions } from "./harness-task.ts";
import { type DataConfig, type NativeConfig, nativeConfig, type TaskType, taskTypes } from "./native-config.ts";
import type { Target, Task, Writing } from "./task.ts";
import { metricUses } from "./task-metrics.ts";
import { pythonText, renderDoc } from "./templates.ts";

/** The metrics of a task that names none. */
const defaultMetrics: Readonly<Record<TaskType, readonly string[]>> = {
  "multiple-choice": ["acc", "acc_norm", "acc_bytes", "acc_tokens"],
  classification: ["acc", "f1_macro", "mcc", "ece"],
  generation: ["exact_match"],
  translation: ["bleu", "chrf"],
  perplexity: ["bits_per_byte", "byte_perplexity", "word_perplexity", "token_perplexity"],
  "log-likelihood": ["perplexity", "acc"],
};

/** Bootstrap resamples: the error of a standard error is some 2 %. */
const RESAMPLES = 1000;

/** A task of Lectern's own file. */
export function nativeTask(raw: RawConfig, path: string, options: TaskOptions = {}): Task {
  const config = nativeConfig(raw, path);
  const output = taskTypes[config.type];
  const { dataFile } = options;
  const docs = load(dataFile === undefined ? config.data : { file: dataFile }, path, options);
  const pool = config.examples ? load(config.examples, path, options) : docs;
  const writing = writingOf(config, path);
  if (output === "multiple_choice") checkRight(writing, docs, path);
  const calibrated = config.calibration ? ["acc_calibrated"] : [];
  const metrics = config.metrics ?? [...defaultMetrics[config.type], ...calibrated];
  checkMetrics(metrics, path);
  const separator = config.separator ?? "\n\n";
  return {
    name: config.name,
    path,
    output,
    docs,
    pool,
    ownExamples: config.exampleField === undefined ? undefined : examplesIn(config.exampleField, path),
    sampler: config.order === "first" ? "first_n" : "default",
    excludesDoc: !config.examples,
    item: output === "generate_until" ? asked(writing) : output === "loglikelihood" ? continued(writing) : writing,
    example: writing,
    writesEmptyAnswers: true,
    fewshotDelimiter: separator,
    description: (doc) =>
      config.instruction === undefined ? "" : renderDoc(config.instruction, doc, `${path}: instruction`),
    shots: config.shots ?? 0,
    generation: output === "generate_until" ? answerGeneration(kwargs(config, separator), separator, path) : undefined,
    repeats: config.repeats ?? 1,
    filters: config.filters
      ? [filterPipeline("none", [...config.filters, { function: "take_first" }], path)]
      : [output === "generate_until" ? filterPipeline("none", STRIPPED, path) : TAKE_FIRST],
    metrics: metricUses(
      metrics.map((metric) => (typeof metric === "string" ? { metric } : metric)),
      output,
      path,
    ),
    contentFree: config.calibration ?? [],
    resamples: RESAMPLES,
    warnings: [],
  };
}

/** The examples in a field of an item. */
function examplesIn(field: string, path: string): (doc: Doc) => readonly Doc[] {
  return (doc) => {
    const own = doc[field];
    check(
      isListOf(own, isObject),
      "input",
      () =>
        `${path}: exampleField: the field ${field} of an item must be a list of objects; got ${shown(own)}; the fields are ${Object.keys(doc).join(", ")}`,
    );
    return own as readonly Doc[];
  };
}

/** The filters of generated answers where a task names none. */
const STRIPPED: readonly RawConfig[] = [{ function: "strip" }, { function: "take_first" }];

/**
 * A question whose answer is generated: it ends in the delimiter, of which the model writes only spaces at the end, since
 * most tokenizers put a space before a word.
 */
function asked(writing: Writing): Writing {
  const end = writing.targetDelimiter.replace(/[ \t]+$/, "");
  return { ...writing, prefix: () => end, targetDelimiter: "" };
}

/** A continuation that is scored: it begins with the delimiter. */
function continued(writing: Writing): Writing {
  return { ...writing, target: (doc) => writing.targetDelimiter + String(writing.target(doc)) };
}

/** Refuses a metric that is named twice: a result has one of a name. */
function checkMetrics(metrics: NonNullable<NativeConfig["metrics"]>, path: string): void {
  check(
    metrics.length > 0,
    "input",
    () => `${path}: metrics must name one at least; leave the key out for the usual ones`,
  );
  const names = metrics.map((own) => (typeof own === "string" ? own : own.metric));
  const twice = names.find((name, i) => names.indexOf(name) < i);
  check(
    twice === undefined,
    "input",
    () => `${path}: metrics: ${shown(twice)} is there twice; a task has one result of a name`,
  );
}

/** Generation options with the names of lm-evaluation-harness for the length and the end. */
function kwargs({ generation = {} }: NativeConfig, separator: string): RawConfig {
  const { maxNewTokens, stop = separator, temperature, ...rest } = generation;
  return { ...rest, until: stop, max_gen_toks: maxNewTokens, ...(temperature !== undefined && { temperature }) };
}

function load(data: DataConfig, path: string, { dataFolders = [] }: TaskOptions): readonly Doc[] {
  const { file, source, pattern } = data;
  const isThere = [dirname(path), ...dataFolders, "."].some((folder) => existsSync(resolve(folder, file)));
  if (source !== undefined && !isThere)
    throw new LecternError(
      "file",
      `${path}: the data file ${file} is not bundled; get it from ${source}, and name the folder above it by --data`,
    );
  const { format, ...options } = { ...formatOf(file), ...data, isPlain: true };
  const docs = readData(locateData(file, path, dataFolders), format, options);
  return kept(pattern === undefined ? docs : matched(docs, pattern, { path, file }), data, path);
}

/** The fields of lines, by the named groups of an expression. */
function matched(
  docs: readonly Doc[],
  pattern: string,
  { path, file }: { path: string; file: string },
): readonly Doc[] {
  const regex = expression(pattern, `${path}: pattern`);
  return docs.map((doc, i) => {
    const { groups } = regex.exec(String(doc.text)) ?? {};
    check(groups, "input", () => `${file}, line ${i + 1}: ${shown(doc.text)} does not fit the pattern ${pattern}`);
    return { ...groups };
  });
}

/** The items whose fields match their expressions. */
function kept(docs: readonly Doc[], { file, keep = {} }: DataConfig, path: string): readonly Doc[] {
  const tests = Object.entries(keep).map(([name, pattern]) => [name, expression(pattern, `${path}: keep`)] as const);
  for (const [name] of tests)
    check(
      docs.some((doc) => Object.hasOwn(doc, name)),
      "input",
      () => `${path}: keep: ${file} has no field ${name}${suggestion(name, Object.keys(docs[0] ?? {}))}`,
    );
  const own = docs.filter((doc) => tests.every(([name, regex]) => regex.test(pythonText(doc[name]))));
  check(own.length > 0, "input", () => `${path}: keep leaves no item of ${file}`);
  return own;
}

function expression(pattern: string, place: string): RegExp {
  try {
    return new RegExp(pattern, "u");
  } catch (cause) {
    throw new LecternError("input", `${place}: ${(cause as Error).message}`, { cause });
  }
}

/** The format that a file's name stands for. */
function formatOf(file: string): { readonly format: DataFormat; readonly delimiter?: string } {
  const extension = extname(file.toLowerCase().replace(/\.gz$/, ""));
  if (extension === ".json" || extension === ".jsonl") return { format: "json" };
  if (extension === ".tsv") return { format: "csv", delimiter: "\t" };
  return { format: extension === ".csv" ? "csv" : "text" };
}

function writingOf(config: NativeConfig, path: string): Writing {
  const { labels, choices, input = "", output = "" } = config;
  const target = (doc: Doc): Target => {
    const value = renderDoc(output, doc, `${path}: output`);
    if (!labels) return choices === undefined ? textOf(value) : choiceOf(value, listOf(choices, doc, path), doc);
    const word = ownEntry(labels, value);
    check(
      word !== undefined,
      "input",
      () => `${path}: the label ${shown(value)} is missing from labels, which are ${Object.keys(labels).join(", ")}`,
    );
    return Object.values(labels).indexOf(word);
  };
  const listIn = (value: string): unknown[] | undefined => {
    const list = /^\[.*\]$/s.test(value) ? parseLiteral(value) : undefined;
    return Array.isArray(list) ? list : undefined;
  };
  /** A text, or several right ones. Brackets around anything but texts are a text themselves. */
  const textOf = (value: string): Target => {
    const list = listIn(value);
    return list?.every((own) => typeof own === "string") ? (list as string[]) : value;
  };
  /** The index of a choice, or its text; a number that is also a choice is an index where the item's field is a number. */
  const choiceOf = (value: string, known: readonly string[], doc: Doc): Target => {
    const [, field = ""] = /^\{\{\s*(\w+)\s*\}\}$/.exec(output) ?? [];
    const isChoice = known.includes(value) && typeof doc[field] !== "number";
    if (!isChoice && /^\d+$/.test(value)) return Number(value);
    return isChoice ? value : (listIn(value)?.map((own) => (typeof own === "number" ? own : pythonText(own))) ?? value);
  };
  return {
    text: (doc) => renderDoc(input, doc, `${path}: input`),
    target,
    choices: labels
      ? () => Object.values(labels)
      : choices === undefined
        ? undefined
        : (doc) => listOf(choices, doc, path),
    prefix: () => "",
    targetDelimiter: config.delimiter ?? " ",
  };
}

function listOf(choices: string | readonly string[], doc: Doc, path: string): readonly string[] {
  const list = typeof choices === "string" ? parseLiteral(renderDoc(choices, doc, `${path}: choices`)) : choices;
  check(
    Array.isArray(list) && list.length > 1 && list.every((choice) => typeof choice === "string" && choice !== ""),
    "input",
    () => `${path}: choices must give a list of texts, two at least; got ${shown(list)}`,
  );
  check(
    new Set(list).size === list.length,
    "input",
    () => `${path}: choices must differ from each other; got ${shown(list)}`,
  );
  return list as string[];
}

/** Refuses items whose right answer is none of their choices. */
function checkRight({ choices, target }: Writing, docs: readonly Doc[], path: string): void {
  for (const [i, doc] of docs.entries()) {
    const known = choices?.(doc) ?? [];
    for (const right of [target(doc)].flat())
      check(
        typeof right === "number" ? right < known.length : known.includes(String(right)),
        "input",
        () => `${path}: item ${i + 1}: the answer ${shown(right)} is none of the choices ${shown(known)}`,
      );
  }
}
