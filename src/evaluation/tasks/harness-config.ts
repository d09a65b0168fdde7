import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseDocument } from "yaml";
import { check, checkFields, isListOf, isObject, LecternError, type Rules, rules, shown } from "../../common/index.ts";

/** The fields of a task file, before they are checked. */
export type RawConfig = Readonly<Record<string, unknown>>;

/** `fewshot_config` of a task file. */
export interface FewshotConfig {
  readonly sampler?: "default" | "first_n";
  readonly split?: string;
  readonly samples?: readonly RawConfig[];
  readonly fewshot_indices?: readonly number[];
  readonly doc_to_text?: string | number;
  readonly doc_to_target?: string | number | readonly unknown[];
  readonly doc_to_choice?: string | readonly unknown[] | RawConfig;
  readonly gen_prefix?: string;
  readonly target_delimiter?: string;
  readonly fewshot_delimiter?: string;
}

/** A task file of lm-evaluation-harness. */
export interface HarnessConfig extends Omit<FewshotConfig, "sampler" | "split" | "samples" | "fewshot_indices"> {
  readonly task: string;
  readonly dataset_path: "json" | "csv" | "text";
  readonly dataset_kwargs?: RawConfig;
  readonly training_split?: string;
  readonly validation_split?: string;
  readonly test_split?: string;
  readonly fewshot_split?: string;
  readonly fewshot_config?: FewshotConfig;
  readonly description?: string;
  readonly num_fewshot?: number;
  readonly output_type?: string;
  readonly generation_kwargs?: RawConfig;
  readonly repeats?: number;
  readonly metric_list?: readonly RawConfig[];
  readonly filter_list?: readonly RawConfig[];
}

/** Accepts what a task may say and what changes nothing here. */
const anything = { fits: () => true, expected: "anything" };
const optional = ({ fits, expected }: Rules[string]): Rules[string] => ({
  fits: (value) => value === null || fits(value),
  expected,
});
const target = {
  fits: (value: unknown) => typeof value === "string" || typeof value === "number" || Array.isArray(value),
  expected: "a text, an index or a list",
};
const choice = {
  fits: (value: unknown) => typeof value === "string" || Array.isArray(value) || isObject(value),
  expected: "a text or a list",
};
const question = {
  fits: (value: unknown) => typeof value === "string" || typeof value === "number",
  expected: "a text",
};
const objects = { fits: (value: unknown) => isListOf(value, isObject), expected: "a list of objects" };

const fewshotRules: Rules = {
  sampler: {
    fits: (value) => value === "default" || value === "first_n",
    expected: "default or first_n",
  },
  split: rules.name,
  samples: objects,
  fewshot_indices: { fits: (value) => isListOf(value, rules.size.fits), expected: "a list of indices" },
  doc_to_text: question,
  doc_to_target: target,
  doc_to_choice: choice,
  gen_prefix: rules.text,
  target_delimiter: rules.text,
  fewshot_delimiter: rules.text,
};

const configRules: Rules = {
  task: rules.name,
  task_alias: anything,
  group: anything,
  tag: anything,
  metadata: anything,
  should_decontaminate: anything,
  doc_to_decontamination_query: anything,
  dataset_path: rules.name,
  dataset_name: anything,
  dataset_kwargs: optional(rules.object),
  training_split: optional(rules.name),
  validation_split: optional(rules.name),
  test_split: optional(rules.name),
  fewshot_split: optional(rules.name),
  fewshot_config: optional(rules.object),
  doc_to_text: question,
  doc_to_target: target,
  doc_to_choice: optional(choice),
  description: rules.text,
  gen_prefix: optional(rules.text),
  target_delimiter: rules.text,
  fewshot_delimiter: rules.text,
  num_fewshot: optional(rules.size),
  output_type: rules.name,
  generation_kwargs: optional(rules.object),
  repeats: rules.count,
  metric_list: optional(objects),
  filter_list: optional(objects),
};

/** Fields that need Python, with the reason why they are refused. */
const REFUSED: Readonly<Record<string, string>> = {
  process_docs: "it is a function of Python",
  process_results: "it is a function of Python",
  custom_dataset: "it is a function of Python",
  class: "it is a class of Python",
  use_prompt: "prompts of promptsource are not available",
  doc_to_image: "images are not supported",
  doc_to_audio: "audio is not supported",
  unsafe_code: "code that a model writes is not executed",
  task_list: "write one file for each task, with include",
};

/**
 * The fields of a YAML file, with those of the files that it includes below its own. A function of Python
 * (`!function`) is refused by its name.
 */
export function readYaml(path: string, seen: readonly string[] = []): RawConfig {
  const own = resolve(path);
  check(!seen.includes(own), "input", () => `${path}: it includes itself, by ${[...seen, own].join(" → ")}`);
  const { include, ...fields } = parseYaml(readText(path), path);
  const includes = include === undefined ? [] : Array.isArray(include) ? include : [include];
  const merged: Record<string, unknown> = {};
  for (const name of includes as unknown[]) {
    check(typeof name === "string", "input", () => `${path}: include must be a file name; got ${shown(name)}`);
    Object.assign(merged, readYaml(resolve(dirname(own), name), [...seen, own]));
  }
  return { ...merged, ...fields };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new LecternError("file", `${path} cannot be read`, { cause });
  }
}

/** A YAML document that is an object. @param version 1.1, as PyYAML reads it, or 1.2, where `no` and `y` are texts */
export function parseYaml(text: string, path: string, version: "1.1" | "1.2" = "1.1"): RawConfig {
  const functions: string[] = [];
  const document = parseDocument(text, {
    version,
    merge: true,
    customTags: [{ tag: "!function", resolve: (name: string) => functions.push(name) }],
  });
  const [failure] = [...document.errors, ...document.warnings];
  if (functions.length > 0)
    throw new LecternError(
      "unsupported",
      `${path}: !function ${functions[0]} is Python, which is not run here; write it as a Jinja template, or prepare the data`,
    );
  if (failure) throw new LecternError("input", `${path}: not YAML: ${failure.message}`, { cause: failure });
  const value: unknown = document.toJS();
  check(isObject(value), "input", () => `${path}: a task file must be an object; got ${shown(value)}`);
  return value;
}

/** Checks the fields of a task. */
export function harnessConfig(raw: RawConfig, path: string): HarnessConfig {
  for (const [name, reason] of Object.entries(REFUSED))
    if (raw[name] !== undefined && raw[name] !== null && raw[name] !== false)
      throw new LecternError("unsupported", `${path}: ${name} is not supported: ${reason}`);
  const known = Object.fromEntries(Object.entries(raw).filter(([name]) => !Object.hasOwn(REFUSED, name)));
  checkFields(path, known, configRules, "key");
  if (isObject(known.fewshot_config)) checkFields(`${path}: fewshot_config`, known.fewshot_config, fewshotRules, "key");
  for (const name of ["task", "dataset_path"])
    check(known[name] !== undefined, "input", () => `${path}: the key ${name} is missing`);
  check(
    ["json", "csv", "text"].includes(known.dataset_path as string),
    "unsupported",
    () =>
      `${path}: dataset_path: ${shown(known.dataset_path)} is a data set of the Hub; download its files, and write dataset_path: json, csv or text and dataset_kwargs: { data_files: … }`,
  );
  const given = Object.entries(known).filter(([, value]) => value !== null);
  return Object.fromEntries(given) as RawConfig & HarnessConfig;
}
