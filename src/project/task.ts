import { check, LecternError, ownEntry, suggestion } from "../common/index.ts";
import {
  type Answering,
  bundledTasks,
  hashOf,
  isGroup,
  leaves,
  loadTask,
  metricKey,
  metricUses,
  promptTask,
  type Response,
  type Task,
} from "../evaluation/node.ts";
import type { Model } from "../inference/index.ts";
import { classifyTexts } from "../pipelines/index.ts";
import { checkPrompt, type Prompt, rankExamples, type Values } from "../prompting/index.ts";
import { readPrompt } from "../prompting/node.ts";
import { filesOf } from "../retrieval/index.ts";
import { askMetrics } from "./ask-metrics.ts";
import { type DataRow, fileHash, readRows, testRows } from "./data.ts";
import { type Gate, type Project, projectPath, type Setup } from "./file.ts";

/** A project's task as `evaluate` runs it with a setup. */
export interface ProjectTask {
  readonly task: Task;
  /** The way in which a classification head answers; undefined for a model that scores or generates. */
  readonly answering: Answering | undefined;
}

/** The metrics of text classification where no gate names others. */
const CLASSIFICATION_METRICS: readonly string[] = ["acc", "f1_macro", "mcc", "ece"];

/** The kind of a project's task. */
export type TaskKind = "classification" | "prompt" | "evaluation" | "ask";

/**
 * The kind of task that a setup answers: by a classification head, by a prompt on the project's rows, questions about a folder, or a task
 * of `lectern eval`.
 */
export function kindOf(project: Project, { prompt, window, shots, reader }: Setup): TaskKind {
  const { task } = project.file;
  const isRows = ROW_TASKS.includes(task);
  const kind = !isRows
    ? task === "ask"
      ? "ask"
      : "evaluation"
    : prompt !== undefined || task === "text-generation"
      ? "prompt"
      : "classification";
  const fault = (message: string): LecternError => new LecternError("config", `${project.path}: ${message}`);
  if (kind !== "ask" && reader !== undefined) throw fault("choice: a reader answers from passages, in the task ask");
  if (kind === "ask" && (prompt ?? shots) !== undefined)
    throw fault("choice: the task ask has its own prompt and no shots; leave both out");
  if (task === "text-generation" && prompt === undefined)
    throw fault("choice: the task text-generation needs a prompt: a file as `lectern prompt` reads it");
  if (kind === "evaluation" && prompt !== undefined)
    throw fault(
      `choice: the task ${task} brings its own prompt; leave prompt out, or take text-classification or text-generation`,
    );
  if (kind === "classification" && shots !== undefined)
    throw fault(
      "choice: a classification head reads no examples; leave shots out, or add a prompt for a model that generates",
    );
  if (kind !== "classification" && window !== undefined)
    throw fault("choice: window is for a classification head; other models read whole prompts");
  return kind;
}

/** The prompt of a setup. @throws LecternError for an error that `lectern prompt check` finds */
export async function promptOf(project: Project, { prompt }: Setup): Promise<Prompt> {
  const path = projectPath(project, prompt as string);
  const read = await readPrompt(path);
  const fault = checkPrompt(read).find(({ severity }) => severity === "error");
  check(fault === undefined, "input", () => `${path}: ${fault?.message} (${fault?.rule})`);
  return read;
}

/** The tasks whose test set is rows of text. */
const ROW_TASKS = ["text-classification", "text-generation"];

/** The task of `lectern eval` that a project names, with the project's test set where it has one. */
export function evaluationTask(project: Project): Task {
  const { task: name, test, limit } = project.file;
  const beside = projectPath(project, name);
  const options = test === undefined ? {} : { dataFile: projectPath(project, test) };
  const isFile = /\.(ya?ml|json)$/.test(name);
  if (!isFile) {
    const all = [...ROW_TASKS, "ask", ...bundledTasks()];
    check(
      all.includes(name),
      "config",
      () => `${project.path}: task: there is no task ${name}${suggestion(name, all)}`,
    );
  }
  const found = loadTask(isFile ? beside : name, options);
  const [task, ...others] = leaves(found);
  check(
    task && !isGroup(found) && others.length === 0,
    "config",
    () => `${project.path}: ${name} is a group of tasks; a project has one: name a member`,
  );
  return limit === undefined ? task : { ...task, docs: task.docs.slice(0, limit) };
}

const gateMetrics = ({ gates }: Project["file"]): string[] =>
  gates.flatMap((gate: Gate) => ("metric" in gate ? [gate.metric] : []));

