import { check, didYouMean, LecternError, ownEntry, type Random, shown } from "../../common/index.ts";
import type { Architecture } from "../../families/index.ts";
import {
  add,
  constant,
  type Dimension,
  div,
  IGNORED_LABEL,
  input,
  mul,
  reduceSum,
  reshape,
  slice,
  type Value,
} from "../../graph/index.ts";
import type { ForwardGraph } from "../../inference/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import type { Tokenizer } from "../../tokenizers/index.ts";
import { completionOnly, maskTokens, padRows } from "../data/collators.ts";
import { conversationRow } from "../data/conversations.ts";
import { type Example, fieldOf, textOf } from "../data/examples.ts";
import { messagesOf } from "../data/messages.ts";
import { answerWindows, readAskedText } from "../data/qa-windows.ts";
import {
  contrastiveLoss,
  crossEntropy,
  type PreferenceOptions,
  preferenceLoss,
  rewardLoss,
  sequenceLogProbability,
  softCrossEntropy,
  weighsByMean,
} from "../objectives/losses.ts";
import type { Batch } from "../run/step-graph.ts";
import type { ExampleTaskOptions, Measured } from "./example-task.ts";
import { countedLabels, type Evaluation } from "./task.ts";

/** What a model can be fine-tuned for. */
export const taskNames = [
  "text-classification",
  "token-classification",
  "question-answering",
  "fill-mask",
  "text-generation",
  "text2text-generation",
  "sentence-similarity",
  "reward",
  "preference",
] as const;
export type TaskName = (typeof taskNames)[number];

/** Where data and model meet. */
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
  /** Which columns are read; each task has its own names, and these go before. */
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
  /** How probable each class shall be, in place of the one label. */
  readonly probabilities?: readonly number[] | undefined;
  readonly other?: TokenRow;
  /** Of which the row is a window, where long examples become several. */
  readonly example?: Example;
  /** What the frozen reference says of chosen and rejected answers, as log-probabilities. */
  readonly reference?: readonly [number, number];
}

type Parts = Pick<ExampleTaskOptions<TokenRow>, "lengthOf" | "build" | "count" | "measure" | "graph"> & {
  /** Most examples are one row. */
  readonly encode: (example: Example) => TokenRow | readonly TokenRow[];
};

type TaskParts = Omit<Parts, "encode"> & { readonly encode: (example: Example) => readonly TokenRow[] };

const BUCKET = 16;

const column = (context: TaskContext, name: string): string => ownEntry(context.columns, name) ?? name;

