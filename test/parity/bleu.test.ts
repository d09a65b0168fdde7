import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { bleu } from "../../src/evaluation/index.ts";

interface Case {
  readonly translations: string[];
  readonly references: string[];
  readonly score: number;
  readonly precisions: number[];
  readonly brevityPenalty: number;
  readonly length: number;
  readonly referenceLength: number;
}

const path = new URL("./fixtures/bleu.json", import.meta.url);
const { source, cases } = JSON.parse(readFileSync(path, "utf8")) as { source: string; cases: Case[] };

test.each(cases)(`BLEU of $translations is that of ${source}`, ({ translations, references, ...expected }) => {
  const { score, precisions, ...rest } = bleu(translations, references);
  expect(score).toBeCloseTo(expected.score, 9);
  for (const [i, precision] of precisions.entries()) expect(precision).toBeCloseTo(expected.precisions[i] as number, 9);
  expect(rest.brevityPenalty).toBeCloseTo(expected.brevityPenalty, 12);
  expect([rest.length, rest.referenceLength]).toEqual([expected.length, expected.referenceLength]);
});

test("BLEU wants a reference for each translation", () => {
  expect(() => bleu(["a"], [])).toThrow("one reference for each text");
});
