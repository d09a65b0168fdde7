import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDirectory } from "../../src/formats/index.ts";
import { loadModel } from "../../src/inference/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import { loadTokenizer } from "../../src/tokenizers/index.ts";
import { fixture, maxDifference, readTensors } from "../helpers/fixtures.ts";
import { ggufCases } from "../helpers/gguf-all-cases.ts";
import type { GgufCase } from "../helpers/gguf-cases.ts";
import { texts } from "../helpers/gguf-tokens.ts";
import { writeBoth } from "../helpers/gguf-writer.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-"));
});
afterAll(() => rm(folder, { recursive: true }));

test.each(Object.entries(ggufCases))("%s as llama.cpp stores it gives what the directory gives", async (name, own) => {
  const { file, directory } = await writeBoth(own, await mkdtemp(join(folder, `${name}-`)));
  const inputIds = [
    [7, 5, 20, 11, 9, 3, 22],
    [4, 8, 15, 16, 21, 13, 12],
  ];
  const results: HostTensor[] = [];
  for (const path of [file, directory]) {
    await using model = await loadModel(path, { precision: "float32" });
    const { logits, lastHiddenState } = await model.forward({ inputIds });
    results.push((logits ?? lastHiddenState) as HostTensor);
  }
  const [ofFile, ofDirectory] = results as [HostTensor, HostTensor];
  expect(maxDifference(ofFile, ofDirectory)).toBeLessThan(1e-5);
});

test.each(["bert", "t5"])(
  "the tokens of %s as llama.cpp stores them give the directory's ids and text",
  async (name) => {
    const own = ggufCases[name] as GgufCase;
    const { file } = await writeBoth(own, await mkdtemp(join(folder, `${name}-`)));
    const [ours, reference] = await Promise.all(
      [file, fixture(own.fixture)].map(async (path) => loadTokenizer(await openDirectory(path))),
    );
    for (const text of texts.map((text) => text.trimEnd())) {
      expect(ours?.encode(text), text).toEqual(reference?.encode(text));
      expect(ours?.encode(text, { pair: "behind it" }), text).toEqual(reference?.encode(text, { pair: "behind it" }));
      const { ids = [] } = reference?.encode(text) ?? {};
      expect(ours?.decode(ids, { skipSpecialTokens: true })).toBe(reference?.decode(ids, { skipSpecialTokens: true }));
    }
  },
);

test("an encoder pools as its file says: the first token's state", async () => {
  const bert = ggufCases.bert as GgufCase;
  const metadata = bert.metadata.filter(([key]) => key !== "bert.pooling_type");
  const own: GgufCase = { ...bert, metadata: [...metadata, ["bert.pooling_type", "u32", 2]] };
  const { file } = await writeBoth(own, await mkdtemp(join(folder, "bert-")));
  await using model = await loadModel(file, { precision: "float32" });
  const [vector] = await model.embed(["the wolf"]);
  const inputIds = [model.tokenizer?.encode("the wolf").ids ?? []];
  const { lastHiddenState } = await model.forward({ inputIds });
  const first = (lastHiddenState as HostTensor<"float32">).data.slice(0, vector?.length);
  expect(vector?.every((value, i) => Math.abs(value - (first[i] as number)) < 1e-5)).toBe(true);
});

test("a quantized GPT-2 is expanded, since its matrices lie the other way round", async () => {
  const own: GgufCase = { ...(ggufCases.gpt2 as GgufCase), type: "Q8_0" };
  const { file, directory } = await writeBoth(own, await mkdtemp(join(folder, "gpt2-")));
  const results: HostTensor<"float32">[] = [];
  for (const path of [file, directory]) {
    await using model = await loadModel(path);
    expect(model.precision).toBe("float32");
    results.push((await model.forward({ inputIds: [[7, 5, 20, 11]] })).logits as HostTensor<"float32">);
  }
  const [ofFile, ofDirectory] = results as [HostTensor<"float32">, HostTensor<"float32">];
  const difference = maxDifference(ofFile, ofDirectory);
  expect(difference).toBeGreaterThan(0);
  expect(difference / Math.max(...ofDirectory.data.map(Math.abs))).toBeLessThan(0.05);
});

test("a table of characters reaches the tokenizer as it lies in the file", async () => {
  const t5 = ggufCases.t5 as GgufCase;
  const table = ["tokenizer.ggml.precompiled_charsmap", "i32s", [0, 1, 255]] as const;
  const { file } = await writeBoth({ ...t5, metadata: [...t5.metadata, table] }, await mkdtemp(join(folder, "t5-")));
  const json = JSON.parse(await (await openDirectory(file)).readText("tokenizer.json"));
  expect(json.normalizer.normalizers[0]).toEqual({ type: "Precompiled", precompiled_charsmap: "AAH/" });
});

test("gpt-oss with experts in MXFP4 gives the reference's logits, in the file's blocks and expanded", async () => {
  const { logits } = await readTensors(fixture("quantized/mxfp4"), "expected.safetensors");
  for (const precision of ["auto", "float32"] as const) {
    const model = await loadModel(fixture("gguf/gpt-oss-MXFP4.gguf"), { precision });
    const found = await model.forward({ inputIds: [[5, 9, 3, 20, 17, 4, 33, 60]] });
    const { shape, data } = found.logits as HostTensor;
    const whole = { dtype: "float32", shape: shape.slice(1), data } as HostTensor;
    expect(maxDifference(whole, logits as HostTensor)).toBeLessThan(precision === "auto" ? 0.1 : 1e-4);
    await model.dispose();
  }
});