function fill(
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

function inputsOf(context: TaskContext, rows: readonly TokenRow[], width?: number): Batch {
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
const entry = ({ data, shape }: HostTensor<"float32">, row: number, at: number): number =>
  data[row * (shape[1] as number) + at] as number;

function highest(tensor: HostTensor<"float32">, row: number, size: number): number {
  let best = 0;
  for (let i = 1; i < size; i++) if (entry(tensor, row, i) > entry(tensor, row, best)) best = i;
  return best;
}

/** The loss of predicted tokens, or of classes of tokens, with smoothed labels; without any, that of the head. */
function tokenObjective({ labelSmoothing }: TaskContext): Pick<Parts, "graph"> {
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
function meanLoss(results: readonly Measured<TokenRow>[], count: (batch: Batch) => number): number {
  const counts = results.map(({ batch }) => count(batch));
  const total = counts.reduce((sum, n) => sum + n, 0);
  return results.reduce((sum, { result }, i) => sum + result.loss * (counts[i] as number), 0) / Math.max(1, total);
}

/** Confusion, accuracy and the mean F1 of the classes that are right or said somewhere. */
export function classScores(
  pairs: readonly (readonly [right: number, said: number])[],
  labels: readonly string[],
): Pick<Evaluation, "metrics" | "confusion"> {
  const counts = labels.map(() => labels.map(() => 0));
  for (const [right, said] of pairs) (counts[right] as number[])[said] = ((counts[right] as number[])[said] ?? 0) + 1;
  const f1 = labels.flatMap((_, i) => {
    const own = counts[i]?.[i] as number;
    const right = (counts[i] as number[]).reduce((sum, n) => sum + n, 0);
    const said = counts.reduce((sum, row) => sum + (row[i] as number), 0);
    return right + said === 0 ? [] : [(2 * own) / (right + said)];
  });
  const accuracy = pairs.filter(([right, said]) => right === said).length / Math.max(1, pairs.length);
  const macroF1 = f1.reduce((sum, x) => sum + x, 0) / Math.max(1, f1.length);
  return { metrics: { accuracy, macroF1 }, confusion: { labels, counts } };
}

/** The id of a class. */
function classOf({ labels, path }: TaskContext, { row }: Example, label: string): number {
  const id = labels.indexOf(label);
  check(id >= 0, "input", () =>
    labels.length === 0
      ? `${path}, row ${row}: there are no classes for the label ${label}; name them in the recipe's config, as id2label`
      : `${path}, row ${row}: ${label} is none of the classes ${labels.slice(0, 10).join(", ")}${didYouMean(label, labels)}`,
  );
  return id;
}

function classification(context: TaskContext): Parts {
  const { tokenizer, maxLength, labels, path, labelSmoothing, classWeights, taught = false } = context;
  // A mean over classes of unlike weight is divided by the weights of its labels, so a batch counts by them.
  const weightOf = (label: number): number => (label < 0 ? 0 : ((taught ? undefined : classWeights)?.[label] ?? 1));
  const count = ({ labels }: Batch): number =>
    (labels as readonly number[]).reduce((sum, label) => sum + weightOf(label), 0);
  const targets = (rows: readonly TokenRow[]): HostTensor => ({
    dtype: "float32",
    shape: [rows.length, labels.length],
    data: Float32Array.from(
      rows.flatMap(({ label, probabilities }) => probabilities ?? labels.map((_, i) => +(i === label))),
    ),
  });
  return {
    encode(example) {
      const { probabilities } = example.fields as { probabilities?: readonly number[] };
      const label = classOf(context, example, textOf(path, example, column(context, "label")));
      const second = fieldOf(example, column(context, "text2"));
      const text = textOf(path, example, column(context, "text"));
      const { ids, typeIds } = tokenizer.encode(text, {
        maxLength,
        ...(typeof second === "string" && { pair: second }),
      });
      return { ids, typeIds, label, probabilities };
    },
    lengthOf: ({ ids }) => ids.length,
    build: (rows) => ({
      ...inputsOf(context, rows),
      labels: rows.map(({ label }) => label as number),
      ...(taught && { extra: { targets: targets(rows) } }),
    }),
    count,
    measure(results) {
      const pairs = results.flatMap(({ rows, result }) =>
        rows.map(
          ({ label }, i) =>
            [label as number, highest(result.outputs.logits as HostTensor<"float32">, i, labels.length)] as const,
        ),
      );
      return { loss: meanLoss(results, count), ...classScores(pairs, labels) };
    },
    graph: {
      outputs: ({ heads }) => heads,
      ...(taught && {
        objective: ({ heads }: ForwardGraph) => {
          const logits = heads.logits as Value;
          return softCrossEntropy(logits, input("targets", "float32", logits.shape));
        },
      }),
      ...(!taught &&
        (labelSmoothing > 0 || classWeights) && {
          objective: ({ heads, labels: wanted }: ForwardGraph) =>
            crossEntropy(heads.logits as Value, wanted as Value, {
              labelSmoothing,
              ...(classWeights && {
                weight: constant({
                  dtype: "float32",
                  shape: [classWeights.length],
                  data: Float32Array.from(classWeights),
                }),
              }),
            }),
        }),
    },
  };
}

/** A list of texts of an example. */
function listOf(example: Example, path: string, name: string): string[] {
  const value = fieldOf(example, name);
  check(
    Array.isArray(value) && value.every((item) => typeof item === "string"),
    "input",
    () => `${path}, row ${example.row}: ${name} must be a list of texts; got ${shown(value)}`,
  );
  return value as string[];
}

function tokenClassification(context: TaskContext): Parts {
  const { tokenizer, maxLength, labels, path } = context;
  const [first, last] = tokenizer.encode("").ids;
  const count = (batch: Batch): number => countedLabels(batch.labels as number[][]);
  return {
    encode(example) {
      const words = listOf(example, path, column(context, "tokens"));
      const tags = listOf(example, path, column(context, "tags"));
      check(
        words.length === tags.length,
        "input",
        () => `${path}, row ${example.row}: ${words.length} tokens but ${tags.length} tags`,
      );
      const classes = tags.map((tag) => classOf(context, example, tag));
      const pieces = words.map((word, i) => {
        const { ids } = tokenizer.encode(i === 0 ? word : ` ${word}`, { addSpecialTokens: false });
        return ids.map((id, j) => [id, j === 0 ? (classes[i] as number) : IGNORED_LABEL] as const);
      });
      const inner = pieces.flat().slice(0, maxLength - 2);
      const outer = (id: number | undefined) => (id === undefined ? [] : [[id, IGNORED_LABEL] as const]);
      const all = [...outer(first), ...inner, ...outer(last)];
      return { ids: all.map(([id]) => id), labels: all.map(([, label]) => label) };
    },
    lengthOf: ({ ids }) => ids.length,
    build(rows) {
      const inputs = inputsOf(context, rows);
      const width = inputs.inputIds[0]?.length as number;
      const filled = fill(
        context,
        rows.map((row) => row.labels as number[]),
        IGNORED_LABEL,
        width,
      );
      return { ...inputs, labels: filled.inputIds };
    },
    count,
    measure(results) {
      const pairs = results.flatMap(({ rows, result }) => {
        const { data, shape } = result.outputs.logits as HostTensor<"float32">;
        const [, length, size] = shape as [number, number, number];
        const flat: HostTensor<"float32"> = { dtype: "float32", shape: [data.length / size, size], data };
        return rows.flatMap((row, i) =>
          (row.labels as number[]).flatMap((label, t) =>
            label < 0 ? [] : [[label, highest(flat, i * length + t, size)] as const],
          ),
        );
      });
      return { loss: meanLoss(results, count), ...classScores(pairs, labels) };
    },
    graph: { ...tokenObjective(context).graph, outputs: ({ heads }) => heads },
  };
}

/** Where a model sees an answer in a window, and how much it says so; undefined where it sees none. */
interface SeenAnswer {
  readonly isRight: boolean;
  readonly score: number | undefined;
}

function seenAnswer(
  { ids, labels }: TokenRow,
  outputs: Measured<TokenRow>["result"]["outputs"],
  row: number,
): SeenAnswer {
  const sides = (["start_logits", "end_logits"] as const).map((name) => outputs[name] as HostTensor<"float32">);
  const [start, end] = sides.map((logits) => highest(logits, row, ids.length)) as [number, number];
  const [first, last] = sides as [HostTensor<"float32">, HostTensor<"float32">];
  return {
    isRight: start === labels?.[0] && end === labels?.[1],
    score: start > 0 && end >= start ? entry(first, row, start) + entry(last, row, end) : undefined,
  };
}

/** True if the windows of an example agree on its answer: that of the one which is surest of one, else none in any. */
function isAnswered(windows: readonly SeenAnswer[]): boolean {
  const seen = windows.filter(({ score }) => score !== undefined);
  if (seen.length === 0) return windows.every(({ isRight }) => isRight);
  return seen.reduce((best, each) => ((each.score as number) > (best.score as number) ? each : best)).isRight;
}

function questionAnswering(context: TaskContext): Parts {
  const { tokenizer, path } = context;
  const count = ({ inputIds, startPositions }: Batch): number =>
    (startPositions as readonly number[]).filter((at) => at < (inputIds[0]?.length ?? 0)).length;
  return {
    encode(example) {
      const asked = readAskedText(path, example, (name) => column(context, name));
      const windows = tellRow(path, example, () => answerWindows(tokenizer, asked, context));
      return windows.map((window) => ({ ...window, example }));
    },
    lengthOf: ({ ids }) => ids.length,
    build: (rows) => ({
      ...inputsOf(context, rows),
      startPositions: rows.map(({ labels }) => labels?.[0] as number),
      endPositions: rows.map(({ labels }) => labels?.[1] as number),
    }),
    count,
    measure(results) {
      const examples = new Map<Example | undefined, SeenAnswer[]>();
      for (const { rows, result } of results)
        for (const [i, row] of rows.entries()) {
          const windows = examples.get(row.example) ?? [];
          examples.set(row.example, windows);
          windows.push(seenAnswer(row, result.outputs, i));
        }
      const exact = [...examples.values()].filter(isAnswered).length;
      return { loss: meanLoss(results, count), metrics: { exactMatch: exact / Math.max(1, examples.size) } };
    },
    graph: { outputs: ({ heads }) => heads },
  };
}

function fillMask(context: TaskContext): Parts {
  const { tokenizer, maxLength, path } = context;
  const maskTokenId = tokenizer.specialId("mask_token");
  check(maskTokenId !== undefined, "config", () => "fill-mask: the tokenizer has no mask token");
  const special = new Set([...tokenizer.encode("").ids, ...tokenizer.specialIds]);
  const count = (batch: Batch): number => countedLabels(batch.labels as number[][]);
  return {
    encode: (example) => ({ ids: tokenizer.encode(textOf(path, example, column(context, "text")), { maxLength }).ids }),
    lengthOf: ({ ids }) => ids.length,
    build(rows, random: Random) {
      const options = { maskTokenId, vocabularySize: tokenizer.vocabularySize };
      const pairs = rows.map(({ ids }) => maskTokens(ids, (id) => special.has(id), options, random));
      const inputs = inputsOf(
        context,
        pairs.map(({ inputIds }) => ({ ids: inputIds })),
      );
      const labels = fill(
        context,
        pairs.map((pair) => pair.labels),
        IGNORED_LABEL,
        inputs.inputIds[0]?.length,
      );
      return { ...inputs, labels: labels.inputIds };
    },
    count,
    measure(results) {
      const loss = meanLoss(results, count);
      return { loss, metrics: { perplexity: Math.exp(loss) } };
    },
    ...tokenObjective(context),
  };
}

/** A row of a decoder: a whole text, a prompt and its completion, or a conversation of which the answers are learned. */
function generationRow(context: TaskContext, example: Example): { ids: readonly number[]; labels: readonly number[] } {
  const { tokenizer, path, architecture } = context;
  const eos = tokenizer.specialId("eos_token") ?? (architecture.config as { eosTokenId?: number }).eosTokenId;
  const end = eos === undefined ? [] : [eos];
  const bare = (text: string): number[] => tokenizer.encode(text, { addSpecialTokens: false }).ids;
  const messages = column(context, "messages");
  if (fieldOf(example, messages) !== undefined) {
    const talk = messagesOf(path, example, messages);
    return tellRow(path, example, () => conversationRow(tokenizer, talk));
  }
  if (fieldOf(example, column(context, "completion")) !== undefined) {
    const prompt = tokenizer.encode(textOf(path, example, column(context, "prompt"))).ids;
    const { inputIds, labels } = completionOnly(prompt, [
      ...bare(textOf(path, example, column(context, "completion"))),
      ...end,
    ]);
    return { ids: inputIds, labels };
  }
  const ids = [...tokenizer.encode(textOf(path, example, column(context, "text"))).ids, ...end];
  return { ids, labels: ids };
}

/** Names the row that something fails for. */
function tellRow<T>(path: string, { row }: Example, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof LecternError)) throw cause;
    throw new LecternError(cause.code, `${path}, row ${row}: ${cause.message}`, { cause });
  }
}

