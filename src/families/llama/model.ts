import {
  add,
  type Dimension,
  div,
  mul,
  reduceSum,
  reshape,
  scalar,
  softcap,
  softmax,
  split,
  topMask,
  type Value,
} from "../../graph/index.ts";
import {
  activation,
  embedding,
  joinHeads,
  linear,
  type ModelContext,
  rmsNorm,
  type Scope,
  splitHeads,
  tokenMask,
} from "../../nn/index.ts";
import { decoderOutputs } from "../decoder-head.ts";
import type { DecoderModel } from "../family.ts";
import type { ExpertsConfig, LlamaConfig, LlamaLayer, SublayerNorms } from "./config.ts";

const norm = (at: Scope, x: Value, c: LlamaConfig): Value => rmsNorm(at, x, c.rmsNormEps, c.normOffset);

/** Queries `[B, T, H·D]`, keys and values `[B, T, K·D]`. */
function project(at: Scope, x: Value, c: LlamaConfig): [q: Value, k: Value, v: Value] {
  const [querySize, keySize] = [c.numAttentionHeads * c.headSize, c.numKeyValueHeads * c.headSize];
  const bias = c.qkvBias;
  if (c.fusedProjections) {
    const fused = linear(at.in("qkv_proj"), x, querySize + 2 * keySize, { bias });
    return split(fused, [querySize, keySize, keySize], -1) as [Value, Value, Value];
  }
  const [q, k] = [linear(at.in("q_proj"), x, querySize, { bias }), linear(at.in("k_proj"), x, keySize, { bias })];
  return [q, k, linear(at.in("v_proj"), x, keySize, { bias })];
}

/** Self-attention with rotary positions; several query heads may weight a key-value head. */
function selfAttention(at: Scope, x: Value, c: LlamaConfig, context: ModelContext, layer: LlamaLayer): Value {
  const [queries, keys, values] = project(at, x, c);
  const place = (x: Value, heads: number, name: string): Value => {
    if (c.queryKeyNorm === "all") x = norm(at.in(name), x, c);
    x = splitHeads(x, heads);
    if (c.queryKeyNorm === "head") x = norm(at.in(name), x, c);
    return layer.rotary ? context.rotate(x, layer.rotary) : x;
  };
  const q = place(queries, c.numAttentionHeads, "q_norm"); // [B, H, T, D]
  const k = place(keys, c.numKeyValueHeads, "k_norm"); // [B, K, T, D]
  const v = splitHeads(values, c.numKeyValueHeads); // [B, K, T, D]
  const options = {
    scale: c.attentionScale,
    window: layer.window,
    softcap: c.attentionSoftcap,
    dropout: c.attentionDropout,
  };
  const mixed = context.attend(q, k, v, options); // [B, H, T, D]
  return linear(at.in("o_proj"), joinHeads(mixed), c.hiddenSize, { bias: c.outBias }); // [B, T, E]
}

/** SwiGLU: down(act(gate(x)) · up(x)) (Shazeer, 2020). */
function feedForward(at: Scope, x: Value, c: LlamaConfig): Value {
  const size = c.intermediateSize;
  const [gate, up] = c.fusedProjections
    ? split(linear(at.in("gate_up_proj"), x, 2 * size, { bias: c.mlpBias }), [size, size], -1)
    : ["gate_proj", "up_proj"].map((name) => linear(at.in(name), x, size, { bias: c.mlpBias })); // 2 × [B, T, F]
  const wide = mul(activation(c.hiddenAct)(gate as Value), up as Value); // [B, T, F]
  return linear(at.in("down_proj"), wide, c.hiddenSize, { bias: c.mlpBias }); // [B, T, E]
}

/** The routing of tokens to experts in a layer: both `[B, T, N]`. */
interface Routing {
  readonly routerProbabilities: Value;
  readonly topKMask: Value;
}

/**
 * The imbalance of the experts' use: N Σₑ fₑ Pₑ, of the fraction of tokens that choose an expert and its mean
 * probability, over all layers and tokens but padding (Fedus et al., "Switch Transformers", 2021, equations 4 to 6).
 */
