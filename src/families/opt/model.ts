import { add, type Value } from "../../graph/index.ts";
import {
  activation,
  embedding,
  joinHeads,
  layerNorm,
  linear,
  type ModelContext,
  normalized,
  positionIds,
  type Scope,
  splitHeads,
} from "../../nn/index.ts";
import { decoderOutputs } from "../decoder-head.ts";
import type { DecoderModel } from "../family.ts";
import type { OptConfig } from "./config.ts";

const EPSILON = 1e-5;

/** The first rows of the table of positions, which no token has. */
const OFFSET = 2;

const norm = (at: Scope, x: Value, c: OptConfig): Value =>
  c.hasNormWeights ? layerNorm(at, x, EPSILON) : normalized(x, EPSILON);

function selfAttention(at: Scope, x: Value, c: OptConfig, context: ModelContext): Value {
  const project = (name: string): Value =>
    splitHeads(linear(at.in(name), x, c.hiddenSize, { bias: c.hasBias }), c.numAttentionHeads);
  const [q, k, v] = [project("q_proj"), project("k_proj"), project("v_proj")]; // 3 × [B, H, T, D]
  const mixed = context.attend(q, k, v, { scale: c.headSize ** -0.5, dropout: c.attentionDropout }); // [B, H, T, D]
  return linear(at.in("out_proj"), joinHeads(mixed), c.hiddenSize, { bias: c.hasBias }); // [B, T, E]
}

function feedForward(at: Scope, x: Value, c: OptConfig): Value {
  const wide = activation(c.activation)(linear(at.in("fc1"), x, c.intermediateSize, { bias: c.hasBias })); // [B, T, F]
  return linear(at.in("fc2"), wide, c.hiddenSize, { bias: c.hasBias });
}

/** x + sublayer(x), normed before or behind. */
function residual(at: Scope, x: Value, c: OptConfig, context: ModelContext, sublayer: (x: Value) => Value): Value {
  const sum = add(x, context.dropout(sublayer(c.preNorm ? norm(at, x, c) : x), c.dropout));
  return c.preNorm ? sum : norm(at, sum, c);
}

function block(at: Scope, x: Value, c: OptConfig, context: ModelContext): Value {
  x = residual(at.in("self_attn_layer_norm"), x, c, context, (x) => selfAttention(at.in("self_attn"), x, c, context));
  return residual(at.in("final_layer_norm"), x, c, context, (x) => feedForward(at, x, c));
}

/** OPT is GPT-2 with ReLU, three projections and perhaps narrower embeddings or norms behind sublayers (Zhang et al., 2022). */
export const opt: DecoderModel<OptConfig> = (root, c, context) => {
  const at = root.in("model.decoder");
  const isNarrow = c.embeddingSize !== c.hiddenSize;
  const tokens = embedding(at.in("embed_tokens"), context.inputIds, c.vocabSize, c.embeddingSize, c.padTokenId);
  const wide = isNarrow ? linear(at.in("project_in"), tokens, c.hiddenSize, { bias: false }) : tokens; // [B, T, E]
  const rows = c.maxPositionEmbeddings + OFFSET;
  const places = embedding(at.in("embed_positions"), positionIds(context, OFFSET), rows, c.hiddenSize);
  const x = context.throughLayers(add(wide, places), (x, i) => block(at.in(`layers.${i}`), x, c, context));
  const last = c.hasFinalNorm ? norm(at.in("final_layer_norm"), x, c) : x;
  const hidden = isNarrow ? linear(at.in("project_out"), last, c.embeddingSize, { bias: false }) : last;
  const head = c.tieWordEmbeddings ? at.in("embed_tokens") : root.in("lm_head");
  const lmHead = (x: Value): Value => linear(head, x, c.vocabSize, { bias: false });
  return decoderOutputs(root, c, context, hidden, { lmHead, classifier: "score" });
};
