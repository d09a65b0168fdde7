import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type HostTensor, safetensorsChunks } from "lectern/inference";

const config = {
  model_type: "primer",
  architectures: ["PrimerForCausalLM"],
  vocab_size: 50,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  max_position_embeddings: 64,
};

/** Writes a checkpoint of the family with repeatable small weights. */
export async function writeCheckpoint(directory: string): Promise<void> {
  let state = 1;
  const draw = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  const tensors: Record<string, HostTensor> = {};
  const add = (name: string, ...shape: number[]): void => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, draw);
    tensors[name] = { dtype: "float32", shape, data: name.endsWith("norm.weight") ? data.fill(1) : data };
  };
  const size = config.hidden_size;
  add("tokens.weight", config.vocab_size, size);
  add("positions.weight", config.max_position_embeddings, size);
  add("norm.weight", size);
  for (let i = 0; i < config.num_hidden_layers; i++) {
    add(`layers.${i}.attention.norm.weight`, size);
    for (const name of ["query", "key", "value", "out"]) add(`layers.${i}.attention.${name}.weight`, size, size);
    add(`layers.${i}.mlp.norm.weight`, size);
    add(`layers.${i}.mlp.up.weight`, 4 * size, size);
    add(`layers.${i}.mlp.up.bias`, 4 * size);
    add(`layers.${i}.mlp.down.weight`, size, 4 * size);
    add(`layers.${i}.mlp.down.bias`, size);
  }
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "config.json"), JSON.stringify(config, null, 2));
  await writeFile(join(directory, "model.safetensors"), Buffer.concat([...safetensorsChunks(tensors)]));
}
