/** Checkpoints of real sizes with random weights, and the same weights in the forms that peers read. */

import { once } from "node:events";
import { createWriteStream, existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exportGguf, exportOnnx } from "../../dist/export-entry.js";
import { readConfig } from "../../dist/families/index.js";
import { loadModel } from "../../dist/index.js";
import { parameterShapes } from "../../dist/training/index.js";
import { syntheticTokenizer } from "./tokenizer.mjs";

const llama = (settings) => ({
  model_type: "llama",
  architectures: ["LlamaForCausalLM"],
  hidden_act: "silu",
  max_position_embeddings: 4096,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
  ...settings,
});
const bert = (settings) => ({
  model_type: "bert",
  architectures: ["BertModel"],
  vocab_size: 30522,
  max_position_embeddings: 512,
  type_vocab_size: 2,
  hidden_act: "gelu",
  num_attention_heads: 12,
  pad_token_id: 0,
  ...settings,
});

/** The settings of each model: those of the checkpoint that it has the size of. */
export const configs = {
  "gpt2-124m": {
    model_type: "gpt2",
    architectures: ["GPT2LMHeadModel"],
    vocab_size: 50257,
    n_embd: 768,
    n_layer: 12,
    n_head: 12,
    n_positions: 1024,
    n_ctx: 1024,
    activation_function: "gelu_new",
  },
  "smollm2-135m": llama({
    vocab_size: 49152,
    hidden_size: 576,
    intermediate_size: 1536,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    head_dim: 64,
    rope_theta: 100000,
  }),
  "qwen3-0.6b": llama({
    model_type: "qwen3",
    architectures: ["Qwen3ForCausalLM"],
    vocab_size: 151936,
    hidden_size: 1024,
    intermediate_size: 3072,
    num_hidden_layers: 28,
    num_attention_heads: 16,
    num_key_value_heads: 8,
    head_dim: 128,
    rms_norm_eps: 1e-6,
    rope_theta: 1000000,
  }),
  "tinyllama-1.1b": llama({
    vocab_size: 32000,
    hidden_size: 2048,
    intermediate_size: 5632,
    num_hidden_layers: 22,
    num_attention_heads: 32,
    num_key_value_heads: 4,
    head_dim: 64,
    tie_word_embeddings: false,
  }),
  "bert-base": bert({ hidden_size: 768, num_hidden_layers: 12, intermediate_size: 3072 }),
  minilm: bert({ hidden_size: 384, num_hidden_layers: 6, intermediate_size: 1536 }),
  "t5-small": {
    model_type: "t5",
    architectures: ["T5ForConditionalGeneration"],
    is_encoder_decoder: true,
    vocab_size: 32128,
    d_model: 512,
    d_kv: 64,
    d_ff: 2048,
    num_layers: 6,
    num_decoder_layers: 6,
    num_heads: 8,
    relative_attention_num_buckets: 32,
    feed_forward_proj: "relu",
    tie_word_embeddings: true,
    decoder_start_token_id: 0,
    pad_token_id: 0,
    eos_token_id: 1,
  },
  marian: {
    model_type: "marian",
    architectures: ["MarianMTModel"],
    is_encoder_decoder: true,
    vocab_size: 58101,
    d_model: 512,
    encoder_layers: 6,
    decoder_layers: 6,
    encoder_attention_heads: 8,
    decoder_attention_heads: 8,
    encoder_ffn_dim: 2048,
    decoder_ffn_dim: 2048,
    activation_function: "swish",
    max_position_embeddings: 512,
    scale_embedding: true,
    static_position_embeddings: true,
    normalize_before: false,
    tie_word_embeddings: true,
    share_encoder_decoder_embeddings: true,
    decoder_start_token_id: 58100,
    pad_token_id: 58100,
    eos_token_id: 0,
  },
};

