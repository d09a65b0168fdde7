import { add, mul, scalar, sub, type Value } from "../../graph/index.ts";
import { activation, layerNorm, linear, type ModelContext, questionTokens, type Scope } from "../../nn/index.ts";
import type { BertConfig } from "../bert/config.ts";
import { bert, bertBody } from "../bert/model.ts";
import type { EncoderModel } from "../family.ts";
import { headOutputs } from "../head.ts";

/** Logits of the question are so much lower, since no answer begins or ends there. */
const HIDDEN = 1e6;

/** BigBird: BERT whose long texts attend in blocks (Zaheer et al., 2020), with a layer more before the spans of answers. */
export const bigBird: EncoderModel<BertConfig> = (root, c, context) => {
  if (c.head.kind !== "question-answering") return bert(root, c, context);
  const hidden = bertBody(root, c, context);
  context.hiddenStates.push(hidden);
  const outputs = headOutputs(root, beforeSpans(root.in("qa_classifier"), hidden, c, context), c.head, {
    span: "qa_classifier.qa_outputs",
  });
  const penalty = mul(questionTokens(context, c.questionEnd as number), scalar(HIDDEN)); // [B, T]
  return Object.fromEntries(Object.entries(outputs).map(([name, logits]) => [name, sub(logits, penalty)]));
};

/** x + a feed-forward of x, normed: `[B, T, E]`. */
function beforeSpans(at: Scope, hidden: Value, c: BertConfig, context: ModelContext): Value {
  const x = context.dropout(hidden, c.hiddenDropout);
  const wide = activation(c.hiddenAct)(linear(at.in("intermediate.dense"), x, c.intermediateSize)); // [B, T, F]
  const narrow = context.dropout(linear(at.in("output.dense"), wide, c.hiddenSize), c.hiddenDropout);
  return layerNorm(at.in("output.LayerNorm"), add(hidden, narrow), c.layerNormEps);
}
