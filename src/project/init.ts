import { existsSync } from "node:fs";
import { extname, isAbsolute, join, relative, resolve } from "node:path";
import { check } from "../common/index.ts";
import { bundledTasks } from "../evaluation/node.ts";
import { readQuestions } from "../retrieval/index.ts";
import { testRows } from "./data.ts";
import { PROJECT_FILE, type Project, parseProject } from "./file.ts";
import { corpusOf, metricNames } from "./task.ts";

/** The answers that a project file is made of. */
export interface InitOptions {
  /** The goal in a sentence. */
  readonly goal: string;
  /** The model to begin with. */
  readonly model: string;
  /** The test set: a data file, or a task of `lectern eval`. */
  readonly test?: string | undefined;
  /** The task; default `text-classification`, or the task that `test` is. */
  readonly task?: string | undefined;
  /** The prompt, for a model that generates. */
  readonly prompt?: string | undefined;
  /** The training examples. */
  readonly train?: string | undefined;
  /** Of the task `ask`: the folder of text files that the questions are about. */
  readonly corpus?: string | undefined;
  /** The folder of the project file. */
  readonly folder: string;
}

/** Metrics between 0 and 1, of which two points are a usual margin. */
const SHARES = /^(acc|f1|exact_match|squad|mcc|rouge|recall)/;
const MARGIN = 0.02;

/**
 * The text of a new project file; what it names is checked first.
 *
 * @throws LecternError where the test set is missing or empty
 */
export async function initialProject(options: InitOptions): Promise<string> {
  const { goal, model, folder } = options;
  const isTask = options.test !== undefined && options.task === undefined && isTaskName(options.test);
  const task = isTask ? (options.test as string) : (options.task ?? "text-classification");
  const place = (path: string): string => placed(path, folder);
  const test = isTask || options.test === undefined ? {} : { test: place(options.test) };
  const prompt = options.prompt === undefined ? {} : { prompt: place(options.prompt) };
  const json = {
    goal,
    task: existsSync(task) ? place(task) : task,
    ...test,
    ...(options.train !== undefined && { train: place(options.train) }),
    ...(options.corpus !== undefined && { corpus: place(options.corpus) }),
    choice: { model: existsSync(resolve(model)) ? place(model) : model, ...prompt },
  };
  const project: Project = { path: join(folder, PROJECT_FILE), root: resolve(folder), file: parseProject(json) };
  if (test.test !== undefined) {
    check(existsSync(resolve(folder, test.test)), "file", () => `init: there is no test set ${options.test}`);
    check(
      /\.(csv|tsv|jsonl|json)(\.gz)?$/.test(test.test),
      "usage",
      () => `init: a test set is .csv, .tsv, .jsonl or .json; got ${options.test}`,
    );
    testRows({ ...project });
  }
  if (task === "ask") await readQuestions(resolve(folder, test.test ?? ""), corpusOf(project));
  const [metric] = (await metricNames(project, project.file.choice)) as [string];
  return written(json, metric, folder);
}

const isTaskName = (name: string): boolean =>
  [".yaml", ".yml"].includes(extname(name)) || (!existsSync(name) && bundledTasks().includes(name));

/** A path as the project file holds it: relative to its folder, unless it is elsewhere on this machine. */
function placed(path: string, folder: string): string {
  const own = relative(resolve(folder), resolve(path)).replaceAll("\\", "/");
  return isAbsolute(own) ? own : own.startsWith("..") ? own : `./${own}`;
}

function written(json: Readonly<Record<string, unknown>>, metric: string, folder: string): string {
  const schema = "./node_modules/lectern/docs/project.schema.json";
  const { choice, ...rest } = json;
  const margin = SHARES.test(metric) ? `, "margin": ${MARGIN}` : "";
  const lines = [
    ...(existsSync(resolve(folder, schema)) ? [`"$schema": "${schema}",`] : []),
    ...Object.entries(rest).map(([key, value]) => `"${key}": ${JSON.stringify(value)},`),
    `"gates": [{ "metric": "${metric}"${margin} }], // no worse than the baseline, which the first check records`,
    `"choice": ${JSON.stringify(choice).replaceAll('":', '": ').replaceAll(',"', ', "').replace("{", "{ ").replace("}", " }")}`,
  ];
  return `{\n${lines.map((line) => `  ${line}\n`).join("")}}\n`;
}
