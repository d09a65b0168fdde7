import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { CsvError, parse } from "csv-parse/sync";
import { check, LecternError, nearest } from "../common/index.ts";

/** One example of a data set: its columns, and the line or row it stands in. */
export interface Example {
  readonly row: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A text file, which may be gzipped; a byte-order mark is left out. */
export async function readText(path: string): Promise<string> {
  const bytes = await readFile(path).catch((cause) => {
    throw new LecternError("file", `${path} cannot be read: ${(cause as Error).message}`, { cause });
  });
  const plain = path.endsWith(".gz")
    ? await promisify(gunzip)(bytes).catch((cause) => {
        throw new LecternError("file", `${path} is no gzip file, or is cut short: ${(cause as Error).message}`, {
          cause,
        });
      })
    : bytes;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(plain);
  } catch (cause) {
    throw new LecternError("file", `${path} is not UTF-8 text; save it as UTF-8`, { cause });
  }
}

/** Reads CSV, TSV, JSON lines or a list in JSON, by the file's name; gzipped or not. */
export async function readExamples(path: string): Promise<Example[]> {
  const text = await readText(path);
  const kind = /\.(csv|tsv|jsonl|json)(\.gz)?$/.exec(path)?.[1];
  const examples =
    kind === "csv" || kind === "tsv"
      ? readTable(path, text, kind === "csv" ? "," : "\t")
      : kind === "jsonl"
        ? readLines(path, text)
        : kind === "json"
          ? readList(path, text)
          : undefined;
  if (!examples)
    throw new LecternError("usage", `${path}: data is read from .csv, .tsv, .jsonl or .json, each also with .gz`);
  check(examples.length > 0, "input", () => `${path} holds no example`);
  return examples;
}

function readTable(path: string, text: string, delimiter: string): Example[] {
  try {
    const rows = parse(text, {
      delimiter,
      columns: true,
      bom: true,
      skip_empty_lines: true,
      info: true,
    }) as unknown as {
      record: Record<string, string>;
      info: { lines: number };
    }[];
    return rows.map(({ record, info }) => ({ row: info.lines, fields: record }));
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    const line = (cause as unknown as { lines?: number }).lines;
    const hint: Readonly<Record<string, string>> = {
      INVALID_OPENING_QUOTE:
        "a quote stands inside a field that does not begin with one; double it and quote the field",
      CSV_INVALID_CLOSING_QUOTE: "text follows a closing quote; double quotes that belong to the text",
      CSV_QUOTE_NOT_CLOSED: "a quote is opened and never closed",
      CSV_RECORD_INCONSISTENT_COLUMNS: "the row has more or fewer fields than the first; quote fields with commas",
    };
    const why = hint[cause.code] ?? cause.message;
    throw new LecternError("input", `${path}, line ${line ?? "?"}: ${why}`, { cause });
  }
}

function readLines(path: string, text: string): Example[] {
  return text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .flatMap((line, i) => (line.trim() === "" ? [] : [{ row: i + 1, fields: object(path, i + 1, line) }]));
}

function readList(path: string, text: string): Example[] {
  let list: unknown;
  try {
    list = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new LecternError("input", `${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
  check(Array.isArray(list), "input", () => `${path} must hold a list of objects`);
  return list.map((fields, i) => ({ row: i + 1, fields: fields as Record<string, unknown> }));
}

function object(path: string, row: number, line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new LecternError("input", `${path}, line ${row}: not JSON: ${(cause as Error).message}`, { cause });
  }
  throw new LecternError("input", `${path}, line ${row}: must be an object such as {"text": "…", "label": "…"}`);
}

/** A column as text; a column that is not there, or an empty field, is named with its row. */
export function textOf(path: string, { row, fields }: Example, column: string, mayBeEmpty = false): string {
  const value = fields[column];
  if (value === undefined) {
    const known = Object.keys(fields);
    throw new LecternError(
      "input",
      `${path}, row ${row}: there is no column ${column}; it has ${known.join(", ")}; did you mean ${nearest(column, known)}?`,
    );
  }
  const text =
    typeof value === "string"
      ? value
      : typeof value === "number" || typeof value === "boolean"
        ? `${value}`
        : undefined;
  check(
    text !== undefined,
    "input",
    () => `${path}, row ${row}: ${column} must be a text; came ${JSON.stringify(value)}`,
  );
  check(mayBeEmpty || text.trim() !== "", "input", () => `${path}, row ${row}: ${column} is empty`);
  return text;
}
