import { describe, expect, test } from "vitest";
import { openFiles } from "../../src/files/index.ts";
import { AdaptedWeights } from "../../src/inference/adapters/adapted-weights.ts";
import { mergedParameters, peftName, readAdapter } from "../../src/inference/adapters/adapters.ts";
import { adapterPlan, isLearned } from "../../src/inference/adapters/lora-config.ts";
import { ForwardPass } from "../../src/inference/forward.ts";
import { openModelFiles } from "../../src/inference/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import { StepGraph } from "../../src/training/index.ts";
import { fixture, maxDifference, readJson, readTensors, rowsOf } from "../helpers/fixtures.ts";

/** Reference: peft 0.21.2, torch 2.15.0 in float64. Logits within 1e-5, merged weights within 1e-6, gradients within 1e-5. */
describe.each(["gpt2", "llama", "llama-dora", "llama-patterns", "llama-rslora", "t5"])(
  "the adapter %s",
  async (name) => {
    const directory = fixture(`training/lora/${name}`);
    const { base, loss } = await readJson<{ base: string; loss: number }>(`${directory}/expected.json`);
    const expected = await readTensors(directory, "expected.safetensors");
    const open = async () => openModelFiles(await openFiles(`${directory}/${base}`));
    const tensor = (key: string): HostTensor => expected[key] as HostTensor;
    const inputs = {
      inputIds: rowsOf(tensor("input_ids")),
      attentionMask: rowsOf(tensor("attention_mask")),
      labels: rowsOf(tensor("labels")),
    };
    const compare = (logits: HostTensor | undefined, key: string): void => {
      const padded = name === "t5" ? [] : inputs.attentionMask.flat();
      const size = tensor(key).shape[2] as number;
      const own = logits as HostTensor;
      const seen = (values: HostTensor): HostTensor => ({
        ...values,
        data: Float32Array.from(values.data as Float32Array, (x, i) => (padded[Math.floor(i / size)] === 0 ? 0 : x)),
      });
      expect(maxDifference(seen(own), seen(tensor(key))), key).toBeLessThan(1e-5);
    };

    test("gives the reference's logits, is switched off and on, and merges", async () => {
      const { architecture, weights } = await open();
      const adapter = await readAdapter(`${directory}/adapter`, architecture);
      const merged = await mergedParameters(weights, architecture, adapter);
      const recorded = await readTensors(directory, "merged-weights.safetensors");
      for (const [path, reference] of Object.entries(recorded))
        expect(maxDifference(merged[path] as HostTensor, reference), path).toBeLessThan(1e-6);
      const adapted = new AdaptedWeights(weights, architecture).with("own", adapter);
      const forward = new ForwardPass(architecture, adapted.weights);
      const logits = async (name?: string) => (await forward.run(inputs, {}, await adapted.feeds(name))).logits;
      compare(await logits(), "logits_base");
      compare(await logits("own"), "logits");
      compare(await logits(), "logits_base");
      await expect(adapted.feeds("other")).rejects.toThrow("there is no adapter other; loaded: own");
      await forward.dispose();
      const whole = await open();
      const fed = whole.weights.withFed({ paths: new Set(Object.keys(merged)) });
      const plain = new ForwardPass(whole.architecture, fed);
      compare((await plain.run(inputs, {}, merged)).logits, "logits_merged");
      await plain.dispose();
    });

    test("has the reference's loss and gradients", async () => {
      const { architecture, weights } = await open();
      const { config, parameters } = await readAdapter(`${directory}/adapter`, architecture);
      const [rows, length] = tensor("input_ids").shape as [number, number];
      const graph = await StepGraph.create(architecture, {
        rows,
        length,
        steps: tensor("labels").shape[1] as number,
        gradients: true,
        learns: isLearned(config),
        bind: (path) => weights.bind(path),
        plan: adapterPlan(config),
      });
      const result = await graph.run(parameters, inputs);
      expect(Math.abs(result.loss - loss)).toBeLessThan(1e-5);
      const gradients = Object.keys(expected).filter((key) => key.startsWith("grad."));
      expect(
        Object.keys(result.gradients)
          .map((path) => `grad.${peftName(path, architecture)}`)
          .sort(),
      ).toEqual(gradients.sort());
      for (const [path, data] of Object.entries(result.gradients)) {
        const reference = tensor(`grad.${peftName(path, architecture)}`);
        const own: HostTensor = { dtype: "float32", shape: reference.shape, data };
        expect(maxDifference(own, reference), path).toBeLessThan(1e-5);
      }
      await graph.dispose();
    });
  },
);

describe.each(["untied", "only-embeddings", "positions", "tokens", "tokens-tied"])(
  "the adapter of embeddings %s (lora_embeddings.py)",
  (name) => {
    const directory = fixture(`training/lora-embeddings/${name}`);

    test("gives PEFT's logits, in use and merged", async () => {
      const { base_model_name_or_path: base } = await readJson<{ base_model_name_or_path: string }>(
        `${directory}/adapter_config.json`,
      );
      const expected = await readTensors(directory, "expected.safetensors");
      const { architecture, weights } = await openModelFiles(await openFiles(`${directory}/${base}`));
      const adapter = await readAdapter(directory, architecture);
      const merged = await mergedParameters(weights, architecture, adapter);
      const inputs = { inputIds: rowsOf(expected.input_ids as HostTensor) };
      const adapted = new AdaptedWeights(weights, architecture).with("own", adapter);
      const forward = new ForwardPass(architecture, adapted.weights);
      const logitsOf = async (name?: string) => (await forward.run(inputs, {}, await adapted.feeds(name))).logits;
      const before = (await logitsOf()) as HostTensor;
      expect(maxDifference(before, expected.logits as HostTensor)).toBeGreaterThan(0.1);
      const logits = (await logitsOf("own")) as HostTensor;
      expect(maxDifference(logits, expected.logits as HostTensor)).toBeLessThan(1e-4);
      expect(await logitsOf()).toEqual(before);
      await forward.dispose();
      const whole = await openModelFiles(await openFiles(`${directory}/${base}`));
      const fed = whole.weights.withFed({ paths: new Set(Object.keys(merged)) });
      const plain = new ForwardPass(whole.architecture, fed);
      const own = (await plain.run(inputs, {}, merged)).logits as HostTensor;
      expect(maxDifference(own, expected.merged as HostTensor)).toBeLessThan(1e-4);
      await plain.dispose();
    });
  },
);
