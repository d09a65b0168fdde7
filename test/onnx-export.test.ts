import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModel } from "../src/inference/index.ts";
import { type ExportOnnxOptions, exportOnnx } from "../src/inference/onnx/export-onnx.ts";
import { createNativeSession, NativeTensor } from "../src/runtime/binding-node.ts";
import type { HostTensor } from "../src/tensor/index.ts";
import { decoders, encoderDecoders, encoders, fixture, maxDifference } from "./helpers/fixtures.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-"));
  process.env.LECTERN_CACHE = join(folder, "cache");
});
afterAll(() => rm(folder, { recursive: true }));

type Rows = readonly (readonly number[])[];

/** An exported graph in ONNX Runtime alone, without anything of Lectern's. */
interface Plain {
  readonly inputs: readonly string[];
  run(feeds: Record<string, HostTensor>): Promise<Record<string, HostTensor<"float32">>>;
}

async function exported(model: string, options: Omit<ExportOnnxOptions, "out"> = {}): Promise<Plain[]> {
  const out = await mkdtemp(join(folder, "onnx-"));
  const { graphs } = await exportOnnx(model, { ...options, out });
  return Promise.all(
    graphs.map(async ({ file, inputs }) => {
      const session = await createNativeSession(await readFile(join(out, file)), {
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        executionMode: "sequential",
        enableMemPattern: true,
        logSeverityLevel: 3,
        extra: { session: { model_external_initializers_file_folder_path: join(out, file, "..") } },
      });
      return {
        inputs,
        async run(feeds) {
          const given = inputs.map((name) => {
            const { dtype, data, shape } = feeds[name] as HostTensor;
            return [name, new NativeTensor(dtype, data, shape)] as const;
          });
          const wanted = Object.fromEntries(session.outputNames.map((name) => [name, null]));
          const results = await session.run(Object.fromEntries(given), wanted);
          const tensors = Object.entries(results).map(([name, { data, dims }]) => [
            name,
            { dtype: "float32", shape: dims, data },
          ]);
          return Object.fromEntries(tensors) as Record<string, HostTensor<"float32">>;
        },
      } satisfies Plain;
    }),
  );
}

const zeros = (row: readonly number[]): readonly number[] => row.map(() => 0);

const int64 = (rows: Rows): HostTensor => ({
  dtype: "int64",
  shape: [rows.length, rows[0]?.length ?? 0],
  data: BigInt64Array.from(rows.flat(), BigInt),
});

/** Position ids as Hugging Face counts them: 1 where the mask is 0. */
const counted = (mask: Rows): Rows =>
  mask.map((row) => row.map((flag, i) => (flag ? row.slice(0, i).reduce((a, b) => a + b, 0) : 1)));

const ids: Rows = [
  [9, 5, 7, 30, 12, 4, 21, 2],
  [0, 0, 0, 7, 8, 31, 6, 2],
];
const leftMask: Rows = [ids[0]?.map(() => 1) ?? [], [0, 0, 0, 1, 1, 1, 1, 1]];
const rightIds: Rows = [ids[0] ?? [], [7, 8, 31, 6, 2, 1, 1, 1]];
const rightMask: Rows = [ids[0]?.map(() => 1) ?? [], [1, 1, 1, 1, 1, 0, 0, 0]];
const segments: Rows = [
  [0, 0, 0, 1, 1, 1, 1, 1],
  [0, 1, 1, 1, 1, 0, 0, 0],
];

const heads = {
  logits: "logits",
  last_hidden_state: "lastHiddenState",
  start_logits: "startLogits",
  end_logits: "endLogits",
} as const;

/** Rows of `[B, T, …]` where the mask shows a token. */
function visible({ shape, data }: HostTensor, mask: Rows): number[] {
  const size = shape.slice(2).reduce((a, b) => a * b, 1);
  return mask.flat().flatMap((flag, at) => (flag ? Array.from(data.subarray(at * size, (at + 1) * size), Number) : []));
}

const difference = (a: readonly number[], b: readonly number[]): number =>
  a.length === b.length ? a.reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] as number))), 0) : Infinity;

