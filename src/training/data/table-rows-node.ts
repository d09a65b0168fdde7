import { Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { check, LecternError, ownEntry } from "../../common/index.ts";
import type { Example } from "./examples.ts";
import { linesOf } from "./lines.ts";
import { textPieces } from "./text-pieces-node.ts";

/** A row of a table has at most so many characters: the parser takes seconds for a file that is one long row. */
const LONGEST_ROW = 2 ** 22;

/** The message for an error of csv-parse. */
const csvFaults: Readonly<Record<string, string>> = {
  INVALID_OPENING_QUOTE: "a field that does not begin with a quote contains one; double it and quote the field",
  CSV_INVALID_CLOSING_QUOTE: "text follows a closing quote; double quotes that belong to the text",
  CSV_QUOTE_NOT_CLOSED: "a quote is opened in the row that begins here and never closed",
  CSV_RECORD_INCONSISTENT_COLUMNS: "the row has more or fewer fields than the first; quote fields with commas",
  CSV_MAX_RECORD_SIZE: `a row must have at most ${LONGEST_ROW} characters; got more; check its quotes and line ends`,
};

/** The rows of a CSV file, or of one with another separator. */
export async function* tableRows(path: string, usual: string): AsyncGenerator<Example> {
  let last = 1; // the line in which the last whole row ends
  const rows = Readable.from(textPieces(path)).compose(
    parse({
      delimiter: await delimiterOf(path, usual),
      columns: (header: string[]) => columnNames(path, header),
      bom: true,
      skip_empty_lines: true,
      info: true,
      max_record_size: LONGEST_ROW,
      on_record(row: { info: { lines: number } }) {
        last = row.info.lines;
        return row;
      },
    }),
  );
  try {
    for await (const each of rows) {
      const { record, info } = each as { record: Record<string, string>; info: { lines: number } };
      yield { row: info.lines, fields: record };
    }
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    const lines = "lines" in cause && typeof cause.lines === "number" ? cause.lines : last + 1;
    const why = ownEntry(csvFaults, cause.code) ?? cause.message;
    const line = cause.code === "CSV_QUOTE_NOT_CLOSED" ? last + 1 : lines;
    const begun =
      line > last + 1 && cause.code.includes("QUOTE")
        ? `; the row begins in line ${last + 1}, perhaps with a quote too many`
        : "";
    throw new LecternError("input", `${path}, line ${line}: ${why}${begun}`, { cause });
  }
}

/**
 * The separator of the header: spreadsheets of many countries write semicolons, and a table pasted from one has tabs.
 */
async function delimiterOf(path: string, usual: string): Promise<string> {
  if (usual !== ",") return usual;
  for await (const header of linesOf(textPieces(path)))
    return header.includes(usual) ? usual : ([";", "\t"].find((other) => header.includes(other)) ?? usual);
  return usual;
}

/** The names of a header, of which each may stand there once. */
function columnNames(path: string, header: readonly string[]): string[] {
  const names = header.map((name) => name.trim());
  const twice = names.find((name, i) => names.indexOf(name) < i);
  check(twice === undefined, "input", () => `${path}: the header names the column ${twice} twice; rename one`);
  return names;
}
