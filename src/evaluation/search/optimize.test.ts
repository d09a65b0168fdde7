import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test, vi } from "vitest";
import { loadModel } from "../../inference/index.ts";
import { definePrompt } from "../../prompting/index.ts";
import { evaluate } from "../run/run.ts";
import { drawCandidates } from "./candidates.ts";
import { optimizePrompt } from "./optimize.ts";
import { promptTask } from "./prompt-task.ts";
import { spreadOf } from "./spread.ts";

const fixture = fileURLToPath(new URL("../../../test/parity/fixtures/models/gpt2", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "lectern-optimize-"));
const loaded = loadModel(fixture);
afterAll(async () => {
  await (await loaded).dispose();
  rmSync(folder, { recursive: true, force: true });
});

const variables = { text: "string", label: { enum: ["bad", "good"] } } as const;
const plain = definePrompt({ name: "plain", variables, template: "{{ text }}:", answer: " {{ label }}" });
const asked = definePrompt({ name: "asked", variables, template: "{{ text }}?", answer: " {{ label }}" });
const rows = (from: number, size: number): { text: string; label: string; other: number }[] =>
  Array.from({ length: size }, (_, i) => ({
    text: `t${from + i} ${"ab".repeat((from + i) % 5)}`,
    label: (from + i) % 3 === 0 ? "good" : "bad",
    other: i,
  }));
const examples = rows(500, 6);
const size = { examples, shots: 2, sets: 2, orders: 2 };

describe("a search", () => {
  test("measures the winner on items that chose nothing, and is the same for the same seed", async () => {
    const model = await loaded;
    const found = await optimizePrompt(model, [plain, asked], { ...size, items: rows(0, 30) });
    expect(found.candidates).toHaveLength(8);
    expect(found.development).toEqual({ used: 15, available: 15 });
    expect(found.heldOut.n).toBe(15);
    const values = found.candidates.map(({ value }) => value);
    expect(values).toEqual(values.toSorted((a, b) => b - a));
    expect(found.winner).toMatchObject(found.candidates[0] ?? {});
    expect(found.winner.rows).toEqual(found.winner.examples.map((i) => examples[i]));
    expect(await optimizePrompt(model, [plain, asked], { ...size, items: rows(0, 30) })).toEqual(found);
    const other = await optimizePrompt(model, [plain, asked], { ...size, items: rows(0, 30), seed: 9 });
    expect(other.candidates.map((own) => own.examples)).not.toEqual(found.candidates.map((own) => own.examples));
  });

  test("reports of its winner what evaluating it on the held-out items gives", async () => {
    const model = await loaded;
    const heldOut = rows(100, 12);
    const { winner, ...found } = await optimizePrompt(model, [plain, asked], { ...size, items: rows(0, 12), heldOut });
    const prompt = winner.template === 0 ? plain : asked;
    const task = promptTask(prompt, { rows: heldOut, examples: winner.rows });
    const { metrics } = await evaluate(model, task, { shots: 0 });
    expect(found.heldOut).toEqual({ ...metrics.acc, n: 12 });
    expect(found.heldOut.interval?.[0]).toBeLessThan(found.heldOut.value);
  });

  test("reads no more tokens than its budget, and uses every development item that fits", async () => {
    const model = await loaded;
    const spy = vi.spyOn(model, "logLikelihood");
    const whole = await optimizePrompt(model, [plain], { ...size, items: rows(0, 40) });
    const less = { ...size, items: rows(0, 40), budget: whole.tokens - 1 };
    spy.mockClear();
    const found = await optimizePrompt(model, [plain], less);
    expect(found.development).toEqual({ used: 19, available: 20 });
    const encode = (text: string, addSpecialTokens: boolean): number =>
      model.tokenizer?.encode(text, { addSpecialTokens }).ids.length ?? 0;
    const read = spy.mock.calls
      .flatMap(([requests]) => requests)
      .reduce(
        (sum, own) => sum + ("context" in own ? encode(own.context, true) + encode(own.continuation, false) : 0),
        0,
      );
    spy.mockRestore();
    expect(read).toBeLessThanOrEqual(found.tokens);
    expect(found.tokens).toBeLessThan(whole.tokens);
    await expect(optimizePrompt(model, [plain], { ...less, budget: 500 })).rejects.toThrow(
      /a budget of 500 tokens allows \d development items for 4 candidates, and 8 need \d+; raise the budget/,
    );
  });

  test("computes nothing again from its folder", async () => {
    const model = await loaded;
    const options = { ...size, items: rows(0, 30), folder: join(folder, "search") };
    const first = await optimizePrompt(model, [plain, asked], options);
    const spy = vi.spyOn(model, "logLikelihood");
    expect(await optimizePrompt(model, [plain, asked], options)).toEqual(first);
    expect(spy).not.toHaveBeenCalled();
    spy.mockRestore();
    expect(JSON.parse(readFileSync(join(options.folder, "search.json"), "utf8"))).toEqual(first);
    expect(existsSync(join(options.folder, "held-out/items.jsonl"))).toBe(true);
  });

  test("asks no example, and no item twice", async () => {
    const model = await loaded;
    const items = [...rows(0, 30), ...rows(0, 30), ...examples];
    const found = await optimizePrompt(model, [plain], { ...size, items });
    expect(found.development.available + found.heldOut.n).toBe(30);
  });

  test("generates answers that are no choice, and compares them", async () => {
    const model = await loaded;
    const open = definePrompt({
      name: "open",
      variables: { text: "string", label: "string" },
      template: "{{ text }}:",
      answer: " {{ label }}",
    });
    const found = await optimizePrompt(model, [open], { ...size, items: rows(0, 16), maxNewTokens: 2 });
    expect(found.metric).toBe("exact_match");
    expect(found.heldOut.value).toBeGreaterThanOrEqual(0);
  });

  test("calibrates by texts without content", async () => {
    const model = await loaded;
    const found = await optimizePrompt(model, [plain], { ...size, items: rows(0, 16), metric: "acc_calibrated" });
    expect(found.metric).toBe("acc_calibrated");
  });

  const options = { ...size, items: rows(0, 30) };
  test.each([
    ["no prompt", [], {}, /give one prompt at least/],
    ["too few examples", [plain], { shots: 7 }, /7 shots are asked for, and there are 6 examples/],
    ["no items", [plain], { items: [] }, /there are 0 development items that are no examples; give 8 at least/],
    ["too few held-out items", [plain], { heldOut: rows(90, 3) }, /there are 3 held-out items/],
    ["an option that is not there", [plain], { shot: 1 }, /there is no option shot; did you mean shots/],
    ["a metric that does not fit", [plain], { metric: "bleu" }, /metric bleu does not fit multiple_choice/],
    ["a label that is none", [plain], { items: [{ text: "a", label: "so so" }, ...rows(0, 30)] }, /must be one of/],
    [
      "a row without a label",
      [plain],
      { items: rows(0, 30).map(({ text }) => ({ text })) },
      /"text":"t\d+ .*label needs a value/,
    ],
    ["an example without one", [plain], { examples: [{ text: "a" }, ...examples] }, /example 1: .*label needs a value/],
    [
      "a prompt that is longer than the window",
      [plain],
      { examples: [{ text: "long ".repeat(300), label: "bad" }, ...examples], shots: 7, sets: 1 },
      /item 1 has \d+ tokens, \d+ more than the window of \d+; use fewer shots/,
    ],
  ] as const)("refuses %s", async (_, prompts, change, message) => {
    await expect(optimizePrompt(await loaded, prompts, { ...options, ...change })).rejects.toThrow(message);
  });
});