describe("one graph, in ONNX Runtime alone, computes what Lectern computes", () => {
  test.each(decoders)("%s, a row padded on the left", async (name) => {
    const model = await loadModel(fixture(`models/${name}`), { precision: "float32" });
    const [graph] = (await exported(fixture(`models/${name}`))) as [Plain];
    const feeds = { input_ids: int64(ids), attention_mask: int64(leftMask), position_ids: int64(counted(leftMask)) };
    const { logits } = await graph.run(feeds);
    const expected = await model.forward({ inputIds: ids, attentionMask: leftMask });
    expect(
      difference(visible(logits as HostTensor, leftMask), visible(expected.logits as HostTensor, leftMask)),
    ).toBeLessThan(2e-5);
    await model.dispose();
  });

  test("Falcon's ALiBi, rounded to bfloat16, a row padded on the left", async () => {
    const directory = fixture("cases/falcon_alibi_lm");
    const model = await loadModel(directory, { precision: "float32" });
    const [graph] = (await exported(directory)) as [Plain];
    const feeds = { input_ids: int64(ids), attention_mask: int64(leftMask), position_ids: int64(counted(leftMask)) };
    const { logits } = await graph.run(feeds);
    const expected = await model.forward({ inputIds: ids, attentionMask: leftMask });
    expect(
      difference(visible(logits as HostTensor, leftMask), visible(expected.logits as HostTensor, leftMask)),
    ).toBeLessThan(2e-5);
    await model.dispose();
  });

  test.each(encoders)("%s, a row padded on the right", async (name) => {
    const model = await loadModel(fixture(`models/${name}`), { precision: "float32" });
    const [graph] = (await exported(fixture(`models/${name}`))) as [Plain];
    const knowsSegments = graph.inputs.includes("token_type_ids") && name !== "roberta_mlm";
    const types = knowsSegments ? segments : ids.map((row) => row.map(() => 0));
    const feeds = { input_ids: int64(rightIds), attention_mask: int64(rightMask), token_type_ids: int64(types) };
    const results = await graph.run(feeds);
    const expected = await model.forward({
      inputIds: rightIds,
      attentionMask: rightMask,
      ...(knowsSegments && { tokenTypeIds: types }),
    });
    for (const [key, own] of Object.entries(heads)) {
      const [got, wanted] = [results[key], expected[own]];
      expect(got?.shape, key).toEqual(wanted?.shape);
      const perToken = got?.shape[1] === 8;
      if (got && wanted)
        expect(
          perToken ? difference(visible(got, rightMask), visible(wanted, rightMask)) : maxDifference(got, wanted),
        ).toBeLessThan(2e-5);
    }
    await model.dispose();
  });

  const longEncoders = [
    "longformer_classes",
    "longformer_question",
    "big_bird",
    "big_bird_classes",
    "big_bird_question",
  ];

  test.each(longEncoders)("%s, for long texts, a row padded on the right", async (name) => {
    const model = await loadModel(fixture(`cases/${name}`), { precision: "float32" });
    const [graph] = (await exported(fixture(`cases/${name}`))) as [Plain];
    const long = [9, 5, 7, 2, 2, 12, 4, 8, 19, 6, 21, 33, 11, 5, 7, 30, 14, 15, 16, 9, 22, 25, 31, 2];
    const short = [7, 8, 2, 2, 31, 2];
    const rows = [long, [...short, ...long.slice(short.length).map(() => 1)]];
    const mask = [long.map(() => 1), long.map((_, i) => Number(i < short.length))];
    const given = { inputIds: rows, attentionMask: mask, tokenTypeIds: rows.map(zeros) };
    const feeds = { input_ids: rows, attention_mask: mask, token_type_ids: given.tokenTypeIds };
    const results = await graph.run(Object.fromEntries(Object.entries(feeds).map(([key, x]) => [key, int64(x)])));
    const expected = await model.forward(given);
    for (const [key, own] of Object.entries(heads))
      if (expected[own]) expect(maxDifference(results[key] as HostTensor, expected[own])).toBeLessThan(2e-5);
    await model.dispose();
  });

  test.each([...encoderDecoders, "bart_mnli"])("%s, a source padded on the right", async (name) => {
    const model = await loadModel(fixture(`models/${name}`), { precision: "float32" });
    const [graph] = (await exported(fixture(`models/${name}`))) as [Plain];
    const decoder = name === "bart_mnli" ? rightIds : ids.map((row) => row.slice(3, 7));
    const feeds = { input_ids: int64(rightIds), attention_mask: int64(rightMask), decoder_input_ids: int64(decoder) };
    const { logits } = await graph.run(feeds);
    const inputs = { inputIds: rightIds, attentionMask: rightMask, decoderInputIds: decoder };
    const expected = await model.forward(inputs);
    expect(maxDifference(logits as HostTensor, expected.logits as HostTensor)).toBeLessThan(5e-5);
    await model.dispose();
  });

  test("a recurrent model, from states of zeros", async () => {
    const model = await loadModel("stories-gru");
    const [graph] = (await exported(join(process.cwd(), "models/stories-gru"))) as [Plain];
    expect(graph.inputs).toEqual(["input_ids"]);
    const { logits } = await graph.run({ input_ids: int64(ids) });
    const expected = await model.forward({ inputIds: ids });
    expect(maxDifference(logits as HostTensor, expected.logits as HostTensor)).toBeLessThan(2e-5);
    await model.dispose();
  });
});

