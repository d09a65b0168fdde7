import type { AttributesOf, CompositeName } from "../../graph/index.ts";
import {
  groupQueryAttention,
  groupQueryAttentionOfRows,
  joinedGroupQueryAttention,
  multiHeadAttention,
  rotaryEmbedding,
} from "./attention.ts";
import { gatherLast } from "./block-inputs.ts";
import type { Kernel } from "./kernel.ts";
import { skipSimplifiedLayerNorm } from "./norm.ts";
import { gatherBlockQuantized } from "./quantized-gather.ts";
import { integerProduct, matMulNBits } from "./quantized-linear.ts";
import { recurrentLayer } from "./recurrence.ts";
import { decayedMaxScan, decayedScan, deltaScan, generalDeltaScan } from "./scan.ts";

/** The kernels of every composite, the first that fits is taken; an empty list: always its decomposition. */
export type KernelTable = { readonly [N in CompositeName]: readonly Kernel<AttributesOf<N>>[] };

export const kernels: KernelTable = {
  attention: [multiHeadAttention, groupQueryAttentionOfRows],
  attentionBlock: [],
  blockSums: [],
  cachedAttention: [groupQueryAttention],
  fromExperts: [],
  joinedAttention: [joinedGroupQueryAttention],
  decayedMax: [decayedMaxScan],
  decayedSum: [decayedScan],
  deltaRule: [deltaScan],
  generalDeltaRule: [generalDeltaScan],
  int8Linear: [integerProduct],
  linear: [],
  quantizedGather: [gatherBlockQuantized],
  quantizedLinear: [matMulNBits],
  recurrence: [recurrentLayer],
  rotary: [],
  rotaryAt: [rotaryEmbedding],
  skipRmsNorm: [skipSimplifiedLayerNorm],
  softcap: [],
  softplus: [],
  takeColumns: [gatherLast],
  toExperts: [],
  writtenRecurrence: [],
};
