import { type Dimension, mul, reduceSum, reshape, split, type Value } from "../graph/index.ts";
import { lastToken, linear, type ModelContext, type ModelOutputs, type Scope } from "../nn/index.ts";
import type { ConfigReader } from "./config-reader.ts";
import type { DecoderConfig, HeadConfig, HeadKind } from "./family.ts";
import { headRefused, parseHead } from "./head.ts";

const LM: HeadConfig = { kind: "lm", numLabels: 0, problem: "single_label_classification" };

/** Architectures with a head over words, whatever they have beside it. */
const lmHead = /CausalLM|LMHead|DoubleHeads/i;

const kinds: readonly HeadKind[] = ["sequence-classification", "token-classification", "question-answering", "none"];

/** The head of a decoder, by `architectures` in `config.json`; one over words where it says nothing. */
export function parseDecoderHead(read: ConfigReader): HeadConfig {
  const { architectures } = read.json;
  const named = Array.isArray(architectures) ? architectures[0] : undefined;
  if (typeof named !== "string" || lmHead.test(named)) return LM;
  const head = parseHead(read);
  if (!kinds.includes(head.kind)) throw headRefused(named);
  return head;
}

/** Parts of a decoder's heads that differ by family. */
export interface DecoderHeads {
  /** `[B, T, E]` → `[B, T, V]` */
  readonly lmHead: (hidden: Value) => Value;
  /** The layer that gives each token its classes. */
  readonly classifier: "score" | "classifier";
  /** True if that layer has a bias; default true. */
  readonly classifierBias?: boolean;
}

/** Closes a decoder with the head of its checkpoint, as transformers names its layers and results. */
export function decoderOutputs(
  root: Scope,
  config: DecoderConfig,
  context: ModelContext,
  hidden: Value,
  { lmHead, classifier, classifierBias = true }: DecoderHeads,
): ModelOutputs {
  const { kind, numLabels } = config.head;
  if (kind === "lm") return context.output(hidden, lmHead);
  const outputs = context.output(hidden, (x) => x);
  if (kind === "none") return { ...outputs, heads: { last_hidden_state: hidden } };
  if (kind === "token-classification")
    return { ...outputs, heads: { logits: linear(root.in(classifier), hidden, numLabels, { bias: classifierBias }) } };
  const [batch, length] = hidden.shape as [Dimension, Dimension, number];
  if (kind === "question-answering") {
    const [start, end] = split(linear(root.in("qa_outputs"), hidden, 2), [1, 1], -1) as [Value, Value];
    const flat = (x: Value): Value => reshape(x, [batch, length]);
    return { ...outputs, heads: { start_logits: flat(start), end_logits: flat(end) } };
  }
  const isLast = reshape(lastToken(context, config.padTokenId), [batch, length, 1]);
  const last = reduceSum(mul(hidden, isLast), [1]); // [B, E]
  return { ...outputs, heads: { logits: linear(root.in("score"), last, numLabels, { bias: false }) } };
}