/** The cache that a run yields, under the names that the next one reads; keys of the encoder stay as they were. */
const passedOn = (
  results: Readonly<Record<string, HostTensor>>,
  before: Readonly<Record<string, HostTensor>>,
): Record<string, HostTensor> =>
  Object.fromEntries(
    Object.entries(results)
      .filter(([name]) => name.startsWith("present"))
      .map(([name, tensor]) => {
        const own = name.replace("present", "past_key_values");
        return [own, name.includes("encoder") && before[own]?.data.length ? before[own] : tensor];
      }),
  );

/** An empty cache for the inputs that a graph has for one. */
const empty = (graph: Plain, rows: number, [heads, size]: readonly [number, number]): Record<string, HostTensor> =>
  Object.fromEntries(
    graph.inputs
      .filter((name) => name.startsWith("past_key_values"))
      .map((name) => [name, { dtype: "float32", shape: [rows, heads, 0, size], data: new Float32Array(0) }]),
  );

const scalar = (value: number): HostTensor => ({ dtype: "int64", shape: [], data: BigInt64Array.of(BigInt(value)) });

/** Logits of the last place, `[B][V]`. */
const lastOf = ({ shape, data }: HostTensor): number[][] => {
  const [rows, length, size] = shape as [number, number, number];
  return Array.from({ length: rows }, (_, row) => {
    const end = (row + 1) * length * size;
    return Array.from(data.subarray(end - size, end), Number);
  });
};