/** Why a row has no token to learn. */
function unlearned(labels: readonly number[], maxLength: number): string {
  const first = labels.findIndex((label, i) => i > 0 && label >= 0);
  return first < 0
    ? "none of its tokens is learned; give it an answer, or leave it out"
    : `its answer begins with token ${first + 1}, and maxLength ${maxLength} cuts it off; raise it, or leave the row out`;
}

function textGeneration(context: TaskContext): Parts {
  const { maxLength, path } = context;
  const count = (batch: Batch): number => countedLabels((batch.labels as number[][]).map((row) => row.slice(1)));
  return {
    encode(example) {
      const { ids, labels } = generationRow(context, example);
      const row = { ids: ids.slice(0, maxLength), labels: labels.slice(0, maxLength) };
      check(
        row.labels.some((label, i) => i > 0 && label >= 0),
        "input",
        () => `${path}, row ${example.row}: ${unlearned(labels, maxLength)}`,
      );
      return row;
    },
    lengthOf: ({ ids }) => ids.length,
    build(rows) {
      const inputs = inputsOf(context, rows);
      const labels = fill(
        context,
        rows.map((row) => row.labels as number[]),
        IGNORED_LABEL,
        inputs.inputIds[0]?.length,
      );
      return { ...inputs, labels: labels.inputIds };
    },
    count,
    measure(results) {
      const loss = meanLoss(results, count);
      return { loss, metrics: { perplexity: Math.exp(loss) } };
    },
    ...tokenObjective(context),
  };
}

