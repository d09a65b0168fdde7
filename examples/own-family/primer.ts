import { add, type Value } from "lectern/graph";
import { type DecoderConfig, decoderOutputs, defineFamily, parseDecoderHead } from "lectern/inference";
import {
  embedding,
  joinHeads,
  linear,
  type ModelContext,
  positionIds,
  rmsNorm,
  type Scope,
  splitHeads,
} from "lectern/nn";
import { squaredRelu } from "./squared-relu.ts";

const EPSILON = 1e-5;

/** x + attention(norm(x)): `[B, T, E]` → `[B, T, E]` */
function attention(at: Scope, x: Value, c: DecoderConfig, context: ModelContext): Value {
  const normed = rmsNorm(at.in("norm"), x, EPSILON);
  const heads = (name: string): Value =>
    splitHeads(linear(at.in(name), normed, c.hiddenSize, { bias: false }), c.numAttentionHeads); // [B, H, T, D]
  const mixed = context.attend(heads("query"), heads("key"), heads("value"), { scale: c.headSize ** -0.5 });
  return add(x, linear(at.in("out"), joinHeads(mixed), c.hiddenSize, { bias: false }));
}

/** x + down(relu(up(norm(x)))²): `[B, T, E]` → `[B, T, E]` */
function feedForward(at: Scope, x: Value, c: DecoderConfig): Value {
  const wide = squaredRelu(linear(at.in("up"), rmsNorm(at.in("norm"), x, EPSILON), 4 * c.hiddenSize)); // [B, T, 4E]
  return add(x, linear(at.in("down"), wide, c.hiddenSize));
}

/** A decoder with learned positions whose feed-forward layers square their ReLU. */
export const primer = defineFamily({
  modelType: "primer",
  kind: "decoder",
  name: "Primer",
  parseConfig(read): DecoderConfig {
    const [hiddenSize, numAttentionHeads] = [read.size("hidden_size"), read.size("num_attention_heads")];
    return {
      vocabSize: read.size("vocab_size"),
      hiddenSize,
      numHiddenLayers: read.size("num_hidden_layers"),
      numAttentionHeads,
      numKeyValueHeads: numAttentionHeads,
      headSize: hiddenSize / numAttentionHeads,
      maxPositionEmbeddings: read.size("max_position_embeddings"),
      tieWordEmbeddings: true,
      head: parseDecoderHead(read),
    };
  },
  model(root, c, context) {
    const tokens = embedding(root.in("tokens"), context.inputIds, c.vocabSize, c.hiddenSize); // [B, T, E]
    const places = embedding(root.in("positions"), positionIds(context), c.maxPositionEmbeddings, c.hiddenSize);
    const x = context.throughLayers(add(tokens, places), (x, i) => {
      const at = root.in(`layers.${i}`);
      return feedForward(at.in("mlp"), attention(at.in("attention"), x, c, context), c);
    });
    const hidden = rmsNorm(root.in("norm"), x, EPSILON);
    const lmHead = (x: Value): Value => linear(root.in("tokens"), x, c.vocabSize, { bias: false });
    return decoderOutputs(root, c, context, hidden, { lmHead, classifier: "classifier" });
  },
});