/** Normally distributed numbers of a fixed seed, repeated from another place for each tensor. */
function noise() {
  let state = 0x9e3779b9;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return Float32Array.from(
    { length: 2 ** 20 + 7 },
    () => 0.02 * Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}

/** The upper halves of float32 numbers. */
const bfloat16 = (values) => {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(words, (word) => word >>> 16);
};

/** Writes a checkpoint in safetensors. */
async function writeWeights(path, shapes, isBfloat16) {
  const width = isBfloat16 ? 2 : 4;
  const header = { __metadata__: { format: "pt" } };
  let at = 0;
  for (const [name, shape] of shapes) {
    const size = width * shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: isBfloat16 ? "BF16" : "F32", shape, data_offsets: [at, (at += size)] };
  }
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const stream = createWriteStream(`${path}.part`);
  const write = async (bytes) => stream.write(bytes) || (await once(stream, "drain"));
  await write(length);
  await write(json);
  const random = noise();
  const stored = (values) => {
    const typed = isBfloat16 ? bfloat16(values) : values;
    return Buffer.from(typed.buffer, typed.byteOffset, typed.byteLength);
  };
  const [bytes, ones] = [stored(random), stored(new Float32Array(1).fill(1))];
  let offset = 0;
  for (const [name, shape] of shapes) {
    const count = shape.reduce((a, b) => a * b, 1);
    if (shape.length === 1) {
      await write(
        /norm.*weight|ln_.*weight|LayerNorm.weight/i.test(name)
          ? Buffer.concat(new Array(count).fill(ones))
          : Buffer.alloc(count * width),
      );
      continue;
    }
    for (let left = count * width; left > 0; ) {
      const piece = bytes.subarray(offset, offset + Math.min(left, bytes.length - offset));
      await write(piece);
      left -= piece.length;
      offset = (offset + piece.length) % bytes.length;
    }
    offset = (offset + 12344) % bytes.length;
  }
  stream.end();
  await once(stream, "finish");
  await rename(`${path}.part`, path);
}

/** Makes a directory once: a marker in it says that it is whole. */
async function madeOnce(directory, make) {
  const marker = join(directory, ".done");
  if (existsSync(marker)) return directory;
  await mkdir(directory, { recursive: true });
  await make();
  await writeFile(marker, "");
  return directory;
}

/** The directory of a model with random weights. */
export function checkpointOf(name, root) {
  const directory = join(root, "checkpoints", name);
  return madeOnce(directory, async () => {
    const config = configs[name];
    const architecture = readConfig(config);
    const last = (config.vocab_size ?? 1) - 1;
    const ids =
      config.is_encoder_decoder || config.model_type === "bert" ? {} : { bos_token_id: last, eos_token_id: last };
    await writeFile(join(directory, "config.json"), JSON.stringify({ ...config, ...ids }, null, 2));
    const isBfloat16 = config.torch_dtype === "bfloat16";
    await writeWeights(join(directory, "model.safetensors"), [...parameterShapes(architecture)], isBfloat16);
    if (Object.keys(ids).length > 0)
      await writeFile(join(directory, "tokenizer.json"), JSON.stringify(syntheticTokenizer(config.vocab_size)));
  });
}

/** The GGUF file of a model, Q4_0 or Q8_0. */
export async function ggufOf(name, type, root) {
  const model = await checkpointOf(name, root);
  const out = join(root, "gguf", `${name}-${type}.gguf`);
  if (existsSync(out)) return out;
  await mkdir(join(root, "gguf"), { recursive: true });
  await exportGguf(model, { type, out });
  return out;
}

/** The directory of a model as Transformers.js reads it, in a precision. */
export async function onnxOf(name, precision, root) {
  const model = await checkpointOf(name, root);
  const out = join(root, "transformers.js", `${name}-${precision}`);
  return madeOnce(out, () => exportOnnx(model, { out, layout: "transformers.js", precision }));
}

/** Quantizes a model's weights into the folder of derived files, so that no measurement does. */
export async function quantized(name, precision, root) {
  const model = await checkpointOf(name, root);
  const marker = join(root, "checkpoints", name, `.${precision}`);
  if (precision === "float32" || existsSync(marker)) return model;
  const loaded = await loadModel(model, { precision });
  await loaded.dispose();
  await writeFile(marker, "");
  return model;
}