function loadBalancingLoss(routings: readonly Routing[], mask: Value, experts: number): Value {
  const [batch, length] = mask.shape as [Dimension, Dimension];
  const tokens = mul(reduceSum(mask, [0, 1]), scalar(routings.length));
  const each = reshape(mask, [batch, length, 1]);
  const mean = (of: readonly Value[]): Value =>
    div(
      of.map((x) => reduceSum(mul(x, each), [0, 1])).reduce((sum, x) => add(sum, x)),
      tokens,
    ); // [N]
  const fraction = mean(routings.map(({ topKMask }) => topKMask));
  const meanProbability = mean(routings.map(({ routerProbabilities }) => routerProbabilities));
  return mul(reduceSum(mul(fraction, meanProbability), [0]), scalar(experts));
}

/** A mixture of experts: each token's result is that of the few experts its router prefers (Shazeer et al., 2017). */
function mixture(at: Scope, x: Value, c: LlamaConfig, e: ExpertsConfig, routings: Routing[]): Value {
  const routerProbabilities = softmax(linear(at.in("gate"), x, e.count, { bias: false }), -1); // [B, T, N]
  const topKMask = topMask(routerProbabilities, e.perToken);
  routings.push({ routerProbabilities, topKMask });
  const chosen = mul(routerProbabilities, topKMask);
  const weights = e.normalized ? div(chosen, reduceSum(chosen, [-1], true)) : chosen;
  const each = Array.from({ length: e.count }, () => 1);
  const parts = split(weights, each, -1).map((weight, i) => {
    const expert = at.in(`experts.${i}`);
    const gate = activation(c.hiddenAct)(linear(expert.in(e.names.gate), x, e.intermediateSize, { bias: false }));
    const up = linear(expert.in(e.names.up), x, e.intermediateSize, { bias: false });
    return mul(weight, linear(expert.in(e.names.down), mul(gate, up), c.hiddenSize, { bias: false })); // [B, T, E]
  });
  return parts.reduce((sum, part) => add(sum, part));
}

/** x and what a sublayer between its norms adds. */
function residual(
  at: Scope,
  names: SublayerNorms,
  x: Value,
  c: LlamaConfig,
  context: ModelContext,
  sublayer: (x: Value) => Value,
): Value {
  const y = sublayer(names.preNorm ? norm(at.in(names.preNorm), x, c) : x);
  return add(x, context.dropout(names.postNorm ? norm(at.in(names.postNorm), y, c) : y, c.residualDropout));
}

function block(
  at: Scope,
  x: Value,
  c: LlamaConfig,
  context: ModelContext,
  layer: LlamaLayer,
  routings: Routing[],
): Value {
  x = residual(at, c.norms.attention, x, c, context, (x) => selfAttention(at.in("self_attn"), x, c, context, layer));
  const { experts } = c;
  return residual(at, c.norms.feedForward, x, c, context, (x) =>
    experts && layer.sparse
      ? mixture(at.in(experts.names.block), x, c, experts, routings)
      : feedForward(at.in("mlp"), x, c),
  );
}

/** LLaMA (Touvron et al., 2023) and its relatives: decoders with rotary positions and gated feed-forward. */
export const llama: DecoderModel<LlamaConfig> = (root, c, context) => {
  const at = root.in("model");
  const tokens = embedding(at.in("embed_tokens"), context.inputIds, c.vocabSize, c.hiddenSize, c.paddingRow); // [B, T, E]
  const start = c.embeddingScale === 1 ? tokens : mul(tokens, scalar(c.embeddingScale));
  const routings: Routing[] = [];
  const x = context.throughLayers(start, (x, i) =>
    block(at.in(`layers.${i}`), x, c, context, c.layers[i] as LlamaLayer, routings),
  );
  const { count = 0, routerAuxLossCoef = 0 } = c.experts ?? {};
  if (routerAuxLossCoef > 0 && routings.length > 0 && c.head.kind === "lm")
    context.auxiliaryLoss = () =>
      mul(loadBalancingLoss(routings, tokenMask(context), count), scalar(routerAuxLossCoef));
  const head = c.tieWordEmbeddings ? at.in("embed_tokens") : root.in("lm_head");
  const lmHead = (x: Value): Value => {
    const logits = linear(head, x, c.vocabSize, { bias: false });
    return c.logitSoftcap === undefined ? logits : softcap(logits, c.logitSoftcap);
  };
  const heads = { lmHead, classifier: "score", classifierBias: c.classifierBias } as const;
  return decoderOutputs(root, c, context, norm(at.in("norm"), x, c), heads);
};
