import { add, mul, scalar, softcap, type Value } from "../../graph/index.ts";
import { embedding, linear, type ModelContext, type Scope, tokenMask } from "../../nn/index.ts";
import { decoderOutputs } from "../decoder-head.ts";
import type { DecoderModel } from "../family.ts";
import { gatedConvolution } from "../lfm2/convolution.ts";
import { gatedDeltaNet } from "../qwen3-next/delta-net.ts";
import { norm, selfAttention } from "./attention.ts";
import type { LlamaConfig, LlamaLayer, SublayerNorms } from "./config.ts";
import { feedForward } from "./feed-forward.ts";
import { latentAttention } from "./latent-attention.ts";
import { loadBalancingLoss, mixture, type Routing } from "./mixture.ts";

/** The part of a model that a block is built from. */
interface BlockParts {
  readonly c: LlamaConfig;
  readonly context: ModelContext;
  readonly layer: LlamaLayer;
  readonly routings: Routing[];
}

/** x and what sublayers between their norms add: several read the same. */
function residual(
  at: Scope,
  { preNorm, postNorm }: SublayerNorms,
  x: Value,
  { c, context }: BlockParts,
  ...sublayers: ((x: Value) => Value)[]
): Value {
  const read = preNorm ? norm(at.in(preNorm), x, c) : x;
  return sublayers.reduce((sum, sublayer) => {
    const y = sublayer(read);
    const added = context.dropout(postNorm ? norm(at.in(postNorm), y, c) : y, c.residualDropout);
    return add(sum, c.residualScale === 1 ? added : mul(added, scalar(c.residualScale)));
  }, x);
}

/** The mixing of tokens with those before them, by attention or the layer in its place. */
function mixTokens(at: Scope, x: Value, { c, context, layer }: BlockParts): Value {
  const { latent } = c;
  const { mixer } = layer;
  if (mixer?.kind === "gated-convolution") return gatedConvolution(at.in("conv"), x, mixer, context);
  if (mixer) return gatedDeltaNet(at.in("linear_attn"), x, mixer, context);
  if (latent) return latentAttention(at.in("self_attn"), x, { ...c, latent }, context, layer);
  return selfAttention(at.in("self_attn"), x, c, context, layer);
}

function block(at: Scope, x: Value, parts: BlockParts): Value {
  const { c, context, layer, routings } = parts;
  const { experts, norms } = c;
  const dense = (c.feedForward.kind !== "plain" && c.feedForward.names?.block) || "mlp";
  const attend = (x: Value): Value => mixTokens(at, x, parts);
  const forward = (x: Value): Value =>
    experts && layer.sparse
      ? mixture(at.in(experts.names.block), x, c, experts, routings)
      : context.dropout(feedForward(at.in(dense), x, c, c.intermediateSize), c.feedForwardDropout);
  if (c.isParallel) return residual(at, norms.attention, x, parts, attend, forward);
  return residual(at, norms.feedForward, residual(at, norms.attention, x, parts, attend), parts, forward);
}

/** LLaMA (Touvron et al., 2023) and its relatives: decoders with rotary positions and gated feed-forward. */
export const llama: DecoderModel<LlamaConfig> = (root, c, context) => {
  const at = root.in("model");
  const tokens = embedding(at.in("embed_tokens"), context.inputIds, c.vocabSize, c.hiddenSize, c.paddingRow); // [B, T, E]
  const start = c.embeddingScale === 1 ? tokens : mul(tokens, scalar(c.embeddingScale));
  const routings: Routing[] = [];
  const x = context.throughLayers(context.dropout(start, c.embeddingDropout), (x, i) =>
    block(at.in(`layers.${i}`), x, { c, context, layer: c.layers[i] as LlamaLayer, routings }),
  );
  const { count = 0, routerAuxLossCoef = 0 } = c.experts ?? {};
  if (routerAuxLossCoef > 0 && routings.length > 0 && c.head.kind === "lm")
    context.auxiliaryLoss = () =>
      mul(loadBalancingLoss(routings, tokenMask(context), count), scalar(routerAuxLossCoef));
  const head = c.tieWordEmbeddings ? at.in("embed_tokens") : root.in("lm_head");
  const lmHead = (x: Value): Value => {
    const scores = linear(head, x, c.vocabSize, { bias: false });
    const shifted = c.headBias ? add(scores, root.in("lm_head").parameter("bias", [c.vocabSize])) : scores;
    const logits = c.logitScale === 1 ? shifted : mul(shifted, scalar(c.logitScale));
    return c.logitSoftcap === undefined ? logits : softcap(logits, c.logitSoftcap);
  };
  const heads = { lmHead, classifier: "score", classifierBias: c.classifierBias } as const;
  return decoderOutputs(root, c, context, norm(at.in(c.names.finalNorm), x, c), heads);
};
