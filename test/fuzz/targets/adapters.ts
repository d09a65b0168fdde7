import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { safetensorsChunks } from "../../../src/formats/index.ts";
import { LocalModel } from "../../../src/inference/local-model.ts";
import { fixture, readFixture } from "../inputs.ts";
import type { Mutator } from "../mutate.ts";
import { changedTensors } from "./weights.ts";

const MODULES: Readonly<Record<string, readonly [target: string, path: RegExp]>> = {
  "models/llama_gqa": ["q_proj", /\.q_proj\.weight$/],
  "models/gpt2": ["c_attn", /\.c_attn\.weight$/],
  "models/bert_cls": ["query", /\.query\.weight$/],
};

/** A LoRA adapter of rank 2 over a model's layers of one name. */
function adapterOf(base: string): { config: Record<string, unknown>; tensors: Uint8Array } {
  const [target, path] = MODULES[base] as [string, RegExp];
  const file = readFixture(`${base}/model.safetensors`);
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(file.subarray(8, 8 + length).toString()) as Record<string, { shape: [number, number] }>;
  const tensors = Object.entries(header).flatMap(([name, { shape }]) => {
    if (!path.test(name)) return [];
    const [out, inside] = target === "c_attn" ? [shape[1], shape[0]] : shape;
    const bare = `base_model.model.${name.replace(/\.weight$/, "")}`;
    const make = (rows: number, columns: number) =>
      ({ dtype: "float32", shape: [rows, columns], data: new Float32Array(rows * columns).fill(0.01) }) as const;
    return [[`${bare}.lora_A.weight`, make(2, inside)] as const, [`${bare}.lora_B.weight`, make(out, 2)] as const];
  });
  return {
    tensors: Buffer.concat(safetensorsChunks(Object.fromEntries(tensors))),
    config: {
      peft_type: "LORA",
      task_type: base === "models/bert_cls" ? "SEQ_CLS" : "CAUSAL_LM",
      r: 2,
      lora_alpha: 4,
      lora_dropout: 0.1,
      target_modules: [target],
      exclude_modules: null,
      modules_to_save: null,
      rank_pattern: {},
      alpha_pattern: {},
      bias: "none",
      layers_to_transform: null,
      layers_pattern: null,
      use_rslora: false,
      use_dora: false,
      fan_in_fan_out: target === "c_attn",
      init_lora_weights: true,
      base_model_name_or_path: fixture(base),
      revision: null,
      inference_mode: true,
      trainable_token_indices: null,
      layer_replication: null,
      megatron_config: null,
      loftq_config: {},
      lora_bias: false,
    },
  };
}

const adaptersOf = new Map(Object.keys(MODULES).map((base) => [base, adapterOf(base)]));

async function write(mutate: Mutator, directory: string, base: string): Promise<void> {
  const { config, tensors } = adaptersOf.get(base) as ReturnType<typeof adapterOf>;
  await mkdir(directory);
  const changesTensors = mutate.chance(0.3);
  await writeFile(
    join(directory, "adapter_config.json"),
    mutate.jsonText(changesTensors ? config : mutate.json(config)),
  );
  await writeFile(
    join(directory, "adapter_model.safetensors"),
    changesTensors ? changedTensors(mutate, tensors) : tensors,
  );
}

export async function adapters(mutate: Mutator, folder: string): Promise<void> {
  const base = mutate.pick(Object.keys(MODULES));
  const directory = join(folder, "adapter");
  await write(mutate, directory, base);
  const isAlone = mutate.chance(0.4);
  const model = await LocalModel.open({ location: isAlone ? directory : fixture(base), threads: 1 });
  try {
    if (!isAlone) await model.addAdapter("one", directory);
    await model.forward({ inputIds: [[3, 4]] }, {});
    await model.useAdapter(undefined);
    await model.forward({ inputIds: [[3, 4]] }, {});
  } finally {
    await model.dispose();
  }
}
