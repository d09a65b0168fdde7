import { check, didYouMean, LecternError, ownEntry } from "../../common/index.ts";
import type { Architecture } from "../../families/index.ts";
import { reshape, slice, type Value } from "../../graph/index.ts";
import type { ForwardGraph } from "../../inference/index.ts";
import { argmax, type HostTensor } from "../../tensor/index.ts";
import type { Tokenizer } from "../../tokenizers/index.ts";
import { padRows } from "../data/collators.ts";
import type { Example } from "../data/examples.ts";
import { crossEntropy, type PreferenceOptions } from "../objectives/losses.ts";
import type { Batch } from "../run/step-graph.ts";
import type { ExampleTaskOptions, Measured } from "./example-task.ts";

/** The context of a task: data and model. */
export interface TaskContext {
  readonly path: string;
  readonly tokenizer: Tokenizer;
  readonly architecture: Architecture;
  /** Tokens of a row at most; longer ones are cut. */
  readonly maxLength: number;
  /** Tokens that windows of a long context repeat of each other; default 128. */
  readonly docStride?: number | undefined;
  /** The classes, in the order of their ids. */
  readonly labels: readonly string[];
  /** The columns that are read; each task has its own names, and these take precedence. */
  readonly columns: Readonly<Record<string, string>>;
  readonly labelSmoothing: number;
  readonly classWeights: readonly number[] | undefined;
  readonly preference: PreferenceOptions;
  /** Rows are filled up to a multiple of this, so that few shapes are compiled; default 16. */
  readonly multipleOf?: number | undefined;
  /** True if examples may carry what a teacher says of them, as a column `probabilities` in the order of the labels. */
  readonly taught?: boolean | undefined;
  /** Put before each source text, as T5 wants: "translate English to German: ". */
  readonly prefix: string;
}

/** Tokens, and what goes with them. */
export interface TokenRow {
  readonly ids: readonly number[];
  readonly typeIds?: readonly number[];
  readonly labels?: readonly number[];
  readonly label?: number;
  /** The probability of each class, in place of the one label. */
  readonly probabilities?: readonly number[] | undefined;
  readonly other?: TokenRow;
  /** The example that the row is a window of, where long examples are split. */
  readonly example?: Example;
  /** The frozen reference's log-probabilities of chosen and rejected answers. */
  readonly reference?: readonly [number, number];
}

export type Parts = Pick<ExampleTaskOptions<TokenRow>, "lengthOf" | "build" | "count" | "measure" | "graph"> & {
  /** Most examples are one row. */
  readonly encode: (example: Example) => TokenRow | readonly TokenRow[];
};

export type TaskParts = Omit<Parts, "encode"> & { readonly encode: (example: Example) => readonly TokenRow[] };

const BUCKET = 16;

export const column = (context: TaskContext, name: string): string => ownEntry(context.columns, name) ?? name;

export function fill(
  { multipleOf = BUCKET }: TaskContext,
  rows: readonly (readonly number[])[],
  padTokenId: number,
  width?: number,
) {
  return padRows(rows, { padTokenId, multipleOf, ...(width !== undefined && { length: width }) });
}

function padId({ tokenizer, architecture }: TaskContext): number {
  const { padTokenId } = architecture.config as { padTokenId?: number };
  return tokenizer.padId ?? padTokenId ?? 0;
}

export function inputsOf(context: TaskContext, rows: readonly TokenRow[], width?: number): Batch {
  const filled = fill(
    context,
    rows.map(({ ids }) => ids),
    padId(context),
    width,
  );
  if (!rows.some(({ typeIds }) => typeIds?.some((id) => id > 0))) return filled;
  const typeIds = rows.map((row) => row.typeIds ?? row.ids.map(() => 0));
  return { ...filled, tokenTypeIds: fill(context, typeIds, 0, filled.inputIds[0]?.length).inputIds };
}

/** Entry (row, column) of a matrix. */
export const entry = ({ data, shape }: HostTensor<"float32">, row: number, at: number): number =>
  data[row * (shape[1] as number) + at] as number;

/** The column of the largest of the first entries of a matrix's row. */
export function argmaxOfRow({ data, shape }: HostTensor<"float32">, row: number, count: number): number {
  const start = row * (shape[1] as number);
  return argmax(data.subarray(start, start + count));
}

/** The loss of predicted tokens, or of classes of tokens, with smoothed labels; without any, that of the head. */
export function tokenObjective({ labelSmoothing }: TaskContext): Pick<Parts, "graph"> {
  if (labelSmoothing === 0) return {};
  const objective = ({ heads, labels }: ForwardGraph): Value => {
    const logits = heads.logits as Value;
    const [batch, length, classes] = logits.shape as [number, number, number];
    return crossEntropy(reshape(logits, [batch * length, classes]), reshape(labels as Value, [batch * length]), {
      labelSmoothing,
    });
  };
  return { graph: { objective } };
}

/** The mean loss over rows; each batch counts by its labels. */
export function meanLoss(results: readonly Measured<TokenRow>[], count: (batch: Batch) => number): number {
  const counts = results.map(({ batch }) => count(batch));
  const total = counts.reduce((sum, n) => sum + n, 0);
  return results.reduce((sum, { result }, i) => sum + result.loss * (counts[i] as number), 0) / Math.max(1, total);
}

/** Names the row that something fails for. */
export function tellRow<T>(path: string, { row }: Example, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof LecternError)) throw cause;
    throw new LecternError(cause.code, `${path}, row ${row}: ${cause.message}`, { cause });
  }
}

/** The id of a class. */
export function classOf({ labels, path }: TaskContext, { row }: Example, label: string): number {
  const id = labels.indexOf(label);
  check(id >= 0, "input", () =>
    labels.length === 0
      ? `${path}, row ${row}: there are no classes for the label ${label}; name them in the recipe's config, as id2label`
      : `${path}, row ${row}: ${label} is none of the classes ${labels.slice(0, 10).join(", ")}${didYouMean(label, labels)}`,
  );
  return id;
}

/** The first and the second half of rows. */
export function halves(x: Value): [Value, Value] {
  const rows = x.shape[0] as number;
  return [slice(x, 0, 0, rows / 2), slice(x, 0, rows / 2, rows)];
}

/** Pairs as one batch: all first texts, then all second ones. */
export function doubled(context: TaskContext, rows: readonly TokenRow[]): Batch {
  return inputsOf(context, [...rows, ...rows.map(({ other }) => other as TokenRow)]);
}
