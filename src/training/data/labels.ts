import { check, LecternError, shown } from "../../common/index.ts";
import { classesOf, type Json } from "../../inference/index.ts";
import type { TrainingTaskName } from "../tasks/task-names.ts";
import { type Example, fieldOf, textOf } from "./examples.ts";

/** The source of examples, for messages, and the column of their labels. */
export interface LabelSource {
  readonly path: string;
  readonly task: TrainingTaskName;
  readonly column: string;
}

/** Examples whose labels are names of classes, and the classes in the order of their ids. */
export interface LabelledData {
  readonly examples: readonly Example[];
  readonly held: readonly Example[] | undefined;
  readonly labels: readonly string[];
}

/** The classes of a model's head, by id; undefined where it has none of this kind. */
export function headLabels(json: Json, ending: string | undefined): string[] | undefined {
  const [architecture = ""] = (json.architectures ?? []) as string[];
  if (ending === undefined || !architecture.endsWith(ending)) return undefined;
  return classesOf(json);
}

/**
 * The classes that examples name. Where the model's head has them all, it stays as it is: its rows belong to its own
 * names, in its own order. Numbers from 0 name the classes of a head that has as many.
 */
export function nameLabels(
  given: { readonly examples: readonly Example[]; readonly held: readonly Example[] | undefined },
  source: LabelSource & { readonly heldPath: string },
  own: readonly string[] | undefined,
): LabelledData {
  if (source.task !== "text-classification" && source.task !== "token-classification") return { ...given, labels: [] };
  const examples = given.examples.map((example) => withTexts(example, source));
  const held = given.held?.map((example) => withTexts(example, { ...source, path: source.heldPath }));
  const found = countLabels(examples, held ?? [], source);
  const byNumber = own?.length === found.length && found.every((label, id) => label === `${id}`) ? own : undefined;
  const labels = byNumber ?? (own && found.every((label) => own.includes(label)) ? own : found);
  const known = new Set(byNumber ? found : labels);
  for (const example of held ?? []) checkKnown(example, known, { ...source, path: source.heldPath });
  const named = (rows: readonly Example[]): Example[] =>
    byNumber ? rows.map((row) => mapped(row, source.column, (label) => byNumber[Number(label)] as string)) : [...rows];
  return { examples: named(examples), held: held && named(held), labels };
}

/** An example whose labels are texts without spaces around them. */
function withTexts(example: Example, { path, task, column }: LabelSource): Example {
  const { row, fields } = example;
  if (task === "text-classification")
    return { row, fields: { ...fields, [column]: textOf(path, example, column).trim() } };
  const tags = fieldOf(example, column);
  if (tags === undefined) textOf(path, example, column);
  check(Array.isArray(tags), "input", () => `${path}, row ${row}: ${column} must be a list of texts`);
  const texts = tags.map((tag: unknown): string => {
    if (typeof tag === "string" || Number.isInteger(tag)) return `${tag}`.trim();
    throw new LecternError(
      "input",
      `${path}, row ${row}: ${column} must be a list of texts or whole numbers; got ${shown(tag)} in it`,
    );
  });
  return { row, fields: { ...fields, [column]: texts } };
}

const labelsOf = ({ fields }: Example, column: string): string[] => [fields[column] as string | string[]].flat();

function mapped({ row, fields }: Example, column: string, name: (label: string) => string): Example {
  const value = fields[column] as string | string[];
  return { row, fields: { ...fields, [column]: typeof value === "string" ? name(value) : value.map(name) } };
}

function checkKnown(example: Example, known: ReadonlySet<string>, { path, column }: LabelSource): void {
  const other = labelsOf(example, column).find((label) => !known.has(label));
  check(
    other === undefined,
    "input",
    () => `${path}, row ${example.row}: the label ${other} is not among the training labels ${[...known].join(", ")}`,
  );
}

/** The labels of training examples, in order; too few, or one that stands in one row alone, is named. */
function countLabels(
  examples: readonly Example[],
  held: readonly Example[],
  { path, column }: LabelSource,
): readonly string[] {
  const counts = new Map<string, number>();
  for (const label of examples.flatMap((example) => labelsOf(example, column)))
    counts.set(label, (counts.get(label) ?? 0) + 1);
  const labels = [...counts.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  check(labels.length > 1, "input", () => `${path}: expected at least two labels; got ${labels[0]} in all rows`);
  const measured = new Set(held.flatMap((example) => labelsOf(example, column)));
  const lonely = labels.find((label) => counts.get(label) === 1 && !measured.has(label));
  check(
    lonely === undefined,
    "input",
    () =>
      `${path}: each label needs at least two rows, to train and to evaluate; got one row of ${lonely}; add rows or drop it`,
  );
  check(labels.length <= 1000, "input", () => `${path}: ${labels.length} different labels; is the label column right?`);
  return labels;
}
