import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { safetensorsChunks } from "../../src/formats/index.ts";
import { loadModel } from "../../src/inference/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import { fixture, maxDifference, readTensors, rowsOf, sharedPath } from "../helpers/fixtures.ts";

const reported = sharedPath("cases/reports/bert-gamma-beta");

test.skipIf(!reported)(
  "a BERT whose norms are called gamma and beta has the reference's scores (skipped where ../shared is absent)",
  async () => {
    const directory = reported as string;
    const readme = await readFile(join(directory, "README"), "utf8");
    const inputIds = JSON.parse(/\[\[.*?\]\]/.exec(readme)?.[0] as string) as number[][];
    const { x } = await readTensors(directory, "expected.logits");
    const model = await loadModel(directory);
    const { logits } = await model.forward({ inputIds });
    await model.dispose();
    expect(maxDifference(logits as HostTensor, x as HostTensor)).toBeLessThan(1e-4);
  },
);

type Tensors = Record<string, HostTensor>;

/** A copy of a case whose tensors are changed. */
async function changed(name: string, change: (tensors: Tensors) => Tensors): Promise<string> {
  const directory = join(await mkdtemp(join(tmpdir(), "lectern-")), name);
  await cp(fixture(`cases/${name}`), directory, { recursive: true });
  const chunks = safetensorsChunks(change(await readTensors(directory, "model.safetensors")));
  await writeFile(join(directory, "model.safetensors"), await bytesOf(chunks));
  return directory;
}

async function bytesOf(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

/** The scores of a directory for a case's own rows. */
async function logitsOf(directory: string, name: string): Promise<HostTensor> {
  const expected = await readTensors(fixture(`cases/${name}`), "expected.safetensors");
  const rows = (key: string): number[][] => rowsOf(expected[`right.${key}`] as HostTensor);
  const model = await loadModel(directory);
  const { logits } = await model.forward({ inputIds: rows("ids"), attentionMask: rows("mask") });
  await model.dispose();
  return logits as HostTensor;
}

describe("a checkpoint's names", () => {
  const name = "bert_old_names";
  const renamed = (to: (name: string) => string) => (tensors: Tensors) =>
    Object.fromEntries(Object.entries(tensors).map(([key, tensor]) => [to(key), tensor]));

  test.each([
    ["with the family's prefix left out", (key: string) => key.replace(/^bert\./, "")],
    ["of today", (key: string) => key.replace("gamma", "weight").replace("beta", "bias")],
  ])("%s give the same scores", async (_, to) => {
    const same = await logitsOf(await changed(name, renamed(to)), name);
    expect(maxDifference(same, await logitsOf(fixture(`cases/${name}`), name))).toBe(0);
  });

  test("a copy of the tied table beside it changes nothing and is no warning; another table is the head", async () => {
    const table = "bert.embeddings.word_embeddings.weight";
    const head = "cls.predictions.decoder.weight";
    const own = await logitsOf(fixture(`cases/${name}`), name);
    const copied = await changed(name, (tensors) => ({ ...tensors, [head]: tensors[table] as HostTensor }));
    expect(maxDifference(await logitsOf(copied, name), own)).toBe(0);
    const other = await changed(name, (tensors) => {
      const { shape, data } = tensors[table] as HostTensor<"float32">;
      return { ...tensors, [head]: { dtype: "float32", shape, data: data.map((x) => -x) } };
    });
    expect(maxDifference(await logitsOf(other, name), own)).toBeGreaterThan(0.1);
  });

  test("a weight in two parts, by torch's weight_norm, is refused with what to do", async () => {
    const path = "bert.encoder.layer.0.output.dense";
    const split = await changed(name, ({ [`${path}.weight`]: weight, ...rest }) => ({
      ...rest,
      [`${path}.weight_g`]: weight as HostTensor,
      [`${path}.weight_v`]: weight as HostTensor,
    }));
    await expect(loadModel(split)).rejects.toThrow(/dense\.weight as a direction and a length .* remove_weight_norm/);
  });
});

test("a head that reads the end token refuses a row without one", async () => {
  const model = await loadModel(fixture("cases/bart_classes"));
  await expect(model.forward({ inputIds: [[7, 8, 9]] })).rejects.toThrow(
    "this head reads the state of the end token 2, which row 1 lacks; append it",
  );
  await model.dispose();
});

test("texts side by side in a row are convolved apart", async () => {
  const model = await loadModel(fixture("cases/deberta_grouped_conv"));
  const [a, b] = [
    [7, 8, 9, 10],
    [11, 12, 13],
  ] as const;
  const both = await model.forward({ inputIds: [[...a, ...b, 0]], texts: [[0, 0, 0, 0, 1, 1, 1, -1]] });
  const alone = await Promise.all([a, b].map((row) => model.forward({ inputIds: [row] })));
  await model.dispose();
  const own = alone.flatMap(({ logits }) => Array.from(logits?.data ?? []));
  const together = Array.from(both.logits?.data ?? []).slice(0, own.length);
  const difference = own.reduce((most, x, i) => Math.max(most, Math.abs(x - (together[i] as number))), 0);
  expect(difference).toBeLessThan(1e-5);
});