test("candidates are templates × sets × orders, each once; fewer where there are no more", async () => {
  const space = { shots: 3, sets: 3, orders: 4, selection: "random", seed: 1 } as const;
  const drawn = await drawCandidates([plain, asked], examples, space);
  expect(drawn).toHaveLength(24);
  expect(new Set(drawn.map(({ template, examples: own }) => `${template} ${own.join()}`)).size).toBe(24);
  expect(await drawCandidates([plain], examples, { ...space, shots: 1 })).toHaveLength(3);
  expect(await drawCandidates([plain, asked], examples, { ...space, shots: 0 })).toHaveLength(2);
  expect(await drawCandidates([plain], examples.slice(0, 2), { ...space, shots: 2 })).toHaveLength(2);
});

test("the spread by factor holds the other factors fixed", () => {
  const value = (template: number, set: number, order: number): number =>
    0.5 + 0.1 * template + 0.03 * set + 0.01 * order;
  const scored = [0, 1].flatMap((template) =>
    [0, 1].flatMap((set) =>
      [0, 1, 2].map((order) => ({
        template,
        set,
        order,
        examples: [],
        value: value(template, set, order),
        stderr: 0.2,
      })),
    ),
  );
  const { template, examples: sets, order, ...whole } = spreadOf(scored);
  expect([template, sets, order].map((own) => [own?.mean, own?.max])).toEqual(
    [0.1, 0.03, 0.02].map((range) => [expect.closeTo(range, 12), expect.closeTo(range, 12)]),
  );
  expect(whole).toMatchObject({
    min: 0.5,
    median: expect.closeTo(0.575, 12),
    max: expect.closeTo(0.65, 12),
    stderr: expect.closeTo(0.2, 12),
  });
  expect(spreadOf(scored.slice(0, 1))).toEqual({ min: 0.5, median: 0.5, max: 0.5, deviation: 0, stderr: 0.2 });
});
