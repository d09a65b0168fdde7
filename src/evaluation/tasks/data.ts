import { existsSync } from "node:fs";
import { dirname, isAbsolute, resolve } from "node:path";
import { parse } from "csv-parse/sync";
import { check, isObject, LecternError } from "../../common/index.ts";
import { readTextFile } from "../../files/node.ts";
import { Float } from "../../templates/index.ts";

/** One item of a data set: its fields by name. Numbers of a column with fractions are `Float`s. */
export type Doc = Readonly<Record<string, unknown>>;

/** The format of a data file, by the names of the `datasets` library. */
export type DataFormat = "json" | "csv" | "text";

/** How a data file is read. */
export interface DataOptions {
  /** Of JSON: the field that holds the items. */
  readonly field?: string | undefined;
  /** Of CSV: the character between two values; default a comma. */
  readonly delimiter?: string | undefined;
  /** Of CSV: the names of the columns; default the first line. */
  readonly columns?: readonly string[] | undefined;
  /** Lines at the beginning that are left out; default 0. */
  readonly skip?: number | undefined;
  /** Of text: a line, a paragraph or the whole file is an item; default `line`. */
  readonly sampleBy?: "line" | "paragraph" | "document" | undefined;
  /**
   * True: values are as they stand in the file. Cells of CSV are texts, and an item lacks the fields that its object lacks. Default
   * false: as pandas and Arrow read them for the `datasets` library.
   */
  readonly isPlain?: boolean | undefined;
}

/** The path of a data file: beside the file that names it, in the folders given, or below the working directory. */
export function locateData(path: string, namedBy: string, folders: readonly string[] = []): string {
  if (isAbsolute(path)) return path;
  const places = [dirname(namedBy), ...folders, "."].map((folder) => resolve(folder, path));
  const found = places.find((place) => existsSync(place));
  check(found, "file", () => `${namedBy}: the data file ${path} is in none of ${[...new Set(places)].join(", ")}`);
  return found;
}

/** The items of a data file, `.gz` included. */
export function readData(path: string, format: DataFormat, options: DataOptions = {}): Doc[] {
  const whole = readTextFile(path);
  const text = options.skip === undefined ? whole : whole.split("\n").slice(options.skip).join("\n");
  const docs = readers[format](text, path, options);
  check(docs.length > 0, "input", () => `${path}: the data set is empty`);
  return docs;
}

const readers: Readonly<Record<DataFormat, (text: string, path: string, options: DataOptions) => Doc[]>> = {
  json: readJson,
  csv: readCsv,
  text: (text, _, { sampleBy = "line" }) => {
    const plain = text.replaceAll(/\r\n?/g, "\n");
    if (plain === "") return [];
    if (sampleBy === "document") return [{ text: plain }];
    if (sampleBy === "paragraph")
      return plain.split(/\n\n+/).flatMap((part) => (part === "" ? [] : [{ text: part.replace(/\n$/, "") }]));
    return plain
      .replace(/\n$/, "")
      .split("\n")
      .map((line) => ({ text: line }));
  },
};

/** JSON: a list of objects, an object with such a list in a field, or one object a line. */
function readJson(text: string, path: string, { field, isPlain }: DataOptions): Doc[] {
  const whole = text.trimStart();
  const isWhole = field !== undefined || whole.startsWith("[");
  let values: unknown;
  if (isWhole) values = parseJson(whole, path);
  else
    values = text
      .split("\n")
      .flatMap((line, i) => (line.trim() === "" ? [] : [parseJson(line, `${path}, line ${i + 1}`)]));
  const items = field === undefined ? values : isObject(values) ? values[field] : undefined;
  check(
    Array.isArray(items) && items.every(isObject),
    "input",
    () =>
      `${path}: expected ${field === undefined ? "a list of objects, or one object a line" : `a list of objects in the field ${field}`}`,
  );
  return (isPlain ? items : unify(items)) as Doc[];
}

/** A number with a fraction or an exponent is marked, so that 1.0 stays one. */
const DECIMAL = /("(?:[^"\\]|\\.)*")|(-?\d+(?:\.\d+(?:[eE][-+]?\d+)?|[eE][-+]?\d+))/g;
const MARK = "\u0000float:";

