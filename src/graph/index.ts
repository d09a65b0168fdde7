/**
 * Builds graphs of tensor operations. `lectern/inference` differentiates and runs them.
 *
 * @module lectern/graph
 */
export { decompose } from "./decompose.ts";
export type {
  AnyOp,
  Attributes,
  CompositeOp,
  GradientRule,
  KernelOp,
  LowerContext,
  OnnxAttribute,
  OnnxBody,
  OnnxNode,
  OnnxValueInfo,
  Op,
  PrimitiveOp,
  SliceReads,
} from "./op.ts";
export { defineComposite, defineKernel, definePrimitive } from "./op.ts";
export { gelu, geluTanh, quickGelu, silu, softcap, softplus } from "./ops/activation.ts";
export { attend, attendJoined } from "./ops/attention.ts";
export { blockSums, hadamard, takeColumns } from "./ops/block-inputs.ts";
export {
  besidesOf,
  type CachedAttentionAttributes,
  cachedAttention,
  cachePositions,
  type KeysAndValues,
} from "./ops/cached-attention.ts";
export { cast, detach, scaleBytes } from "./ops/cast.ts";
export { equal, greaterOrEqual, less, topIndices, topMask, where } from "./ops/comparison.ts";
export { type DecayedSumAttributes, decayedMax, decayedSum } from "./ops/decayed-sum.ts";
export { deltaRule } from "./ops/delta-rule.ts";
export {
  abs,
  add,
  cos,
  div,
  erf,
  exp,
  log,
  max,
  min,
  mul,
  neg,
  pow,
  relu,
  sigmoid,
  sin,
  sqrt,
  sub,
  tanh,
} from "./ops/elementwise.ts";
export { fromExperts, type MixtureAttributes, toExperts } from "./ops/experts.ts";
export {
  addAlong,
  cumulativeSum,
  gather,
  gatherOps,
  iota,
  oneHot,
  putAlong,
  scatterAdd,
  takeAlong,
} from "./ops/gather.ts";
export { generalDeltaRule } from "./ops/general-delta-rule.ts";
export { type AttributesOf, type CompositeName, type OpName, ops } from "./ops/index.ts";
export { int8Linear } from "./ops/int8-linear.ts";
export { expand, reshape, transpose } from "./ops/layout.ts";
export { linear, type WeightLayout } from "./ops/linear.ts";
export {
  type CrossEntropyOptions,
  crossEntropy,
  IGNORED_LABEL,
  maskIgnoredLabels,
  type Reduction,
} from "./ops/loss.ts";
export { type MatmulAttributes, matmul } from "./ops/matmul.ts";
export { layerNorm, rmsNorm } from "./ops/norm.ts";
export { quantizedGather } from "./ops/quantized-gather.ts";
export { type BlockFormat, type BlockMatrix, dequantize, quantizedLinear } from "./ops/quantized-linear.ts";
export { type Cell, gateCount, recurrence } from "./ops/recurrence.ts";
export { reduceMax, reduceMean, reduceSum } from "./ops/reduction.ts";
export { rotary, rotaryAt } from "./ops/rotary.ts";
export { skipRmsNorm } from "./ops/skip-norm.ts";
export { concat, slice, split, zerosLike } from "./ops/slicing.ts";
export { logSoftmax, softmax } from "./ops/softmax.ts";
export { type RewriteRule, rewrite, rewriteNamed } from "./rewrite.ts";
export { sumOf } from "./shape.ts";
export {
  apply,
  applyOne,
  constant,
  type Dimension,
  formatShape,
  input,
  NONE_OR_MORE,
  type Node,
  nodesOf,
  parameter,
  type Shape,
  type Source,
  scalar,
  shapeError,
  type TensorType,
  type Value,
} from "./value.ts";
