import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fixture, maxDifference } from "../../../test/helpers/fixtures.ts";
import { Random } from "../../common/index.ts";
import { writeFileAtomic } from "../../files/write-file.ts";
import { openDirectory, safetensorsChunks } from "../../formats/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { ForwardPass } from "../forward.ts";
import { openModelFiles } from "../model-files.ts";
import { AdaptedWeights } from "./adapted-weights.ts";
import { mergedParameters, readAdapter } from "./adapters.ts";

const random = new Random(5, 0, 0);
const tensor = (...shape: number[]): HostTensor<"float32"> => {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).map(() => random.next() - 0.5);
  return { dtype: "float32", shape, data };
};

/** A directory as PEFT writes it. */
async function adapterOf(config: object, tensors: Readonly<Record<string, HostTensor>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "lectern-"));
  const json = { peft_type: "LORA", r: 2, lora_alpha: 4, ...config };
  await writeFile(join(directory, "adapter_config.json"), JSON.stringify(json));
  const named = Object.entries(tensors).map(([path, value]) => [`base_model.model.${path}`, value]);
  await writeFileAtomic(join(directory, "adapter_model.safetensors"), safetensorsChunks(Object.fromEntries(named)));
  return directory;
}

const open = async (name: string) => openModelFiles(await openDirectory(fixture(`models/${name}`)));

/** Factors of the query projections of a tiny Qwen2 or LLaMA of two layers. */
function queryFactors(size: number): Record<string, HostTensor> {
  const paths = [0, 1].map((layer) => `model.layers.${layer}.self_attn.q_proj`);
  return Object.fromEntries(
    paths.flatMap((path) => [
      [`${path}.lora_A.weight`, tensor(2, size)],
      [`${path}.lora_B.weight`, tensor(size, 2)],
    ]),
  );
}

describe("weights of adapted layers that an adapter brings itself", () => {
  const path = "model.layers.0.self_attn.q_proj";

  test.each([false, true])("count in place of the base's, with DoRA: %s", async (dora) => {
    const { architecture, weights } = await open("qwen2");
    const size = architecture.config.hiddenSize;
    const [bias, weight] = [tensor(size), tensor(size, size)];
    const magnitudes = [0, 1].map((i) => [`model.layers.${i}.self_attn.q_proj.lora_magnitude_vector`, tensor(size)]);
    const directory = await adapterOf(
      { target_modules: ["q_proj"], use_dora: dora, bias: "lora_only" },
      {
        ...queryFactors(size),
        ...(dora && Object.fromEntries(magnitudes)),
        [`${path}.base_layer.bias`]: bias,
        [`${path}.base_layer.weight`]: weight,
      },
    );
    const adapter = await readAdapter(directory, architecture);
    expect(adapter.parameters[`${path}.bias`]).toEqual(bias);
    const adapted = new AdaptedWeights(weights, architecture).with("own", adapter);
    const whole = await open("qwen2");
    const mergedWeights = await mergedParameters(whole.weights, architecture, adapter);
    if (!dora) {
      const [down, up] = ["A", "B"].map(
        (side) => adapter.parameters[`${path}.lora_${side}.weight`]?.data as Float32Array,
      );
      const change = 2 * ((up?.[0] as number) * (down?.[0] as number) + (up?.[1] as number) * (down?.[size] as number));
      const merged = mergedWeights[`${path}.weight`]?.data[0] as number;
      expect(merged).toBeCloseTo((weight.data[0] as number) + change, 6);
    }
    const inputs = { inputIds: [[5, 6, 7]] };
    const fed = whole.weights.withFed({ paths: new Set(Object.keys(mergedWeights)) });
    const passes = [new ForwardPass(architecture, adapted.weights), new ForwardPass(whole.architecture, fed)];
    const feeds = [await adapted.feeds("own"), mergedWeights];
    const [one, other] = await Promise.all(
      passes.map(async (pass, i) => (await pass.run(inputs, {}, feeds[i])).logits as HostTensor),
    );
    expect(maxDifference(one as HostTensor, other as HostTensor)).toBeLessThan(1e-5);
    for (const pass of passes) await pass.dispose();
  });
});

