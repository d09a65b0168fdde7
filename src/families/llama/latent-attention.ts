import { concat, type Dimension, expand, split, type Value, zerosLike } from "../../graph/index.ts";
import { joinHeads, linear, type ModelContext, rmsNorm, type Scope, splitHeads } from "../../nn/index.ts";
import type { LatentConfig, LlamaConfig, LlamaLayer } from "./config.ts";

/** The epsilon of the norms of latent vectors, whatever the config says. */
const EPSILON = 1e-6;

/** Heads `[B, H, T, D]` with zeros behind, up to a width. */
function widened(x: Value, width: number): Value {
  const [batch, heads, length, size] = x.shape as [Dimension, number, Dimension, number];
  if (size === width) return x;
  return concat([x, zerosLike({ dtype: "float32", shape: [batch, heads, length, width - size] })], -1);
}

/**
 * Attention in which a narrow vector of each token gives the keys and values of all heads, and another, which all heads
 * share, knows the position (DeepSeek-AI, "DeepSeek-V2", 2024). Keys and values have one width in the cache.
 */
export function latentAttention(
  at: Scope,
  x: Value,
  c: LlamaConfig & { readonly latent: LatentConfig },
  context: ModelContext,
  layer: LlamaLayer,
): Value {
  const { queryRank, keyValueRank, plainSize, turnedSize, valueSize, bias } = c.latent;
  const [batch, length] = x.shape as [Dimension, Dimension, number];
  const heads = c.numAttentionHeads;
  const turn = (x: Value): Value => (layer.rotary ? context.rotate(x, layer.rotary) : x);
  const width = heads * (plainSize + turnedSize);
  const narrow = (rank: number): Value =>
    rmsNorm(at.in("q_a_layernorm"), linear(at.in("q_a_proj"), x, rank, { bias }), EPSILON);
  const queries =
    queryRank === undefined
      ? linear(at.in("q_proj"), x, width, { bias: false })
      : linear(at.in("q_b_proj"), narrow(queryRank), width, { bias: false });
  const [plainQuery, turningQuery] = split(splitHeads(queries, heads), [plainSize, turnedSize], -1) as [Value, Value];
  const compressed = linear(at.in("kv_a_proj_with_mqa"), x, keyValueRank + turnedSize, { bias });
  const [latent, turningKey] = split(compressed, [keyValueRank, turnedSize], -1) as [Value, Value];
  const normed = rmsNorm(at.in("kv_a_layernorm"), latent, EPSILON);
  const both = splitHeads(linear(at.in("kv_b_proj"), normed, heads * (plainSize + valueSize), { bias: false }), heads);
  const [plainKey, v] = split(both, [plainSize, valueSize], -1) as [Value, Value]; // 2 × [B, H, T, …]
  const sharedKey = expand(turn(splitHeads(turningKey, 1)), [batch, heads, length, turnedSize]);
  const q = widened(concat([plainQuery, turn(turningQuery)], -1), c.headSize); // [B, H, T, D]
  const k = widened(concat([plainKey, sharedKey], -1), c.headSize); // [B, H, T, D]
  const options = { scale: c.attentionScale, dropout: c.attentionDropout };
  const mixed = context.attend(q, k, widened(v, c.headSize), options); // [B, H, T, D]
  const [used] = c.headSize === valueSize ? [mixed] : split(mixed, [valueSize, c.headSize - valueSize], -1);
  return linear(at.in("o_proj"), joinHeads(used as Value), c.hiddenSize, { bias }); // [B, T, E]
}