/** The names of the metrics that a project's task has, with those that its gates ask for. @throws for a gate's metric that it lacks */
export async function metricNames(project: Project, setup: Setup): Promise<string[]> {
  const asked = gateMetrics(project.file);
  const kind = kindOf(project, setup);
  if (kind === "ask") return askMetrics(project, setup, asked);
  if (kind === "evaluation") {
    const task = evaluationTask(project);
    const names = task.filters.flatMap(({ name: filter }) => task.metrics.map(({ name }) => metricKey(name, filter)));
    for (const name of asked)
      check(
        names.includes(name),
        "config",
        () => `${project.path}: gates: the task ${project.file.task} has no metric ${name}${suggestion(name, names)}`,
      );
    return names;
  }
  const isChoice = kind === "classification" || hasLabels(await promptOf(project, setup));
  const defaults = isChoice ? CLASSIFICATION_METRICS : ["exact_match"];
  const names = [...new Set([...defaults, ...asked])];
  metricUsesOf(project, names, isChoice ? "multiple_choice" : "generate_until");
  return names;
}

function metricUsesOf({ path, file }: Project, names: readonly string[], output: Task["output"]): Task["metrics"] {
  return metricUses(
    names.map((metric) => ({ metric })),
    output,
    `${path}: gates: task ${file.task}`,
  );
}

/** True if the answer of a prompt is one of an enum. */
function hasLabels(prompt: Prompt): boolean {
  const asked = new Set([...prompt.reads("template"), ...prompt.reads("instruction")]);
  const [name, ...others] = prompt.reads("answer").filter((variable) => !asked.has(variable));
  return name !== undefined && others.length === 0 && prompt.variables.get(name)?.enum !== undefined;
}

/** The folder that the questions of the task `ask` are about. */
export function corpusOf(project: Project): string {
  const { corpus } = project.file;
  check(
    corpus !== undefined,
    "config",
    () => `${project.path}: the task ask needs the folder that questions are about: add "corpus": "FOLDER"`,
  );
  return projectPath(project, corpus);
}

/** A hash of the text files of the corpus. */
export async function corpusHash(project: Project): Promise<string> {
  const files: string[] = [];
  for await (const { path, digest } of filesOf(corpusOf(project), {}, () => {})) files.push(path, digest);
  return hashOf(files);
}

/** The task with the model that answers it. */
export async function openTask(project: Project, setup: Setup, model: Model): Promise<ProjectTask> {
  const kind = kindOf(project, setup);
  const names = await metricNames(project, setup);
  if (kind === "evaluation") return { task: evaluationTask(project), answering: undefined };
  check(kind !== "ask", "config", () => `${project.path}: the task ask has no task of its own: use openAsk`);
  if (kind === "prompt") return { task: await promptedTask(project, setup, model, names), answering: undefined };
  return classification(project, setup, model, names);
}

async function promptedTask(project: Project, setup: Setup, model: Model, names: readonly string[]): Promise<Task> {
  const prompt = await promptOf(project, setup);
  const rows = testRows(project).map(({ fields }) => fields as Values);
  const { tokenizer } = model;
  const task = promptTask(prompt, { rows, examples: await examplesOf(project, setup, prompt), tokenizer });
  return { ...task, metrics: metricUsesOf(project, names, task.output) };
}

/** The examples before each question: the classes of the training data in turn, drawn by seed 0. */
export async function examplesOf(project: Project, { shots = 0 }: Setup, prompt: Prompt): Promise<Values[]> {
  if (shots === 0) return [];
  const { train } = project.file;
  check(
    train !== undefined,
    "config",
    () => `${project.path}: shots ${shots} need training examples: add "train": "FILE"`,
  );
  const rows = readRows(project, train).map(({ fields }) => prompt.pick(fields as Values));
  const answers = rows.map((row) => prompt.example(row).answer);
  const order = await rankExamples("balanced", { items: answers, answers, question: "" }, { count: shots, seed: 0 });
  return order.map((i) => rows[i] as Values);
}