describe("the layout of Transformers.js: steps over a cache compute what the whole computes", () => {
  const head = (config: Readonly<Record<string, unknown>>): [number, number] => {
    const of = (...keys: string[]): number =>
      Number(keys.map((key) => config[key]).find((value) => value !== undefined));
    const heads = of("decoder_attention_heads", "num_attention_heads", "num_heads", "n_head");
    const size = of("d_kv", "head_dim", "") || of("d_model", "hidden_size", "n_embd") / heads;
    return [Number(config.num_key_value_heads ?? heads), size];
  };

  test.each(decoders)("%s, a row padded on the left", async (name) => {
    const path = fixture(`models/${name}`);
    const model = await loadModel(path, { precision: "float32" });
    const [graph] = (await exported(path, { layout: "transformers.js" })) as [Plain];
    let cache = empty(graph, 2, head(model.config));
    const steps = [
      [0, 5],
      [5, 6],
      [6, 7],
      [7, 8],
    ] as const;
    for (const [from, to] of steps) {
      const part = (rows: Rows, start: number): HostTensor => int64(rows.map((row) => row.slice(start, to)));
      const results = await graph.run({
        ...cache,
        input_ids: part(ids, from),
        attention_mask: part(leftMask, 0),
        position_ids: part(counted(leftMask), from),
        num_logits_to_keep: scalar(from === 0 ? 0 : 1),
      });
      const seen = {
        inputIds: ids.map((row) => row.slice(0, to)),
        attentionMask: leftMask.map((row) => row.slice(0, to)),
      };
      const expected = await model.forward(seen);
      expect(results.logits?.shape[1]).toBe(to - from);
      for (const [row, wanted] of lastOf(expected.logits as HostTensor).entries())
        expect(difference(lastOf(results.logits as HostTensor)[row] as number[], wanted)).toBeLessThan(5e-5);
      cache = passedOn(results, cache);
    }
    await model.dispose();
  });

  test.each(encoderDecoders)("%s, a source padded on the right", async (name) => {
    const path = fixture(`models/${name}`);
    const model = await loadModel(path, { precision: "float32" });
    const [encoder, decoder] = (await exported(path, { layout: "transformers.js" })) as [Plain, Plain];
    const source = { input_ids: int64(rightIds), attention_mask: int64(rightMask) };
    const { last_hidden_state } = await encoder.run(source);
    let cache = empty(decoder, 2, head(model.config));
    for (const to of [1, 2, 3]) {
      const results = await decoder.run({
        ...cache,
        input_ids: int64(ids.map((row) => row.slice(to + 2, to + 3))),
        encoder_attention_mask: int64(rightMask),
        encoder_hidden_states: last_hidden_state as HostTensor,
      });
      const decoderInputIds = ids.map((row) => row.slice(3, to + 3));
      const expected = await model.forward({ inputIds: rightIds, attentionMask: rightMask, decoderInputIds });
      for (const [row, wanted] of lastOf(expected.logits as HostTensor).entries())
        expect(difference(lastOf(results.logits as HostTensor)[row] as number[], wanted)).toBeLessThan(5e-5);
      cache = passedOn(results, cache);
    }
    await model.dispose();
  });
});

describe("files", () => {
  test.each(["int8", "int4"] as const)("in %s, under the name that Transformers.js has for it", async (precision) => {
    const out = join(folder, `quantized-${precision}`);
    const { graphs } = await exportOnnx("models/stories", { out, precision, layout: "transformers.js" });
    const stem = precision === "int8" ? "model_quantized" : "model_q4";
    expect(graphs.map(({ file }) => file)).toEqual([`onnx/${stem}.onnx`]);
    expect((await readdir(out)).sort()).toEqual(
      expect.arrayContaining(["config.json", "generation_config.json", "onnx", "tokenizer.json"]),
    );
    expect((await readdir(join(out, "onnx"))).sort()).toEqual([`${stem}.onnx`, `${stem}.onnx_data`]);
    const config = JSON.parse(await readFile(join(out, "config.json"), "utf8")) as Record<string, unknown>;
    const dtype = precision === "int8" ? "q8" : "q4";
    expect(config["transformers.js_config"]).toEqual({ use_external_data_format: true, dtype });
  });

  test.each(["int8", "int4"] as const)("in %s, the graph computes what the model computes in it", async (precision) => {
    const model = await loadModel("stories", { precision });
    const [graph] = (await exported("models/stories", { precision })) as [Plain];
    const mask = ids.map((row) => row.map(() => 1));
    const feeds = { input_ids: int64(ids), attention_mask: int64(mask), position_ids: int64(counted(mask)) };
    const { logits } = await graph.run(feeds);
    const expected = await model.forward({ inputIds: ids });
    expect(maxDifference(logits as HostTensor, expected.logits as HostTensor)).toBeLessThan(2e-2); // as the kernel against its decomposition
    await model.dispose();
  });

  test("refuses what one graph cannot hold, by name", async () => {
    const out = join(folder, "refused");
    await expect(exportOnnx("models/stories-gru", { out, layout: "transformers.js" })).rejects.toThrow(
      "Transformers.js has no recurrent models",
    );
    await expect(exportOnnx("models/stories", { out, layout: "tf" as "onnx" })).rejects.toThrow(
      "one of onnx, transformers.js",
    );
    await expect(readdir(out)).rejects.toThrow("ENOENT");
  });
});
