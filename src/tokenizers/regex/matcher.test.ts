import { describe, expect, test } from "vitest";
import { fixture, readJson } from "../../../test/helpers/fixtures.ts";
import { Tokenizer } from "../index.ts";
import { cutter } from "../split.ts";
import { LinearMatcher } from "./linear.ts";
import { compilePattern, type Matcher, NativeMatcher, wholeTest } from "./matcher.ts";
import { parsePattern } from "./parse.ts";
import { printPattern } from "./print.ts";
import { publishedPatterns } from "./published.ts";
import { isLinear } from "./safe.ts";

const parts = (matcher: Matcher, text: string): string[] => {
  const found: string[] = [];
  cutter(matcher, "Isolated")(text, (start, end) => {
    if (end > start) found.push(text.slice(start, end));
  });
  return found;
};

const native = (source: string): Matcher => new NativeMatcher(new RegExp(printPattern(parsePattern(source)), "gv"));
const linear = (source: string): Matcher => new LinearMatcher(parsePattern(source), source);

const matches = (matcher: Matcher, text: string): number[] => {
  const found: number[] = [];
  matcher.each(text, (start, end) => found.push(start, end));
  return found;
};

const recorded = await readJson<{ texts: string[]; cases: [source: string, parts: string[][]][] }>(
  fixture("tokenizers/patterns.json"),
);

describe("600 random patterns split as Oniguruma splits", () => {
  test("on the engine of our own", () => {
    expect(recorded.cases).toHaveLength(600);
    for (const [source, expected] of recorded.cases)
      expect(
        recorded.texts.map((text) => parts(linear(source), text)),
        source,
      ).toEqual(expected);
  });

  test("on the engine that each of them is given, JavaScript's for many", () => {
    const safe = recorded.cases.filter(([source]) => isLinear(parsePattern(source)));
    expect(safe.length).toBeGreaterThan(200);
    for (const [source, expected] of recorded.cases)
      expect(
        recorded.texts.map((text) => parts(compilePattern({ Regex: source }), text)),
        source,
      ).toEqual(expected);
  });
});

test("the patterns of published tokenizers match alike on both engines", async () => {
  const { entries } = await readJson<{ entries: { text: string }[] }>(fixture("tokenizers/stress.json"));
  expect(publishedPatterns.size).toBeGreaterThan(10);
  for (const source of publishedPatterns) {
    const [ours, theirs] = [linear(source), native(source)];
    for (const { text } of entries) expect(matches(ours, text), source).toEqual(matches(theirs, text));
  }
});

test.each<[pattern: string, text: string, count: number]>([
  ["(a+)+b", "a".repeat(100_000), 0],
  ["(a|a)*b", "a".repeat(100_000), 0],
  ["(a|b|ab)*c", "ab".repeat(50_000), 0],
  ["(.*)*x", "a".repeat(100_000), 0],
  [`${"\\s*".repeat(30)}$`, `${" ".repeat(100_000)}x`, 1],
  ["(?=(a+)+b)a", "a".repeat(100_000), 0],
  ["(?!(a|a)*b)a", "a".repeat(100_000), 100_000],
  ["(?=.*x)a|.", "a".repeat(100_000), 100_000],
  ["(?=(?=.*?x)*y)a|.", "a".repeat(100_000), 100_000],
  ["(?>a+)+b", "a".repeat(100_000), 0],
  ["a++b|a", "a".repeat(100_000), 100_000],
  ["a+b", "a".repeat(100_000), 0],
  ["((((a*)*)*)*)*b", "a".repeat(100_000), 0],
  ["(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+!", "a ".repeat(50_000), 0],
  ["\\d{1,3}(?=(?:\\d{3})*\\b)", "1".repeat(100_000), 33_334],
  ["(?=(\\d{3})+(?!\\d))", "1".repeat(100_000), 33_333],
])("%s ends on 100,000 characters", (Regex, text, count) => {
  let found = 0;
  compilePattern({ Regex }).each(text, () => found++);
  expect(found).toBe(count);
});

test.each([
  ["(a{1000}){1000}", "20000 steps"],
  [`${"(".repeat(5000)}a${")".repeat(5000)}`, "groups within"],
  ["[".repeat(5000), "classes within"],
  ["a{100001}", "counts further"],
  ["a".repeat(30_000), "30000 characters"],
  ["(a)\\1", "\\1 is not supported"],
  ["(a", "a parenthesis is not closed"],
  ["(?<=a*)b+c", "no bounded length"],
])("the pattern %.20s is refused with the reason", (Regex, reason) => {
  expect(() => compilePattern({ Regex })).toThrow(
    expect.objectContaining({ code: "unsupported", message: expect.stringContaining(reason) }),
  );
});

test("a pattern that takes too many steps on a text is refused then, with what to do", () => {
  const matcher = compilePattern({ Regex: "((a?){50}){50}b" });
  expect(matches(matcher, "aaaab")).toEqual([0, 5]);
  expect(() => matches(matcher, "a".repeat(100_000))).toThrow(
    expect.objectContaining({ code: "input", message: expect.stringContaining("split the text") }),
  );
});

test("a tokenizer.json with a pattern that could backtrack without end encodes as the reference does", () => {
  const tokenizer = new Tokenizer(
    {
      pre_tokenizer: { type: "Split", pattern: { Regex: "(a+)+b" }, behavior: "Removed", invert: false },
      model: { type: "WordLevel", vocab: { "[UNK]": 0, c: 1, [`${"a".repeat(50_000)}c`]: 2 }, unk_token: "[UNK]" },
    },
    {},
  );
  expect(tokenizer.encode("aabc").ids).toEqual([1]);
  expect(tokenizer.encode(`${"a".repeat(50_000)}c`).ids).toEqual([2]);
});

test("whole texts are tested against patterns in linear time", () => {
  const isNamed = wholeTest(["(.*)*x", "(?i:layers)\\.\\d+\\.(q|v)_proj", "a|ab"], "adapter_config.json");
  expect(["LAYERS.12.q_proj", "ab", "...x"].map(isNamed)).toEqual([true, true, true]);
  expect(["layers.1.q_proj.y", "abc", "."].map(isNamed)).toEqual([false, false, false]);
  expect(isNamed(`${"a".repeat(5000)}y`)).toBe(false);
  expect(() => wholeTest(["("], "adapter_config.json")).toThrow("adapter_config.json: the pattern ( cannot be read");
});
