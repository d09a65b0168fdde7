import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type ParseError, parse, printParseErrorCode } from "jsonc-parser";
import { z } from "zod";
import { check, LecternError } from "../common/index.ts";
import { parseWith } from "../common/schemas/index.ts";

/** The name of the project file. */
export const PROJECT_FILE = "lectern.project.json";

/** The folder of derived files, beside the project file. */
export const EVIDENCE_FOLDER = ".lectern";

const text = z.string().min(1);
const count = z.int().min(1);

const setupFields = {
  model: text.describe(
    "a bundled model's name, a directory, a .gguf file, or owner/name on the Hugging Face Hub; of the task ask, the sentence encoder that finds passages, or bm25",
  ),
  reader: text.optional().describe("of the task ask: the model that answers from passages"),
  revision: text.optional().describe("a branch, tag or commit of a Hub model"),
  adapter: text.optional().describe("the directory of a LoRA adapter of this model"),
  prompt: text.optional().describe("a prompt file, for a model that generates"),
  shots: z.int().min(0).optional().describe("examples before each question; with a prompt they come from train"),
  precision: z.enum(["float32", "int8", "int4", "auto"]).optional(),
  threads: count.optional().describe("threads that compute; default one for each core"),
  batchSize: count.optional().describe("texts computed at once"),
  window: count.optional().describe("tokens of a text at most; what is longer is cut at its end"),
};

const setupSchema = z.strictObject(setupFields);

const gateSchema = z.union([
  z
    .strictObject({
      metric: text.describe("a metric of the task, such as acc"),
      margin: z.number().min(0).optional().describe("how much worse than the baseline it may be, in the metric's unit"),
      min: z.number().optional().describe("the smallest value that passes"),
      max: z.number().optional().describe("the largest value that passes"),
    })
    .describe("a metric against the baseline (margin), against a bound (min, max), or both; alone: margin 0"),
  z
    .strictObject({ latencyMs: z.number().positive() })
    .describe("the median time of one item, in milliseconds, at most"),
  z.strictObject({ memoryMB: z.number().positive() }).describe("the peak memory of the process, in 10⁶ bytes, at most"),
  z
    .strictObject({ licence: z.array(text).min(1) })
    .describe("the licences that a model may have, by their names on the Hub, such as apache-2.0"),
]);

const projectSchema = z.strictObject({
  $schema: z.string().optional(),
  goal: text.describe("the goal in a sentence"),
  task: text.describe(
    "text-classification, text-generation, ask (questions about a folder), or a task of `lectern eval`: a file or a bundled name",
  ),
  corpus: text.optional().describe("of the task ask: the folder of text files that the questions are about"),
  test: text
    .optional()
    .describe("the test set: JSON, JSON lines, CSV or TSV; of a task of `lectern eval`, in place of its data"),
  train: text.optional().describe("the training examples, from which shots are drawn"),
  dataLicence: text.optional().describe("the licence of the data, for the card"),
  columns: z.record(z.string(), z.string()).optional().describe("the columns of the data, such as { text: review }"),
  labels: z
    .record(z.string(), z.string())
    .optional()
    .describe("the model's label for a label of the data, such as { good: positive }"),
  limit: count.optional().describe("the first so many items of the test set"),
  gates: z.array(gateSchema).default([]),
  candidates: z
    .array(z.union([text, setupSchema]))
    .default([])
    .describe("models that may be chosen instead"),
  choice: setupSchema.describe("the current choice"),
  decisions: z
    .array(z.strictObject({ date: z.iso.date(), decision: text, reason: text }))
    .default([])
    .describe("what was decided, when, and why"),
});

/** A model with everything that its answers and its speed depend on. */
export type Setup = z.infer<typeof setupSchema>;

/** A condition that `check` tests. */
export type Gate = z.infer<typeof gateSchema>;

/** The contents of a project file. */
export type ProjectFile = z.infer<typeof projectSchema>;

/** A project file that was read, with its place. */
export interface Project {
  /** The absolute path of the file. */
  readonly path: string;
  /** The folder that its relative paths start from. */
  readonly root: string;
  readonly file: ProjectFile;
}

/** The project file's JSON schema, for editors. */
export function projectJsonSchema(): object {
  return z.toJSONSchema(projectSchema, { io: "input" });
}

/**
 * Reads a project file; comments and trailing commas are allowed.
 *
 * @param where the file, its folder, or a folder below it
 * @throws LecternError with line and column where it is not JSON, with the key where a value does not fit
 */
export function readProject(where = "."): Project {
  const path = findProject(resolve(where));
  const source = readText(path);
  const errors: ParseError[] = [];
  const json: unknown = parse(source, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first)
    throw new LecternError(
      "config",
      `${path}, ${placeOf(source, first.offset)}: not JSON: ${printParseErrorCode(first.error)}`,
    );
  return { path, root: dirname(path), file: parseProject(json, path) };
}

/** Checks the contents of a project file. @param what its name in messages */
export function parseProject(json: unknown, what: string = PROJECT_FILE): ProjectFile {
  return parseWith<unknown>(projectSchema, json, what) as ProjectFile;
}

/** The file itself, or the nearest one upwards from a folder. */
function findProject(where: string): string {
  if (existsSync(where) && statSync(where).isFile()) return where;
  for (let at = where; ; at = dirname(at)) {
    const path = join(at, PROJECT_FILE);
    if (existsSync(path)) return path;
    check(
      dirname(at) !== at,
      "file",
      () => `there is no ${PROJECT_FILE} in ${where} or above it: lectern project init writes one`,
    );
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").replace(/^\uFEFF/, "");
  } catch (cause) {
    throw new LecternError("file", `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function placeOf(source: string, offset: number): string {
  const before = source.slice(0, offset).split("\n");
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

/**
 * A model's name as loaders take it: one that is written as a path (`./models/mine`, `../base.gguf`), or that is there
 * beside the project file, becomes absolute, so that a project works from every folder and after it was moved.
 */
export function modelLocation({ root }: Pick<Project, "root">, name: string): string {
  const beside = resolve(root, name);
  return /^\.{1,2}[\\/]/.test(name) || existsSync(beside) ? beside : name;
}

/** A file of the project: relative paths start from the project file's folder. */
export const projectPath = ({ root }: Pick<Project, "root">, path: string): string => resolve(root, path);
