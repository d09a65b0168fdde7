/**
 * What a mixture of experts costs by the number of experts that a token goes to: tokens a second of a random Qwen3-MoE of
 * 64 experts in each layer, in each precision.
 *   node bench/mixture.mjs [PER_TOKEN …]
 * Without numbers: 1, 8 and 64, which is all of them.
 */
import { mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadModel } from "../dist/index.js";

const [EXPERTS, WIDTH, INNER, LAYERS, HEADS, WORDS] = [64, 512, 512, 2, 8, 256];
const [PROMPT, NEW_TOKENS, ROUNDS] = [64, 32, 3];
const counts = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1, 8, EXPERTS];

const folder = mkdtempSync(join(tmpdir(), "lectern-mixture-"));
try {
  writeWeights(join(folder, "model.safetensors"));
  for (const precision of ["float32", "int8", "int4"])
    for (const perToken of counts) {
      const { decoding, prefill } = await measure(precision, perToken);
      console.log(
        `${precision.padEnd(8)} ${String(perToken).padStart(2)} of ${EXPERTS}: ${decoding.toFixed(1)} tokens/s, prompt of ${PROMPT} in ${prefill.toFixed(0)} ms`,
      );
    }
} finally {
  rmSync(folder, { recursive: true });
}

async function measure(precision, perToken) {
  const config = {
    model_type: "qwen3_moe",
    architectures: ["Qwen3MoeForCausalLM"],
    vocab_size: WORDS,
    hidden_size: WIDTH,
    intermediate_size: INNER,
    moe_intermediate_size: INNER,
    num_hidden_layers: LAYERS,
    num_attention_heads: HEADS,
    num_key_value_heads: HEADS,
    head_dim: WIDTH / HEADS,
    num_experts: EXPERTS,
    num_experts_per_tok: perToken,
    norm_topk_prob: true,
    tie_word_embeddings: false,
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const model = await loadModel(folder, { precision, prefixCacheBytes: 0 });
  const inputIds = [Array.from({ length: PROMPT }, (_, i) => (i * 37) % WORDS)];
  const options = { doSample: false, eosTokenId: null, maxNewTokens: NEW_TOKENS };
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { timing } = await model.generate({ inputIds }, options);
    const decoding = ((NEW_TOKENS - 1) / (timing.totalMs - timing.firstTokenMs)) * 1000;
    rounds.push({ decoding, prefill: timing.firstTokenMs });
  }
  await model.dispose();
  const median = (key) => rounds.map((round) => round[key]).toSorted((a, b) => a - b)[ROUNDS >> 1];
  return { decoding: median("decoding"), prefill: median("prefill") };
}

/** A checkpoint of random weights. */
function writeWeights(path) {
  const shapes = { "model.embed_tokens.weight": [WORDS, WIDTH], "lm_head.weight": [WORDS, WIDTH] };
  shapes["model.norm.weight"] = [WIDTH];
  for (let layer = 0; layer < LAYERS; layer++) {
    const at = `model.layers.${layer}`;
    for (const name of ["q_proj", "k_proj", "v_proj", "o_proj"])
      shapes[`${at}.self_attn.${name}.weight`] = [WIDTH, WIDTH];
    for (const name of ["q_norm", "k_norm"]) shapes[`${at}.self_attn.${name}.weight`] = [WIDTH / HEADS];
    for (const name of ["input_layernorm", "post_attention_layernorm"]) shapes[`${at}.${name}.weight`] = [WIDTH];
    shapes[`${at}.mlp.gate.weight`] = [EXPERTS, WIDTH];
    for (let i = 0; i < EXPERTS; i++) {
      for (const name of ["gate_proj", "up_proj"]) shapes[`${at}.mlp.experts.${i}.${name}.weight`] = [INNER, WIDTH];
      shapes[`${at}.mlp.experts.${i}.down_proj.weight`] = [WIDTH, INNER];
    }
  }
  const header = {};
  let end = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const bytes = 4 * shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: "F32", shape, data_offsets: [end, end + bytes] };
    end += bytes;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(path, "w");
  writeSync(file, length);
  writeSync(file, text);
  for (const shape of Object.values(shapes)) {
    const size = shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: size }, () => (Math.random() - 0.5) * (shape.length > 1 ? 0.1 : 2));
    writeSync(file, new Uint8Array(data.buffer));
  }
}
