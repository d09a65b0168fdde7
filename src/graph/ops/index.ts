import type { AnyOp, Op } from "../op.ts";
import { activationOps } from "./activation.ts";
import { attentionOps } from "./attention.ts";
import { blockInputOps } from "./block-inputs.ts";
import { cachedAttentionOps } from "./cached-attention.ts";
import { castOps } from "./cast.ts";
import { comparisonOps } from "./comparison.ts";
import { decayedSumOps } from "./decayed-sum.ts";
import { deltaRuleOps } from "./delta-rule.ts";
import { elementwiseOps } from "./elementwise.ts";
import { expertOps } from "./experts.ts";
import { gatherOps } from "./gather.ts";
import { generalDeltaRuleOps } from "./general-delta-rule.ts";
import { int8LinearOps } from "./int8-linear.ts";
import { layoutOps } from "./layout.ts";
import { linearOps } from "./linear.ts";
import { lossOps } from "./loss.ts";
import { matmulOps } from "./matmul.ts";
import { normOps } from "./norm.ts";
import { quantizedGatherOps } from "./quantized-gather.ts";
import { quantizedLinearOps } from "./quantized-linear.ts";
import { recurrenceOps } from "./recurrence.ts";
import { reductionOps } from "./reduction.ts";
import { rotaryOps } from "./rotary.ts";
import { skipNormOps } from "./skip-norm.ts";
import { slicingOps } from "./slicing.ts";
import { softmaxOps } from "./softmax.ts";

const table = {
  ...elementwiseOps,
  ...comparisonOps,
  ...recurrenceOps,
  ...decayedSumOps,
  ...deltaRuleOps,
  ...generalDeltaRuleOps,
  ...reductionOps,
  ...castOps,
  ...layoutOps,
  ...slicingOps,
  ...matmulOps,
  ...softmaxOps,
  ...gatherOps,
  ...normOps,
  ...skipNormOps,
  ...activationOps,
  ...lossOps,
  ...linearOps,
  ...quantizedLinearOps,
  ...quantizedGatherOps,
  ...blockInputOps,
  ...int8LinearOps,
  ...rotaryOps,
  ...attentionOps,
  ...cachedAttentionOps,
  ...expertOps,
};

/** The name of a built-in op. */
export type OpName = keyof typeof table;

/** The attributes of an op. */
export type AttributesOf<N extends OpName> = (typeof table)[N] extends Op<infer A> ? A : never;

/** The ops that decompose into others. */
export type CompositeName = {
  [N in OpName]: (typeof table)[N] extends { readonly kind: "composite" } ? N : never;
}[OpName];

/** Every op, by name. */
export const ops = table as unknown as Readonly<Record<OpName, AnyOp>>;
