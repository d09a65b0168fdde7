import { describe, expect, test } from "vitest";
import { cli } from "../../test/helpers/cli.ts";
import { fixture } from "../../test/helpers/fixtures.ts";
import { tokensOf } from "../explain/index.ts";
import { loadModel } from "../index.ts";
import { strongest } from "./attention.ts";
import { bar, countText, tableLines } from "./table.ts";

const gpt2 = fixture("models/gpt2");
const bart = fixture("models/bart");

interface Step {
  readonly id: number;
  readonly candidates: readonly { readonly id: number; readonly probability: number; readonly before: number }[];
}

describe("--show candidates", () => {
  const draw = ["--do-sample", "--seed", "3", "--top-k", "4", "--set", "eos_token_id=null", "--max-new-tokens", "5"];

  test("prints a table for each step with a header and marks the drawn token", async () => {
    const args = ["run", gpt2, "A", ...draw, "--show", "candidates", "--candidates", "6"];
    const { steps } = JSON.parse((await cli([...args, "--json"])).out) as { steps: Step[] };
    const { out } = await cli(args);
    const tables = out.trim().split("\n\n").slice(0, 5);
    expect(steps).toHaveLength(5);
    for (const [i, { id, candidates }] of steps.entries()) {
      const lines = (tables[i] as string).split("\n");
      expect(lines[0]).toMatch(new RegExp(`^ *step ${i + 1} +token +model +options$`));
      expect(candidates).toHaveLength(6);
      expect(candidates.filter(({ probability }) => probability > 0)).toHaveLength(4);
      expect(lines.filter((line) => line.endsWith("removed by topK"))).toHaveLength(2);
      const drawn = candidates.findIndex((candidate) => candidate.id === id);
      expect(lines.flatMap((line, at) => (line.includes("▸") ? [at - 1] : []))).toEqual([drawn]);
      const { before, probability } = candidates[drawn] as Step["candidates"][number];
      expect(lines[drawn + 1]).toContain(`${(100 * before).toFixed(1)} %`);
      expect(lines[drawn + 1]).toContain(`${(100 * probability).toFixed(1)} %`);
    }
  });

  test("shows the start token of an encoder–decoder, and asks for a single beam", async () => {
    const args = ["summarize", bart, "A fox.", "--max-new-tokens", "2", "--show", "candidates"];
    expect(await cli([...args, "--num-beams", "2"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("got numBeams 2; set numBeams to 1 (--num-beams 1)"),
    });
    const { out } = await cli([...args, "--num-beams", "1"]);
    expect(out).toMatch(/^start token: "<\/s>"\n\n *step 1 +token +probability\n/);
    await using model = await loadModel(bart);
    const { text } = await model.generate({ prompt: "A fox." }, { maxNewTokens: 2, numBeams: 1 });
    expect(out.endsWith(`\n\n${text}\n`)).toBe(true);
    const json = JSON.parse((await cli([...args, "--num-beams", "1", "--json"])).out) as {
      text: string;
      steps: Step[];
    };
    expect(json.text).toBe(text);
    expect(json.steps).toHaveLength(2);
  });

  test.each([
    [["run", gpt2, "x", "--show", "everything"], "--show takes candidates or attention; got everything"],
    [["run", gpt2, "x", "--show", "attention", "--candidates", "2"], "--candidates belongs to --show candidates"],
    [["run", gpt2, "x", "--layer", "1"], "--layer and --head belong to --show attention"],
    [["run", gpt2, "x", "--candidates", "0"], "--candidates takes a whole number above 0"],
    [["run", gpt2, "x", "--show", "attention", "--layer", "9"], "--layer must be below 2, which this model has; got 9"],
    [["run", gpt2, "x", "--show", "attention", "--head", "9"], "--head must be below 4, which this model has; got 9"],
    [["translate", bart, "x", "--show", "attention"], "--show takes candidates; got attention"],
  ])("%j is refused", async (args, message) => {
    expect(await cli(args)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(message) });
  });
});

test("--show twice is wrong usage", async () => {
  expect(await cli(["run", "stories", "a", "--show", "attention", "--show", "candidates"])).toMatchObject({
    code: 2,
    err: expect.stringContaining("--show was given twice, attention and candidates"),
  });
});

