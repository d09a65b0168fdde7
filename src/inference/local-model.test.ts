import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { Random } from "../common/index.ts";
import { safetensorsChunks } from "../formats/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import { LocalModel } from "./local-model.ts";
import { loadModel, type Model } from "./model.ts";

const random = new Random(7, 0, 0);

function tensor(...shape: number[]): HostTensor<"float32"> {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 4 * (random.next() - 0.5));
  return { dtype: "float32", shape, data };
}

/** Writes a LoRA adapter of the fixture's query and down projections, strong enough to change the tokens. */
async function writeAdapter(hiddenSize: number, rank: number): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "lectern-"));
  const config = { peft_type: "LORA", r: rank, lora_alpha: 2 * rank, target_modules: ["q_proj"] };
  await writeFile(join(directory, "adapter_config.json"), JSON.stringify(config));
  const tensors = [0, 1].flatMap((layer) => {
    const path = `base_model.model.model.layers.${layer}.self_attn.q_proj`;
    return [
      [`${path}.lora_A.weight`, tensor(rank, hiddenSize)],
      [`${path}.lora_B.weight`, tensor(hiddenSize, rank)],
    ] as const;
  });
  await writeFile(
    join(directory, "adapter_model.safetensors"),
    Buffer.concat([...safetensorsChunks(Object.fromEntries(tensors))]),
  );
  return directory;
}

const prompt = { inputIds: [5, 6, 7] };
const options = { maxNewTokens: 24, eosTokenId: null, doSample: false } as const;

async function tokens(model: Model, adapter: string | null): Promise<readonly number[]> {
  return (await model.generate(prompt, { ...options, adapter })).outputIds;
}

test("eight requests with three adapters run at once while adapters are added and switched, each as alone", async () => {
  const model = await loadModel(fixture("models/qwen2"));
  const hiddenSize = model.config.hidden_size as number;
  const names = ["one", "two", "three"];
  const places: string[] = [];
  for (const [i] of names.entries()) places.push(await writeAdapter(hiddenSize, 2 + i));
  const requests = [null, ...names, null, ...names];
  const alone = new Map<string | null, readonly number[]>([[null, await tokens(model, null)]]);
  for (const [i, name] of names.entries()) {
    const single = await loadModel(fixture("models/qwen2"));
    await single.addAdapter(name, places[i] as string);
    alone.set(name, (await single.generate(prompt, options)).outputIds);
    await single.dispose();
  }
  expect(new Set([...alone.values()].map(String)).size).toBe(4);
  for (const [i, name] of names.entries()) await model.addAdapter(name, places[i] as string);
  let seen = 0;
  let began = (): void => {};
  const begun = new Promise<void>((resolve) => {
    began = resolve;
  });
  const onToken = (): void => {
    seen++;
    if (seen === requests.length) began();
  };
  const running = requests.map((adapter) => model.generate(prompt, { ...options, adapter, onToken }));
  await begun;
  await model.useAdapter("two");
  await model.addAdapter("four", await writeAdapter(hiddenSize, 5));
  await model.useAdapter(undefined);
  const after = model.generate(prompt, options);
  for (const [i, { outputIds }] of (await Promise.all(running)).entries())
    expect(outputIds, `request ${i}`).toEqual(alone.get(requests[i] as string | null));
  expect((await after).outputIds).toEqual(alone.get(null));
  await expect(model.generate(prompt, { adapter: "five" })).rejects.toMatchObject({
    code: "usage",
    message: "there is no adapter five; loaded: one, two, three, four",
  });
  await expect(model.generate(prompt, { adapter: 5 as never })).rejects.toThrow(
    "generate: adapter must be the name of an adapter that was added, or null for none; got 5",
  );
  await model.dispose();
});

