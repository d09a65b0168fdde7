import { check, LecternError } from "../common/index.ts";
import { constant, type Dimension, gather, reshape, split, transpose, type Value } from "../graph/index.ts";
import { linear, type Scope } from "../nn/index.ts";
import type { ConfigReader } from "./config-reader.ts";
import type { HeadConfig, HeadKind } from "./family.ts";

/** The heads of encoders, by how `architectures` in `config.json` ends. */
const kinds: readonly (readonly [ending: RegExp, kind: HeadKind])[] = [
  [/ForMaskedLM$|^(Bert|Albert|BigBird)ForPreTraining$/, "lm"],
  [/^ElectraForPreTraining$/, "replaced-token-detection"],
  [/ForSequenceClassification$|^BertForNextSentencePrediction$/, "sequence-classification"],
  [/ForMultipleChoice$/, "multiple-choice"],
  [/ForTokenClassification$/, "token-classification"],
  [/ForQuestionAnswering$/, "question-answering"],
  [/(?<!LMHead|DoubleHeads)Model$/, "none"],
];

const PROBLEMS: ReadonlySet<string> = new Set([
  "regression",
  "single_label_classification",
  "multi_label_classification",
]);

export function parseHead(read: ConfigReader): HeadConfig {
  const architecture = read.architecture() ?? "Model";
  const kind = kinds.find(([ending]) => ending.test(architecture))?.[1];
  if (!kind) throw headRefused(architecture);
  return { kind, ...parseLabels(read), ...(kind === "multiple-choice" && { numLabels: 1 }) };
}

/** The number and the names of a head's classes; `num_labels` takes precedence over `id2label`, as in transformers. */
export function parseLabels(read: ConfigReader): Omit<HeadConfig, "kind"> {
  const labels = read.object("id2label");
  const numLabels = read.size("num_labels", labels ? Object.keys(labels).length : 2);
  check(
    numLabels > 1 || read.json.problem_type !== "single_label_classification",
    "config",
    () =>
      'config.json: problem_type "single_label_classification" needs two labels or more; got one; use "regression" or more labels',
  );
  const problem = read.string("problem_type", numLabels === 1 ? "regression" : "single_label_classification");
  if (!PROBLEMS.has(problem)) read.refuse("problem_type", [...PROBLEMS].join(", "));
  return { numLabels, problem: problem as HeadConfig["problem"] };
}

/** The failure where `architectures` names a head that a family does not have here. */
export function headRefused(architecture: string): LecternError {
  return new LecternError(
    "unsupported",
    `config.json: the head of ${architecture} is not supported for this family; use a model with another head, or name the base model in architectures`,
  );
}

/** The state of the first token: `[B, T, E]` → `[B, E]`. */
export function firstToken(hidden: Value): Value {
  const first = constant({ dtype: "int64", shape: [], data: BigInt64Array.of(0n) });
  return gather(transpose(hidden, [1, 0, 2]), first);
}

/** The results of a head, under the names that `lectern forward` writes. */
export function headOutputs(
  root: Scope,
  hidden: Value,
  { kind, numLabels }: HeadConfig,
  parts: {
    /** `[B, T, V]` */
    readonly maskedLmHead?: () => Value;
    /** `[B, C]` */
    readonly sequence?: () => Value;
    /** `[B, 1]`: the score of each row as a choice; default that of `sequence`. */
    readonly choice?: () => Value;
    /** `[B, T, E]` → `[B, T, 1]`: whether each token was replaced. */
    readonly replacedTokens?: (x: Value) => Value;
    /** The layer that tells where a span begins and ends. */
    readonly span?: string;
    readonly pooled?: (() => Value) | undefined;
  },
): Record<string, Value> {
  const [batch, length] = hidden.shape as [Dimension, Dimension, number];
  if (kind === "lm" && parts.maskedLmHead) return { logits: parts.maskedLmHead() };
  if (kind === "sequence-classification" && parts.sequence) return { logits: parts.sequence() };
  if (kind === "multiple-choice") {
    const choice = parts.choice ?? parts.sequence;
    if (choice) return { logits: choice() };
  }
  if (kind === "token-classification") return { logits: linear(root.in("classifier"), hidden, numLabels) };
  if (kind === "replaced-token-detection" && parts.replacedTokens)
    return { logits: reshape(parts.replacedTokens(hidden), [batch, length]) };
  if (kind === "question-answering") return spanLogits(linear(root.in(parts.span ?? "qa_outputs"), hidden, 2));
  return { last_hidden_state: hidden, ...(parts.pooled && { pooler_output: parts.pooled() }) };
}

/** The start and end logits of a span, from a layer's two logits a token: `[B, T, 2]` → 2 × `[B, T]`. */
export function spanLogits(x: Value): { readonly start_logits: Value; readonly end_logits: Value } {
  const sides = x.shape.slice(0, 2);
  const [start, end] = split(x, [1, 1], -1) as [Value, Value];
  return { start_logits: reshape(start, sides), end_logits: reshape(end, sides) };
}
