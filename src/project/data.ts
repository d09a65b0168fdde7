import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { check, isObject, LecternError, ownEntry, parseJson, shown } from "../common/index.ts";
import { type Doc, hashOf } from "../evaluation/node.ts";
import { readTextFile } from "../files/node.ts";
import { type Project, projectPath } from "./file.ts";

/** A row of a data file, with its number in the file. */
export interface DataRow {
  readonly row: number;
  readonly fields: Doc;
}

/** The rows of a file of the project, their columns by the task's names for them. */
export function readRows(project: Project, path: string): DataRow[] {
  const { columns = {}, task } = project.file;
  const whole = projectPath(project, path);
  return readTable(whole).map((doc, i) => {
    const fields: Record<string, unknown> = { ...doc };
    for (const [name, column] of Object.entries(columns)) {
      const value = ownEntry(fields, column);
      if (value === undefined)
        throw new LecternError(
          "input",
          `${whole}, row ${i + 1}: there is no column ${column}, which ${task} reads as ${name}; it has ${Object.keys(fields).join(", ")}`,
        );
      fields[name] = value;
    }
    return { row: i + 1, fields };
  });
}

/** The rows of a CSV, TSV, JSON or JSON lines file, gzipped or not; values of a table stay texts. */
function readTable(path: string): Doc[] {
  const kind = /\.(csv|tsv|jsonl|json)(\.gz)?$/.exec(path)?.[1];
  check(kind, "usage", () => `${path}: data is read from .csv, .tsv, .jsonl or .json, each also with .gz`);
  const rows = kind === "csv" || kind === "tsv" ? tableOf(path, kind) : objectsOf(path, kind);
  check(rows.length > 0, "input", () => `${path} holds no row`);
  for (const [i, row] of rows.entries())
    check(isObject(row), "input", () => `${path}, row ${i + 1}: expected an object of columns; got ${shown(row)}`);
  return rows as Doc[];
}

function tableOf(path: string, kind: "csv" | "tsv"): unknown[] {
  try {
    const delimiter = kind === "csv" ? "," : "\t";
    return parse(readTextFile(path), {
      delimiter,
      columns: (names: string[]) => uniqueNames(path, names),
      bom: true,
      skip_empty_lines: true,
      relax_quotes: true,
    });
  } catch (cause) {
    if (cause instanceof LecternError) throw cause;
    throw new LecternError("input", `${path}: not a table: ${(cause as Error).message}`, { cause });
  }
}

function uniqueNames(path: string, names: readonly string[]): string[] {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  check(twice === undefined, "input", () => `${path}: there are two columns ${twice}: name each once`);
  return [...names];
}

function objectsOf(path: string, kind: string): unknown[] {
  const text = readTextFile(path);
  if (kind === "json") {
    const list = parseJson(text, path, "input");
    check(Array.isArray(list), "input", () => `${path} must hold a list of objects`);
    return list;
  }
  return text
    .split("\n")
    .flatMap((line, i) => (line.trim() === "" ? [] : [parseJson(line, `${path}, line ${i + 1}`, "input")]));
}

/** The rows of the test set; with a limit, the first so many. */
export function testRows(project: Project): DataRow[] {
  const { test, limit } = project.file;
  check(
    test !== undefined,
    "config",
    () => `${project.path}: the task ${project.file.task} needs a test set: add "test": "FILE"`,
  );
  return readRows(project, test).slice(0, limit);
}

/** A test item that also stands in the training data. */
export interface Overlap {
  /** The row of the test set. */
  readonly test: number;
  /** The row of the training data. */
  readonly train: number;
}

/** Test items whose input also stands in the training data; case and spaces are left out of the comparison. */
export function overlaps(test: readonly DataRow[], train: readonly DataRow[], inputs: readonly string[]): Overlap[] {
  const key = ({ fields }: DataRow): string | undefined => {
    const texts = inputs.flatMap((name) => (fields[name] === undefined ? [] : [String(fields[name])]));
    if (texts.length === 0) return undefined;
    return texts.join("\n").toLowerCase().replaceAll(/\s+/g, " ").trim();
  };
  const known = new Map<string, number>();
  for (const row of train) {
    const own = key(row);
    if (own !== undefined && !known.has(own)) known.set(own, row.row);
  }
  return test.flatMap((row) => {
    const own = key(row);
    const found = own === undefined ? undefined : known.get(own);
    return found === undefined ? [] : [{ test: row.row, train: found }];
  });
}

/** A hash of a file's bytes. */
export function fileHash(path: string): string {
  try {
    return hashOf(readFileSync(path).toString("base64"));
  } catch (cause) {
    throw new LecternError("file", `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