function parseJson(text: string, place: string): unknown {
  const marked = text.replace(DECIMAL, (whole, string) =>
    string === undefined ? JSON.stringify(MARK + whole) : whole,
  );
  try {
    return JSON.parse(marked, (_, value: unknown) =>
      typeof value === "string" && value.startsWith(MARK) ? new Float(Number(value.slice(MARK.length))) : value,
    );
  } catch (cause) {
    throw new LecternError("input", `${place}: not JSON`, { cause });
  }
}

/** True for an object that is a record, not a number. */
const isRecord = (value: unknown): value is Record<string, unknown> => isObject(value) && !(value instanceof Float);

/**
 * Values of one column as Arrow stores them: every record has every field, None where it is missing, and whole
 * numbers beside numbers with fractions are such numbers, too.
 */
function unify(values: readonly unknown[]): unknown[] {
  if (values.some(isRecord)) {
    const names = [...new Set(values.flatMap((value) => (isRecord(value) ? Object.keys(value) : [])))];
    const columns = names.map((name) => unify(values.map((value) => (isRecord(value) ? (value[name] ?? null) : null))));
    return values.map((value, row) =>
      isRecord(value) ? Object.fromEntries(names.map((name, i) => [name, columns[i]?.[row]])) : value,
    );
  }
  if (values.some(Array.isArray)) {
    const flat = unify(values.flatMap((value) => (Array.isArray(value) ? value : [])));
    let at = 0;
    return values.map((value) => (Array.isArray(value) ? flat.slice(at, (at += value.length)) : value));
  }
  if (!values.some((value) => value instanceof Float)) return [...values];
  return values.map((value) => (typeof value === "number" ? new Float(value) : value));
}

/** Texts that pandas reads as missing values. */
const MISSING = new Set(
  " ,#N/A,#N/A N/A,#NA,-1.#IND,-1.#QNAN,-NaN,-nan,1.#IND,1.#QNAN,<NA>,N/A,NA,NULL,NaN,None,n/a,nan,null"
    .split(",")
    .map((text) => text.trim()),
);

/** CSV: texts, or with the column types that pandas infers. */
function readCsv(text: string, path: string, { delimiter = ",", columns, isPlain }: DataOptions): Doc[] {
  let rows: string[][];
  try {
    rows = parse(text, { delimiter, bom: true, skip_empty_lines: true, relax_quotes: true, relax_column_count: false });
  } catch (cause) {
    throw new LecternError("input", `${path}: not CSV: ${(cause as Error).message}`, { cause });
  }
  const names = columns ?? rows.shift() ?? [];
  const typed = names.map((_, column) => {
    const cells = rows.map((row) => row[column] ?? "");
    return isPlain ? cells : typedColumn(cells);
  });
  return rows.map((_, row) => Object.fromEntries(names.map((name, column) => [name, typed[column]?.[row]])));
}

function typedColumn(cells: readonly string[]): unknown[] {
  const present = cells.filter((cell) => !MISSING.has(cell));
  const isAll = (pattern: RegExp): boolean => present.length > 0 && present.every((cell) => pattern.test(cell));
  const read = (convert: (cell: string) => unknown): unknown[] =>
    cells.map((cell) => (MISSING.has(cell) ? null : convert(cell)));
  if (isAll(/^\s*[-+]?\d+\s*$/))
    return read(present.length < cells.length ? (cell) => new Float(Number(cell)) : Number);
  if (isAll(/^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/)) return read((cell) => new Float(Number(cell)));
  if (isAll(/^(true|false)$/i) && present.length === cells.length) return read((cell) => /^true$/i.test(cell));
  return read((cell) => cell);
}

/** An item as one text, equal for equal items. */
export function docKey(doc: Doc): string {
  return JSON.stringify(doc, (_, value: unknown) => (value instanceof Float ? { float: value.value } : value));
}

/** An item whose numbers are plain ones, as JSON has them. */
export function plainDoc(doc: Doc): Doc {
  const plain = (value: unknown): unknown => (value instanceof Float ? value.value : value);
  return JSON.parse(JSON.stringify(doc, (_, value: unknown) => plain(value))) as Doc;
}
