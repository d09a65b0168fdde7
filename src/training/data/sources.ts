import { z } from "zod";
import { namesIn, textPieces } from "#data";
import { check, LecternError, ownEntry } from "../../common/index.ts";
import { joinPath } from "../../files/index.ts";
import { type Example, readExamples } from "./examples.ts";
import { linesOf } from "./lines.ts";

/** A regular expression in a recipe. @param flags those that it is used with; "u" also needs named groups */
export function regularExpression(flags: "" | "u"): z.ZodString {
  return z.string().superRefine((text, context) => {
    const refuse = (message: string): void => context.addIssue({ code: "custom", message });
    try {
      new RegExp(text, flags);
    } catch (cause) {
      return refuse(`is not a regular expression: ${(cause as Error).message}`);
    }
    if (flags === "u" && !/\(\?<[^=!]/.test(text)) refuse("has no named groups, which name the columns: (?<text>.*)");
  });
}

/** The path of a recipe's examples or texts, below its data directory. */
export const sourceSchema = z.union([
  z.strictObject({
    file: z.string().describe(".csv, .tsv, .jsonl, .json; with a pattern any text file; also with .gz"),
    pattern: regularExpression("u")
      .optional()
      .describe("a regular expression whose named groups are the columns of a line"),
    values: z
      .record(z.string(), z.record(z.string(), z.string()))
      .optional()
      .describe("what a column's values are called instead"),
    fields: z.record(z.string(), z.string()).optional().describe("columns that are the same in each row"),
  }),
  z.strictObject({
    lines: z.record(z.string(), z.string()).describe("for each column a text file; line n of each makes row n"),
    fields: z.record(z.string(), z.string()).optional(),
  }),
]);
/** One entry of a recipe's examples: a table, a text file with a pattern, or parallel text files. */
export type Source = z.infer<typeof sourceSchema>;

/** The files that a source reads. */
export function filesOf(source: Source): string[] {
  return "file" in source ? [source.file] : Object.values(source.lines);
}

/** The rows of sources, one source after the other. */
export async function readSources(directory: string, sources: readonly Source[]): Promise<Example[]> {
  const all: Example[] = [];
  for (const source of sources) all.push(...(await readSource(directory, source)));
  return all;
}

/** Rows without those whose columns of these names all stand in a row that is held out. */
export function withoutHeldOut(
  rows: readonly Example[],
  heldOut: readonly Example[],
  columns: readonly string[],
): Example[] {
  const key = ({ fields }: Example): string => JSON.stringify(columns.map((name) => fields[name]));
  const known = new Set(heldOut.map(key));
  return rows.filter((row) => !known.has(key(row)));
}

async function readSource(directory: string, source: Source): Promise<Example[]> {
  const examples =
    "lines" in source
      ? await parallelRows(directory, source.lines)
      : source.pattern === undefined
        ? await readExamples(joinPath(directory, source.file))
        : await matchedRows(joinPath(directory, source.file), source.pattern);
  const values = "values" in source ? (source.values ?? {}) : {};
  const renamed = (name: string, value: unknown): unknown => {
    const isPlain = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
    return isPlain ? (ownEntry(ownEntry(values, name) ?? {}, `${value}`) ?? value) : value;
  };
  return examples.map(({ row, fields }) => ({
    row,
    fields: {
      ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, renamed(name, value)])),
      ...source.fields,
    },
  }));
}

async function readLines(path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(textPieces(path))) lines.push(line);
  return lines;
}

/** Line n of each file makes row n. */
async function parallelRows(directory: string, files: Readonly<Record<string, string>>): Promise<Example[]> {
  const columns: [string, string[]][] = [];
  for (const [name, file] of Object.entries(files)) columns.push([name, await readLines(joinPath(directory, file))]);
  const count = columns[0]?.[1].length ?? 0;
  for (const [name, lines] of columns)
    check(
      lines.length === count,
      "input",
      () =>
        `${files[name]} has ${lines.length} lines, ${Object.values(files)[0]} has ${count}; they must run side by side`,
    );
  return Array.from({ length: count }, (_, i) => ({
    row: i + 1,
    fields: Object.fromEntries(columns.map(([name, lines]) => [name, lines[i] as string])),
  }));
}

/** Lines cut by a pattern; one that does not match is named. */
async function matchedRows(path: string, pattern: string): Promise<Example[]> {
  const expression = new RegExp(pattern, "u");
  return (await readLines(path)).map((line, i) => {
    const groups = expression.exec(line)?.groups;
    if (!groups)
      throw new LecternError("input", `${path}, line ${i + 1}: ${JSON.stringify(line)} does not match ${pattern}`);
    return { row: i + 1, fields: { ...groups } };
  });
}

/** The files below a directory that patterns name; `*` stands for anything within a name. Sorted, each once. */
export async function matchingFiles(directory: string, patterns: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const at = pattern.lastIndexOf("/");
    const [folder, last] = [at < 0 ? "." : pattern.slice(0, at), pattern.slice(at + 1)];
    const names = await namesIn(joinPath(directory, folder), last);
    const escaped = last.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*");
    const expression = new RegExp(`^${escaped}$`, "u");
    for (const name of names) if (expression.test(name)) found.add(joinPath(folder, name));
  }
  return [...found].sort();
}
