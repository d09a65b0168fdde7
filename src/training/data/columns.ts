import { closest, LecternError, ownEntry } from "../../common/index.ts";
import type { TrainingTaskName } from "../tasks/task-names.ts";
import { type Example, isTable } from "./examples.ts";

interface Columns {
  /** The columns that a row must have: all of one of these sets. */
  readonly needed: readonly (readonly string[])[];
  readonly optional: readonly string[];
}

const taskColumns: Readonly<Record<TrainingTaskName, Columns>> = {
  "text-classification": { needed: [["text", "label"]], optional: ["text2"] },
  "token-classification": { needed: [["tokens", "tags"]], optional: [] },
  "question-answering": {
    needed: [
      ["question", "context", "answer"],
      ["question", "context", "answers"],
    ],
    optional: ["answer_start"],
  },
  "fill-mask": { needed: [["text"]], optional: [] },
  "text-generation": { needed: [["text"], ["prompt", "completion"], ["messages"]], optional: [] },
  "text2text-generation": { needed: [["source", "target"]], optional: ["prefix"] },
  "sentence-similarity": { needed: [["text1", "text2"]], optional: [] },
  reward: { needed: [["chosen", "rejected"]], optional: ["prompt"] },
  preference: { needed: [["chosen", "rejected"]], optional: ["prompt"] },
};

/** The columns that a task reads, by its own names for them. */
export function columnsOf(task: TrainingTaskName): string[] {
  const { needed, optional } = taskColumns[task];
  return [...new Set([...needed.flat(), ...optional])];
}

/** Refuses data whose first row lacks a column that the task needs, and names the columns that there are. */
export function checkColumns(
  path: string,
  [first]: readonly Example[],
  task: TrainingTaskName,
  columns: Readonly<Record<string, string>> = {},
): void {
  const fields = Object.keys(first?.fields ?? {});
  const columnOf = (name: string): string => ownEntry(columns, name) ?? name;
  const ways = taskColumns[task].needed.map((names) => {
    const lacking = names.filter((name) => !fields.includes(columnOf(name)));
    return { lacking, found: names.length - lacking.length };
  });
  if (ways.some(({ lacking }) => lacking.length === 0)) return;
  const { lacking } = [...ways].sort((a, b) => b.found - a.found)[0] as (typeof ways)[number];
  const name = lacking[0] as string;
  const spare = fields.filter((field) => !columnsOf(task).map(columnOf).includes(field));
  const close = lacking.length === 1 && spare.length === 1 ? spare[0] : (closest(name, spare) ?? "…");
  const hint = spare.length === 0 ? "" : `; if it is another one, say so: --column ${name}=${close}`;
  const at = isTable(path) ? path : `${path}, row ${first?.row}`;
  throw new LecternError(
    "input",
    `${at}: there is no column ${columnOf(name)}; the columns are ${fields.join(", ")}${hint}`,
  );
}