function textToText(context: TaskContext): Parts {
  const { tokenizer, maxLength, path, prefix } = context;
  const count = (batch: Batch): number => countedLabels(batch.labels as number[][]);
  const prefixOf = (example: Example): string => {
    const own = fieldOf(example, column(context, "prefix"));
    return typeof own === "string" ? own : prefix;
  };
  return {
    encode: (example) => ({
      ids: tokenizer.encode(prefixOf(example) + textOf(path, example, column(context, "source")), { maxLength }).ids,
      labels: tokenizer.encode(textOf(path, example, column(context, "target")), { maxLength }).ids,
    }),
    lengthOf: ({ ids, labels }) => Math.max(ids.length, labels?.length ?? 0),
    build(rows) {
      const labels = fill(
        context,
        rows.map((row) => row.labels as number[]),
        IGNORED_LABEL,
      );
      return { ...inputsOf(context, rows), labels: labels.inputIds };
    },
    count,
    measure(results) {
      const loss = meanLoss(results, count);
      return { loss, metrics: { perplexity: Math.exp(loss) } };
    },
    ...tokenObjective(context),
  };
}

/** The mean of each row's states: `[B, T, E]`, mask `[B, T]` → `[B, E]`. */
function meanState(states: Value, mask: Value): Value {
  const [batch, length] = mask.shape as [Dimension, Dimension];
  const sum = reduceSum(mul(states, reshape(mask, [batch, length, 1])), [1]);
  return div(sum, reduceSum(mask, [1], true));
}