test("keys and values are reused for the same revision of the same adapter alone", async () => {
  const [model, plain] = [
    await loadModel(fixture("models/qwen2")),
    await loadModel(fixture("models/qwen2"), { prefixCacheBytes: 0 }),
  ];
  const place = await writeAdapter(model.config.hidden_size as number, 2);
  const rescaled = await mkdtemp(join(tmpdir(), "lectern-"));
  await cp(place, rescaled, { recursive: true });
  const path = join(rescaled, "adapter_config.json");
  await writeFile(path, (await readFile(path, "utf8")).replace('"lora_alpha":4', '"lora_alpha":9'));
  const long = { inputIds: Array.from({ length: 30 }, (_, i) => 3 + ((i * i) % 200)) };
  const cached: number[] = [];
  const compare = async (adapter: string | null): Promise<void> => {
    const { usage, outputIds } = await model.generate(long, { ...options, adapter });
    expect(outputIds).toEqual((await plain.generate(long, { ...options, adapter })).outputIds);
    cached.push(usage.cachedTokens);
  };
  const add = async (name: string, location: string): Promise<void> => {
    for (const each of [model, plain]) await each.addAdapter(name, location);
  };
  await compare(null);
  await compare(null);
  await add("one", place);
  await add("other", rescaled);
  for (const adapter of ["one", "other", null, "one", "other", null]) await compare(adapter);
  await add("one", rescaled); // another revision under the same name
  for (const adapter of ["one", "other", "one"]) await compare(adapter);
  expect(cached).toEqual([0, 29, 0, 0, 0, 29, 29, 29, 0, 0, 29]);
  for (const each of [model, plain]) await each.dispose();
});

test("a pass takes the adapter of its request", async () => {
  const model = await loadModel(fixture("models/qwen2"));
  const base = await model.forward({ inputIds: [[5, 6, 7]] });
  await model.addAdapter("one", await writeAdapter(model.config.hidden_size as number, 2));
  const changed = await model.forward({ inputIds: [[5, 6, 7]] });
  expect(changed.logits).not.toEqual(base.logits);
  expect(await model.forward({ inputIds: [[5, 6, 7]] }, { adapter: "one" })).toEqual(changed);
  expect((await model.forward({ inputIds: [[5, 6, 7]] }, { adapter: null })).logits).toEqual(base.logits);
  await model.dispose();
});

test("many uses of one model stay within the pool's bound", async () => {
  const model = await LocalModel.open({ location: fixture("models/llama_gqa") });
  const request = (settings: object) => ({
    inputIds: [[5, 6, 7]],
    options: { maxNewTokens: 3, doSample: false, ...settings },
  });
  const first = await model.generate(request({ dolaLayers: [0] }), {});
  const sizes: number[] = [];
  for (const settings of [
    {},
    { dolaLayers: [1] },
    { dolaLayers: [0, 1] },
    { numBeams: 2 },
    { promptLookupNumTokens: 2 },
  ]) {
    await model.generate(request(settings), {});
    sizes.push(model.sessions.bytes);
  }
  for (let use = 0; use < 8; use++) {
    const labels = use & 4 ? { labels: [[5, 6]] } : {};
    await model.forward({ inputIds: [[5, 6]], ...labels }, { hiddenStates: !!(use & 1), attentions: !!(use & 2) });
    sizes.push(model.sessions.bytes);
  }
  expect(new Set(sizes).size).toBeGreaterThan(5); // several sessions at once
  expect(Math.max(...sizes)).toBeLessThanOrEqual(model.sessions.limit);
  const again = await model.generate(request({ dolaLayers: [0] }), {});
  expect(again.sequences[0]?.outputIds).toEqual(first.sequences[0]?.outputIds);
  await model.dispose();
});

test("a disposal ends what is generated and refuses what comes later", async () => {
  const model = await LocalModel.open({ location: fixture("models/llama_gqa") });
  let disposal: Promise<void> | undefined;
  const running = model.generate(
    { inputIds: [[5, 6, 7]], options: { maxNewTokens: 30, eosTokenId: null } },
    {
      onToken: () => {
        disposal ??= model.dispose();
      },
    },
  );
  await expect(running).rejects.toMatchObject({ code: "engine", message: "the model was disposed" });
  await disposal;
  const disposed = { code: "engine", message: "the model was disposed" };
  await expect(model.generate({ inputIds: [[5]], options: {} }, {})).rejects.toMatchObject(disposed);
  await expect(model.forward({ inputIds: [[5]] }, {})).rejects.toMatchObject(disposed);
});