test("all biases are read: those of modules kept whole by PEFT's several names, and copies of them not at all", async () => {
  const { architecture } = await open("bert_cls");
  const { hiddenSize: size, head } = architecture.config as { hiddenSize: number; head: { numLabels: number } };
  const [own, old] = [tensor(head.numLabels), tensor(head.numLabels)];
  const query = "bert.encoder.layer.0.attention.self.query";
  const directory = await adapterOf(
    {
      target_modules: ["layer.0.attention.self.query"],
      modules_to_save: ["classifier"],
      bias: "all",
      task_type: "SEQ_CLS",
    },
    {
      [`${query}.lora_A.weight`]: tensor(2, size),
      [`${query}.lora_B.weight`]: tensor(size, 2),
      "classifier.modules_to_save.bias": own,
      "classifier.original_module.bias": old,
      "bert.encoder.layer.1.output.LayerNorm.bias": tensor(size),
      "cls.predictions.decoder.bias": tensor(3),
    },
  );
  const { parameters } = await readAdapter(directory, architecture);
  expect(parameters["classifier.bias"]).toEqual(own);
  expect(Object.keys(parameters).sort()).toEqual([
    "bert.encoder.layer.0.attention.self.query.lora_A.weight",
    "bert.encoder.layer.0.attention.self.query.lora_B.weight",
    "bert.encoder.layer.1.output.LayerNorm.bias",
    "classifier.bias",
  ]);
});

describe("a base that ties its embeddings", async () => {
  const { architecture } = await open("llama_gqa");
  const { hiddenSize: size, vocabSize } = architecture.config;
  const [table, other] = [tensor(vocabSize, size), tensor(vocabSize, size)];
  const saved = (modules: readonly string[], tensors: Readonly<Record<string, HostTensor>>, config: object = {}) =>
    adapterOf(
      { target_modules: ["q_proj"], modules_to_save: modules, ...config },
      { ...queryFactors(size), ...tensors },
    );

  test.each([
    ["the embeddings alone", "model.embed_tokens.weight", { "model.embed_tokens.weight": table }],
    ["the output layer alone", "base_model.model.lm_head.weight", { "lm_head.weight": table }],
    [
      "two tables that differ",
      "base_model.model.lm_head.weight",
      { "model.embed_tokens.weight": table, "lm_head.weight": other },
    ],
    ["a change of the output layer", "base_model.model.lm_head.lora_A.weight", { "lm_head.lora_A.weight": other }],
  ])("takes no adapter of %s, which PEFT reads as two tables", async (_, name, tensors) => {
    const directory = await saved(["embed_tokens", "lm_head"], tensors);
    await expect(readAdapter(directory, architecture)).rejects.toThrow(
      `${name} is one table with another layer in this base, which ties its embeddings`,
    );
  });

  test("takes one whose table is the same in both, or stays tied", async () => {
    const both = await saved(["embed_tokens"], { "model.embed_tokens.weight": table, "lm_head.weight": table });
    const tied = await saved(["embed_tokens"], { "model.embed_tokens.weight": table }, { ensure_weight_tying: true });
    for (const directory of [both, tied]) {
      const { parameters } = await readAdapter(directory, architecture);
      expect(parameters["model.embed_tokens.weight"]).toEqual(table);
      expect(parameters).not.toHaveProperty(["lm_head.weight"]);
    }
  });

  test("takes no change of its embeddings", async () => {
    const directory = await saved([], { "model.embed_tokens.lora_embedding_A": tensor(2, vocabSize) });
    await expect(readAdapter(directory, architecture)).rejects.toThrow(
      "lora_embedding_A is one table with another layer in this base, which ties its embeddings",
    );
  });
});

test("a pickled adapter is refused with the way to convert it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "lectern-"));
  const config = { peft_type: "LORA", r: 2, lora_alpha: 4, target_modules: ["q_proj"] };
  await writeFile(join(directory, "adapter_config.json"), JSON.stringify(config));
  await writeFile(join(directory, "adapter_model.bin"), "");
  const { architecture } = await open("llama_gqa");
  await expect(readAdapter(directory, architecture)).rejects.toThrow(
    /the weights are pickled \(adapter_model.bin\).*save_file\(torch.load\("adapter_model.bin", weights_only=True\)/,
  );
});