/** The first and the second half of rows. */
function halves(x: Value): [Value, Value] {
  const rows = x.shape[0] as number;
  return [slice(x, 0, 0, rows / 2), slice(x, 0, rows / 2, rows)];
}

/** Pairs as one batch: all first texts, then all second ones. */
function doubled(context: TaskContext, rows: readonly TokenRow[]): Batch {
  return inputsOf(context, [...rows, ...rows.map(({ other }) => other as TokenRow)]);
}

function sentenceSimilarity(context: TaskContext): Parts {
  const { tokenizer, maxLength, path } = context;
  const encode = (text: string): TokenRow => ({ ids: tokenizer.encode(text, { maxLength }).ids });
  return {
    encode: (example) => ({
      ...encode(textOf(path, example, column(context, "text1"))),
      other: encode(textOf(path, example, column(context, "text2"))),
    }),
    lengthOf: ({ ids, other }) => Math.max(ids.length, other?.ids.length ?? 0),
    build(rows) {
      const inputs = doubled(context, rows);
      const mask = inputs.attentionMask as number[][];
      const pooled: HostTensor = {
        dtype: "float32",
        shape: [mask.length, mask[0]?.length as number],
        data: Float32Array.from(mask.flat()),
      };
      return { ...inputs, extra: { pooled_tokens: pooled } };
    },
    count: ({ inputIds }) => inputIds.length / 2,
    measure: (results) => ({ loss: meanLoss(results, ({ inputIds }) => inputIds.length), metrics: {} }),
    graph: {
      objective({ heads }) {
        const states = heads.last_hidden_state;
        if (!states) throw new LecternError("usage", "sentence-similarity needs an encoder without a head");
        const mask = input("pooled_tokens", "float32", states.shape.slice(0, 2));
        return contrastiveLoss(...halves(meanState(states, mask)));
      },
    },
  };
}

