import { tableRows, textPieces } from "#data";
import { check, didYouMean, isObject, LecternError, ownEntry, parseJson, shown } from "../../common/index.ts";
import { linesOf } from "./lines.ts";

/** One example of a data set: its columns, and the line or row it stands in. */
export interface Example {
  /** The row in the file, for error messages. */
  readonly row: number;
  /** The columns by name. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Examples in memory, or made on the way: each an object of columns. */
export type Rows = Iterable<object> | AsyncIterable<object>;

/** A text file, which may be gzipped; a byte-order mark is left out. */
export async function readText(path: string): Promise<string> {
  const pieces: string[] = [];
  for await (const piece of textPieces(path)) pieces.push(piece);
  return pieces.join("");
}

/** The placeholder of a path in messages about rows that no file holds. */
export const nameOf = (data: string | Rows): string => (typeof data === "string" ? data : "data");

/** Examples of a file, by its name CSV, TSV, JSON lines or a list in JSON, gzipped or not; or those that are given. */
export async function readExamples(data: string | Rows): Promise<Example[]> {
  const examples: Example[] = [];
  for await (const example of exampleRows(data)) examples.push(example);
  check(examples.length > 0, "input", () => `${nameOf(data)} holds no example`);
  return examples;
}

/** The examples one by one; a file is read as they are taken, and need not fit into memory (but for .json). */
export function exampleRows(data: string | Rows): AsyncGenerator<Example> {
  if (typeof data !== "string") return givenRows(data);
  const kind = /\.(csv|tsv|jsonl|json)(\.gz)?$/.exec(data)?.[1];
  if (kind === "csv") return tableRows(data, ",");
  if (kind === "tsv") return tableRows(data, "\t");
  if (kind === "jsonl") return lineRows(data);
  if (kind === "json") return listRows(data);
  throw new LecternError("usage", `${data}: data is read from .csv, .tsv, .jsonl or .json, each also with .gz`);
}

const AS_OBJECT = 'must be an object such as {"text": "…", "label": "…"}';

/** True if all rows of a file have the columns of its first line. */
export const isTable = (path: string): boolean => /\.(csv|tsv)(\.gz)?$/.test(path);

async function* givenRows(rows: Rows): AsyncGenerator<Example> {
  let row = 0;
  for await (const fields of rows) {
    row++;
    check(isObject(fields), "input", () => `data, row ${row}: ${AS_OBJECT}`);
    yield { row, fields };
  }
}

async function* lineRows(path: string): AsyncGenerator<Example> {
  let row = 0;
  for await (const line of linesOf(textPieces(path))) {
    row++;
    if (line.trim() !== "") yield { row, fields: object(path, row, line) };
  }
}

async function* listRows(path: string): AsyncGenerator<Example> {
  const list = parseJson(await readText(path), path, "input");
  check(Array.isArray(list), "input", () => `${path} must hold a list of objects`);
  for (const [i, fields] of list.entries()) {
    check(isObject(fields), "input", () => `${path}, row ${i + 1}: ${AS_OBJECT}; got ${shown(fields)}`);
    yield { row: i + 1, fields };
  }
}

function object(path: string, row: number, line: string): Record<string, unknown> {
  const value = parseJson(line, `${path}, line ${row}`, "input");
  if (isObject(value)) return value;
  throw new LecternError("input", `${path}, line ${row}: ${AS_OBJECT}`);
}

/** The value of a column; undefined where there is none, whatever it is called. */
export const fieldOf = ({ fields }: Example, column: string): unknown => ownEntry(fields, column);

/** A column as text; a column that is not there, or an empty field, is named with its row. */
export function textOf(path: string, example: Example, column: string, mayBeEmpty = false): string {
  const { row, fields } = example;
  const value = fieldOf(example, column);
  if (value === undefined) {
    const known = Object.keys(fields);
    throw new LecternError(
      "input",
      `${path}, row ${row}: there is no column ${column}; it has ${known.join(", ")}${didYouMean(column, known)}`,
    );
  }
  const text =
    typeof value === "string"
      ? value
      : typeof value === "number" || typeof value === "boolean"
        ? `${value}`
        : undefined;
  check(text !== undefined, "input", () => `${path}, row ${row}: ${column} must be a text; got ${shown(value)}`);
  check(mayBeEmpty || text.trim() !== "", "input", () => `${path}, row ${row}: ${column} is empty`);
  return text;
}
