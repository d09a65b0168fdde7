import { check, checkFields, isListOf, isObject, type Rules, rules, shown, suggestion } from "../../common/index.ts";
import type { RawConfig } from "./harness-config.ts";
import type { OutputType } from "./task.ts";

/** The kinds of task of Lectern's own files. */
export const taskTypes = {
  "multiple-choice": "multiple_choice",
  classification: "multiple_choice",
  generation: "generate_until",
  translation: "generate_until",
  perplexity: "loglikelihood_rolling",
  "log-likelihood": "loglikelihood",
} as const satisfies Readonly<Record<string, OutputType>>;

/** The kind of a task. */
export type TaskType = keyof typeof taskTypes;

/** A data file. */
export interface DataConfig {
  readonly file: string;
  readonly format?: "json" | "csv" | "text";
  /** Of text: an expression whose named groups are the fields of a line. */
  readonly pattern?: string;
  /** Expressions by fields: items of which a field does not match its expression are left out. */
  readonly keep?: Readonly<Record<string, string>>;
  readonly field?: string;
  readonly delimiter?: string;
  readonly columns?: readonly string[];
  /** Lines at the beginning that are left out. */
  readonly skip?: number;
  readonly sampleBy?: "line" | "paragraph" | "document";
  /** Where the data can be had, for the message if they are not there. */
  readonly source?: string;
}

/** A task file of Lectern's own. */
export interface NativeConfig {
  readonly name: string;
  readonly type: TaskType;
  readonly data: DataConfig;
  readonly examples?: DataConfig;
  /** The field of an item that holds its own examples, in place of `examples`. */
  readonly exampleField?: string;
  readonly order?: "random" | "first";
  readonly instruction?: string;
  readonly input?: string;
  readonly output?: string;
  /** Classes as the data name them, and as the model is to name them. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly choices?: string | readonly string[];
  readonly delimiter?: string;
  readonly separator?: string;
  readonly shots?: number;
  readonly calibration?: readonly string[];
  readonly generation?: RawConfig;
  readonly repeats?: number;
  readonly filters?: readonly RawConfig[];
  readonly metrics?: readonly (string | RawConfig)[];
}

const oneOf = (...names: string[]): Rules[string] => ({
  fits: (value) => names.includes(value as string),
  expected: `one of ${names.join(", ")}`,
});
const names: Rules[string] = { fits: (value) => isListOf(value, rules.name.fits), expected: "a list of names" };

const dataRules: Rules = {
  file: rules.name,
  format: oneOf("json", "csv", "text"),
  pattern: rules.name,
  keep: {
    fits: (value) => isObject(value) && Object.values(value).every((own) => typeof own === "string"),
    expected: "an expression for each field",
  },
  field: rules.name,
  delimiter: rules.name,
  columns: names,
  skip: rules.size,
  sampleBy: oneOf("line", "paragraph", "document"),
  source: rules.text,
};

const taskRules: Rules = {
  name: rules.name,
  type: rules.name,
  description: rules.text,
  data: rules.object,
  examples: rules.object,
  exampleField: rules.name,
  order: oneOf("random", "first"),
  instruction: rules.text,
  input: rules.text,
  output: rules.text,
  labels: rules.object,
  choices: {
    fits: (value) => typeof value === "string" || names.fits(value),
    expected: "a template or a list of texts",
  },
  delimiter: rules.text,
  separator: rules.text,
  shots: rules.size,
  calibration: rules.texts,
  generation: rules.object,
  repeats: rules.count,
  filters: { fits: (value) => isListOf(value, isObject), expected: "a list of filters" },
  metrics: {
    fits: (value) => isListOf(value, (own) => typeof own === "string" || isObject(own)),
    expected: "a list of metrics",
  },
};

/** The keys that a kind of task needs. */
const needed: Readonly<Record<TaskType, readonly (keyof NativeConfig)[]>> = {
  "multiple-choice": ["input", "choices", "output"],
  classification: ["input", "output", "labels"],
  generation: ["input", "output"],
  translation: ["input", "output"],
  perplexity: ["output"],
  "log-likelihood": ["input", "output"],
};

/** Checks a task file of Lectern's own. */
export function nativeConfig(raw: RawConfig, path: string): NativeConfig {
  checkFields(path, raw, taskRules, "key");
  const types = Object.keys(taskTypes);
  for (const name of ["name", "type", "data"])
    check(raw[name] !== undefined, "input", () => `${path}: the key ${name} is missing`);
  check(
    types.includes(raw.type as string),
    "input",
    () => `${path}: there is no type ${shown(raw.type)}${suggestion(String(raw.type), types)}`,
  );
  for (const name of ["data", "examples"]) {
    if (raw[name] === undefined) continue;
    checkFields(`${path}: ${name}`, raw[name], dataRules, "key");
    check(isObject(raw[name]) && raw[name].file, "input", () => `${path}: ${name}: the key file is missing`);
  }
  const config = raw as RawConfig & NativeConfig;
  check(
    config.exampleField === undefined || (config.examples === undefined && config.order === undefined),
    "input",
    () => `${path}: exampleField takes an item's own examples, so examples and order have no effect: leave them out`,
  );
  for (const name of needed[config.type])
    check(config[name] !== undefined, "input", () => `${path}: a task of type ${config.type} needs the key ${name}`);
  if (config.labels) checkLabels(config.labels, path);
  return config;
}

/** Refuses classes that the model would name alike. */
function checkLabels(labels: RawConfig, path: string): void {
  const words = Object.entries(labels).map(([label, word]): [string, string] => {
    check(
      typeof word === "string" && word !== "",
      "input",
      () => `${path}: labels: ${label} must be a text; got ${shown(word)}`,
    );
    return [label, word];
  });
  check(words.length > 1, "input", () => `${path}: labels must name two classes at least; got ${words.length}`);
  for (const [i, [label, word]] of words.entries()) {
    const twin = words.slice(0, i).find(([, other]) => other === word);
    check(!twin, "input", () => `${path}: labels: ${twin?.[0]} and ${label} are both written ${shown(word)}`);
  }
}