/** A prompt with an answer, of which only the answer counts; the label of a position is the token after it. */
function answerRow(context: TaskContext, prompt: string, answer: string): TokenRow {
  const { tokenizer, maxLength } = context;
  const eos = tokenizer.specialId("eos_token");
  const asked = prompt === "" ? [] : tokenizer.encode(prompt).ids;
  const said = [...tokenizer.encode(answer, { addSpecialTokens: false }).ids, ...(eos === undefined ? [] : [eos])];
  const ids = [...asked, ...said].slice(-maxLength);
  const first = Math.max(1, ids.length - said.length);
  return {
    ids,
    labels: ids.map((_, t) => (t + 1 >= first && t + 1 < ids.length ? (ids[t + 1] as number) : IGNORED_LABEL)),
  };
}

function pairRow(context: TaskContext, example: Example): TokenRow {
  const { path } = context;
  const prompt =
    fieldOf(example, column(context, "prompt")) === undefined ? "" : textOf(path, example, column(context, "prompt"));
  const [chosen, rejected] = ["chosen", "rejected"].map((name) =>
    answerRow(context, prompt, textOf(path, example, column(context, name))),
  ) as [TokenRow, TokenRow];
  return { ...chosen, other: rejected };
}

function preference(context: TaskContext): Parts {
  const options = context.preference;
  const needsReference = options.kind !== "orpo" && options.kind !== "simpo";
  const scored = ({ heads }: ForwardGraph): Value => {
    const logits = heads.logits as Value;
    const labels = input("answers", "int64", logits.shape.slice(0, 2));
    return sequenceLogProbability(logits, labels, weighsByMean(options) ? "mean" : "sum"); // [2 B]
  };
  /** The cross entropy of the chosen answers, which ORPO keeps the model at (Hong et al., 2024, equation 6). */
  const likelihood = ({ heads }: ForwardGraph): Value => {
    const [logits] = halves(heads.logits as Value);
    const [rows, length, size] = logits.shape as [number, number, number];
    const [labels] = halves(input("answers", "int64", [2 * rows, length]));
    return crossEntropy(reshape(logits, [rows * length, size]), reshape(labels, [rows * length]));
  };
  return {
    encode: (example) => pairRow(context, example),
    lengthOf: ({ ids, other }) => Math.max(ids.length, other?.ids.length ?? 0),
    build(rows) {
      const inputs = doubled(context, rows);
      const width = inputs.inputIds[0]?.length as number;
      const all = [...rows, ...rows.map(({ other }) => other as TokenRow)];
      const answers = fill(
        context,
        all.map(({ labels }) => labels as number[]),
        IGNORED_LABEL,
        width,
      ).inputIds;
      const vector = (side: 0 | 1): HostTensor => ({
        dtype: "float32",
        shape: [rows.length],
        data: Float32Array.from(rows, ({ reference }) => reference?.[side] ?? 0),
      });
      const matrix: HostTensor = {
        dtype: "int64",
        shape: [all.length, width],
        data: BigInt64Array.from(answers.flat(), BigInt),
      };
      return { ...inputs, extra: { answers: matrix, reference_chosen: vector(0), reference_rejected: vector(1) } };
    },
    count: ({ inputIds }) => inputIds.length / 2,
    measure(results) {
      const margins = results.flatMap(({ rows, result }) => {
        const { data } = result.outputs.answer_scores as HostTensor<"float32">;
        return rows.map(({ reference = [0, 0] }, i) => {
          const margin = (data[i] as number) - (data[i + data.length / 2] as number);
          return needsReference ? margin - (reference[0] - reference[1]) : margin;
        });
      });
      const margin = margins.reduce((sum, x) => sum + x, 0) / Math.max(1, margins.length);
      const accuracy = margins.filter((x) => x > 0).length / Math.max(1, margins.length);
      return { loss: meanLoss(results, ({ inputIds }) => inputIds.length), metrics: { margin, accuracy } };
    },
    graph: {
      objective(pass) {
        const [chosen, rejected] = halves(scored(pass));
        const rows = chosen.shape;
        const of = (side: string): Value => input(`reference_${side}`, "float32", rows);
        const reference = needsReference ? { chosen: of("chosen"), rejected: of("rejected") } : undefined;
        const loss = preferenceLoss(chosen, rejected, reference, options);
        return options.kind === "orpo" ? add(likelihood(pass), loss) : loss;
      },
      outputs: (pass) => ({ answer_scores: scored(pass) }),
    },
  };
}