/** Rows of text and label as a task with choices, answered by a classification head. */
function classification(project: Project, setup: Setup, model: Model, names: readonly string[]): ProjectTask {
  const labels = labelsOf(model);
  const rows = testRows(project);
  const docs = rows.map((row) => docOf(project, row, labels));
  const text = (doc: Values): string => String(doc.text);
  const writing: Task["item"] = {
    text: (doc) => text(doc as Values),
    target: (doc) => labels.indexOf(String(doc.label)),
    choices: () => labels,
    prefix: () => "",
    targetDelimiter: "",
  };
  const task: Task = {
    name: "text-classification",
    path: projectPath(project, project.file.test as string),
    output: "multiple_choice",
    docs,
    pool: [],
    sampler: "default",
    excludesDoc: false,
    item: writing,
    example: writing,
    fewshotDelimiter: "",
    description: () => "",
    shots: 0,
    generation: undefined,
    repeats: 1,
    filters: [{ name: "none", apply: ([answer = ""]) => answer }],
    metrics: metricUsesOf(project, names, "multiple_choice"),
    contentFree: [],
    resamples: 1000,
    warnings: [],
  };
  return { task, answering: headAnswering(setup, labels) };
}

function headAnswering({ window }: Setup, labels: readonly string[]): Answering {
  return {
    name: `classification head, window ${window ?? "whole"}`,
    async respond(model, items, { batchSize, signal }): Promise<Response[]> {
      const inputs = items.map(({ doc }) =>
        doc.text2 === undefined ? String(doc.text) : { text: String(doc.text), textPair: String(doc.text2) },
      );
      const all = await classifyTexts(model, inputs, { batchSize, window, signal });
      return all.map((scores) => {
        const by = new Map(scores.map(({ label, score }) => [label, score]));
        return {
          scores: labels.map((label) => ({
            logLikelihood: Math.log(Math.max(Number.MIN_VALUE, by.get(label) as number)),
            isGreedy: false,
            tokens: 1,
          })),
        };
      });
    },
  };
}

/** A row as the item that is asked: its text, and the label by the model's name for it. */
function docOf(project: Project, { row, fields }: DataRow, labels: readonly string[]): Task["docs"][number] {
  const { text, text2, label } = fields;
  const place = `${project.file.test}, row ${row}`;
  const columns = Object.keys(fields).join(", ");
  for (const [name, value] of [
    ["text", text],
    ["label", label],
  ] as const)
    check(
      value !== undefined && value !== null && value !== "",
      "input",
      () =>
        `${place}: there is no ${name}; the columns are ${columns}; other names go to "columns" of the project file`,
    );
  const own = ownEntry(project.file.labels ?? {}, String(label)) ?? String(label);
  const known = labels.includes(own) ? own : /^\d+$/.test(own) ? labels[Number(own)] : undefined;
  check(
    known !== undefined,
    "input",
    () =>
      `${place}: the model has no label ${own}; its labels are ${labels.join(", ")}; other names go to "labels" of the project file`,
  );
  return { text, ...(text2 !== undefined && { text2 }), label: known };
}

/** The labels of a classification head, in the order of its classes. */
function labelsOf({ config, location }: Model): string[] {
  const entries = Object.entries((config.id2label ?? {}) as Record<string, unknown>);
  check(
    entries.length > 1,
    "config",
    () =>
      `${location}: config.json names no labels (id2label); text-classification needs a model with a classification head, or a prompt`,
  );
  return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, label]) => String(label));
}

/** The inputs of evidence that a project's task is made of. */
export interface TaskHashes {
  /** The items that are asked. */
  readonly data: string;
  /** The task itself: its file, or its name with the columns that it reads. */
  readonly task: string;
  readonly metrics: string;
  readonly prompt: string;
  /** The examples before each question. */
  readonly examples: string;
}

const NONE = "none";

/** The hashes of a project's task with a setup. */
export async function taskHashes(project: Project, setup: Setup): Promise<TaskHashes> {
  const { task: name, columns = {}, labels = {} } = project.file;
  const kind = kindOf(project, setup);
  const metrics = (await metricNames(project, setup)).toSorted().join(", ");
  if (kind === "evaluation") {
    const { docs, pool, shots, path } = evaluationTask(project);
    const count = setup.shots ?? shots;
    const examples = count === 0 ? NONE : hashOf([count, pool]);
    return { data: hashOf(docs), task: hashOf([name, fileHash(path)]), metrics, prompt: NONE, examples };
  }
  const data = hashOf(testRows(project).map(({ fields }) => fields));
  const task = hashOf([name, columns, labels]);
  if (kind === "classification" || kind === "ask") return { data, task, metrics, prompt: NONE, examples: NONE };
  const prompt = await promptOf(project, setup);
  const examples = await examplesOf(project, setup, prompt);
  const own = examples.length === 0 ? NONE : hashOf(examples);
  return { data, task, metrics, prompt: hashOf(prompt.definition), examples: own };
}
