import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { chart, type Metrics, performancePage, type Results, readResults, rowsOf } from "../bench/suite/report.mjs";
import { syntheticTokenizer } from "../bench/suite/tokenizer.mjs";
import { nextTurn, variantsOf } from "../bench/suite/turns.mjs";
import { loadTokenizer } from "../src/inference/index.ts";

/** Results of one case. */
const results = (id: string, samples: Readonly<Record<string, readonly Metrics[]>>, flags: string[] = []): Results => ({
  machine: { processor: "A processor", cores: 2, flags, memoryGB: 8, platform: "linux-x64" },
  versions: { Lectern: "0.1.0" },
  date: "2026-01-01",
  cases: { [id]: { probe: {}, samples } },
});

test("each variant warms up once, and a peer goes on with the threads that are best at something", () => {
  const variants = variantsOf(
    [
      ["int4", { engine: "lectern" }],
      ["Q4_0", { engine: "node-llama-cpp" }],
    ],
    2,
  );
  expect(variants.map(({ key }) => key)).toEqual(["int4", "Q4_0 ×1", "Q4_0 ×2"]);
  const speeds: Readonly<Record<string, Metrics>> = {
    int4: { decode128: 10, peakMB: 5 },
    "Q4_0 ×1": { decode128: 6, peakMB: 9 },
    "Q4_0 ×2": { decode128: 4, peakMB: 7 },
  };
  const probe: Record<string, Metrics> = {};
  const samples: Record<string, Metrics[]> = {};
  const order: string[] = [];
  for (;;) {
    const turn = nextTurn({ probe, samples }, variants, 2);
    if (!turn) break;
    const metrics = speeds[turn.key] as Metrics;
    if (turn.isProbe) probe[turn.key] = metrics;
    else (samples[turn.key] ??= []).push(metrics);
    order.push(turn.key);
  }
  expect(order.slice(0, 3)).toEqual(["int4", "Q4_0 ×1", "Q4_0 ×2"]);
  expect(order.slice(3)).toEqual(["int4", "Q4_0 ×1", "Q4_0 ×1", "int4"]);
});

test("a row is the ratio of medians to the better variant of the peer, with the least and the largest of a round", () => {
  const own = [5, 30, 20].map((decode128) => ({ decode128 }));
  const one = [10, 10, 10].map((decode128) => ({ decode128 }));
  const two = [8, 9, 7].map((decode128) => ({ decode128 }));
  const found = rowsOf(results("generate-smollm2-135m", { int4: own, "Q4_0 ×1": one, "Q4_0 ×2": two }));
  const row = found.find(({ title }) => title === "decode int4 to Q4_0, 0.1 B, at 128 tokens");
  expect(row).toMatchObject({ value: 2, spread: [0.5, 3], rounds: 3 });
  expect(found.filter(({ title }) => title.includes("int8"))).toEqual([]);
});

test("the page tells faster rows from slower ones and those below their floor", () => {
  const of = (single: number): Metrics[] => [{ single, batch: single, mixed: 100 }];
  const measured = results("minilm-float32", { lectern: of(10), "peer ×2": of(20) });
  const page = performancePage([["a", measured]]);
  const [faster, slower] = page.split("### Slower than the peer") as [string, string];
  expect(faster).toContain("| MiniLM, float32: batch of 32, mixed lengths | Transformers.js | 1.00 × |");
  expect(slower).toContain(
    "| MiniLM, float32: one text of 128 tokens | Transformers.js | 0.50 × | 0.50 – 0.50 (1) | 2.5 | 1.5 | **below the floor** |",
  );
  expect(chart(measured).match(/<rect x=/g)).toHaveLength(3);
});

test("docs/performance.md and its charts are those of the results", async () => {
  const all = await readResults("bench/results");
  expect(await readFile("docs/performance.md", "utf8")).toBe(performancePage(all));
  for (const [name, own] of all) expect(await readFile(`docs/performance-${name}.svg`, "utf8")).toBe(chart(own));
});

test.each([300, 32000, 151936])("a made-up tokenizer of %i tokens encodes and decodes any text", async (size) => {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  await writeFile(join(folder, "tokenizer.json"), JSON.stringify(syntheticTokenizer(size)));
  const tokenizer = await loadTokenizer(folder);
  expect(tokenizer?.vocabularySize).toBe(size);
  expect(tokenizer?.decode(tokenizer.encode("naïve text").ids)).toBe("naïve text");
  await rm(folder, { recursive: true });
});