function reward(context: TaskContext): Parts {
  return {
    encode: (example) => {
      const { path, tokenizer, maxLength } = context;
      const prompt = fieldOf(example, column(context, "prompt"));
      const encode = (name: string): TokenRow => {
        const answer = textOf(path, example, column(context, name));
        const { ids, typeIds } =
          typeof prompt === "string"
            ? tokenizer.encode(prompt, { pair: answer, maxLength })
            : tokenizer.encode(answer, { maxLength });
        return { ids, typeIds };
      };
      return { ...encode("chosen"), other: encode("rejected") };
    },
    lengthOf: ({ ids, other }) => Math.max(ids.length, other?.ids.length ?? 0),
    build: (rows) => doubled(context, rows),
    count: ({ inputIds }) => inputIds.length / 2,
    measure(results) {
      const margins = results.flatMap(({ rows, result }) => {
        const { data } = result.outputs.logits as HostTensor<"float32">;
        return rows.map((_, i) => (data[i] as number) - (data[i + data.length / 2] as number));
      });
      const accuracy = margins.filter((x) => x > 0).length / Math.max(1, margins.length);
      return { loss: meanLoss(results, ({ inputIds }) => inputIds.length), metrics: { accuracy } };
    },
    graph: {
      objective({ heads }) {
        const logits = heads.logits as Value;
        return rewardLoss(...halves(reshape(logits, [logits.shape[0] as number])));
      },
      outputs: ({ heads }) => heads,
    },
  };
}

/** The tasks whose loss is a cross entropy of labels. */
const smoothed: ReadonlySet<TaskName> = new Set([
  "text-classification",
  "token-classification",
  "fill-mask",
  "text-generation",
  "text2text-generation",
]);

/** How examples become rows and batches, what is minimised, and how it is measured. */
export function taskParts(name: TaskName, context: TaskContext): TaskParts {
  check(
    context.labelSmoothing === 0 || smoothed.has(name),
    "usage",
    () => `${name}: labelSmoothing does not go with its loss; leave it out`,
  );
  const makers: Record<TaskName, (context: TaskContext) => Parts> = {
    "text-classification": classification,
    "token-classification": tokenClassification,
    "question-answering": questionAnswering,
    "fill-mask": fillMask,
    "text-generation": textGeneration,
    "text2text-generation": textToText,
    "sentence-similarity": sentenceSimilarity,
    reward,
    preference,
  };
  const parts = makers[name](context);
  return { ...parts, encode: (example) => [parts.encode(example)].flat() };
}