describe("--show attention", () => {
  interface Edge {
    readonly head: number;
    readonly from: { readonly position: number };
    readonly to: { readonly position: number };
    readonly weight: number;
  }

  test("prints the largest weights of a layer and head of the forward pass", async () => {
    const args = ["run", gpt2, "A fox ran", "--max-new-tokens", "2", "--set", "do_sample=false"];
    const shown = [...args, "--show", "attention", "--layer", "1", "--head", "2"];
    const { inputIds, outputIds, attention } = JSON.parse((await cli([...shown, "--json"])).out) as {
      inputIds: number[];
      outputIds: number[];
      attention: { layer: number; edges: Edge[] };
    };
    await using model = await loadModel(gpt2);
    const { attentions = [] } = await model.forward({ inputIds: [[...inputIds, ...outputIds]] }, { attentions: true });
    const { data, shape } = attentions[1] as (typeof attentions)[number];
    const [, , queries, keys] = shape as [number, number, number, number];
    const weights = data.slice(2 * queries * keys + keys, 3 * queries * keys); // without the first query
    const largest = [...weights].sort((a, b) => b - a).slice(0, 10);
    expect(attention.edges.map(({ weight }) => weight)).toEqual(largest);
    for (const { head, from, to, weight } of attention.edges) {
      expect(head).toBe(2);
      expect(data[(2 * queries + from.position) * keys + to.position]).toBe(weight);
    }
    const { out } = await cli(shown);
    expect(out).toContain("layer 1: the strongest attention weights");
    expect(out.match(/%/g)).toHaveLength(10);
  });

  test("prints cross-attention of an encoder–decoder, and refuses a recurrent model", async () => {
    const args = ["run", bart, "A fox.", "--max-new-tokens", "2", "--num-beams", "1", "--show", "attention"];
    expect((await cli(args)).out).toContain("the strongest cross-attention weights");
    expect(await cli(["run", "stories-gru", "a", "--max-new-tokens", "1", "--show", "attention"])).toMatchObject({
      code: 1,
      err: expect.stringContaining("has no attention; use a transformer"),
    });
  });
});

test("the strongest edges are sorted and bounded, and leave out the first query", () => {
  const weights = { shape: [1, 1, 2, 2], data: Float32Array.of(1, 0, 0.25, 0.75) };
  expect(strongest(weights, { head: undefined, skipsFirst: true, most: 1 })).toEqual([
    { head: 0, query: 1, key: 1, weight: 0.75 },
  ]);
  expect(strongest(weights, { head: 0, skipsFirst: false }).map(({ weight }) => weight)).toEqual([1, 0.75, 0.25, 0]);
});

describe("lectern compare", () => {
  const bert = fixture("models/bert");

  test("prints the cosine similarity of a word's states layer by layer", async () => {
    const texts = ["The fox ran.", "A red fox sat."] as const;
    const { out } = await cli(["compare", bert, ...texts, "--word", "fox", "--json"]);
    const { layers } = JSON.parse(out) as { layers: { layer: number; similarity: number }[] };
    await using model = await loadModel(bert);
    const states = await Promise.all(
      texts.map(async (text) => {
        const {
          ids,
          typeIds,
          offsets = [],
        } = model.tokenizer?.encode(text, { offsets: true }) ?? { ids: [], typeIds: [] };
        const at = text.indexOf("fox");
        const chosen = ids.flatMap((_, i) => {
          const [start, end] = offsets[i] as readonly [number, number];
          return start >= at && end <= at + 3 && end > start ? [i] : [];
        });
        const { hiddenStates = [] } = await model.forward(
          { inputIds: [ids], tokenTypeIds: [typeIds] },
          { hiddenStates: true },
        );
        return hiddenStates.map(({ data, shape }) => {
          const size = shape[2] as number;
          return Array.from({ length: size }, (_, e) =>
            chosen.reduce((sum, i) => sum + Number(data[i * size + e]) / chosen.length, 0),
          );
        });
      }),
    );
    const [a = [], b = []] = states;
    const dot = (x: number[], y: number[]): number => x.reduce((sum, value, i) => sum + value * (y[i] as number), 0);
    expect(layers).toHaveLength(a.length);
    for (const [i, { layer, similarity }] of layers.entries()) {
      const [x, y] = [a[i] as number[], b[i] as number[]];
      expect(layer).toBe(i);
      expect(similarity).toBeCloseTo(dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y)), 5);
    }
    expect(layers.some(({ similarity }) => similarity < 0.999)).toBe(true);
  });

  test("the same text has similarity 1 at every layer; a word that is missing is refused", async () => {
    const { out } = await cli(["compare", bert, "The fox", "The fox", "--word", "fox"]);
    expect(
      out
        .split("\n")
        .slice(1, -1)
        .every((line) => line.includes("1.000")),
    ).toBe(true);
    expect(await cli(["compare", bert, "The fox", "A dog", "--word", "fox"])).toMatchObject({
      code: 1,
      err: expect.stringContaining('--word fox is not in the text "A dog"'),
    });
  });

  test("a whole word goes before a part of one, in code points", () => {
    const offsets = [
      [0, 1],
      [1, 5],
      [5, 6],
      [6, 9],
    ] as const; // 👍 foxy, space, fox
    expect(tokensOf("👍foxy fox", "fox", offsets)).toEqual([3]);
    expect(tokensOf("👍foxy", "fox", offsets.slice(0, 2))).toEqual([1]);
  });
});

test("tables align columns, bars have eighths, counts have units", () => {
  expect(
    tableLines(
      [
        ["a", "b"],
        ["long", "10"],
      ],
      [1],
    ),
  ).toEqual(["a      b", "long  10"]);
  expect([bar(1, 2), bar(0.5, 1), bar(0, 1), bar(1e-9, 1)]).toEqual(["██", "▌", "", "▏"]);
  expect([0, 999, 1540, 10_600_000, 1_100_000_000].map(countText)).toEqual(["0", "999", "1.54 K", "10.6 M", "1.10 B"]);
});
