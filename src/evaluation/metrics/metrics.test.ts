import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  type BleuTokenizer,
  bleu,
  chrf,
  exactMatch,
  expectedCalibrationError,
  f1OfClass,
  f1Score,
  matthewsCorrelation,
  type RougeType,
  rouge,
  squadExact,
  squadF1,
} from "./index.ts";

interface Translated {
  readonly texts: readonly string[];
  readonly references: readonly (string | readonly string[])[];
  readonly lowercase?: boolean;
  readonly score: number;
  readonly signature: string;
}

interface Recorded {
  readonly bleu: readonly (Translated & {
    readonly tokenizer: BleuTokenizer;
    readonly precisions: readonly number[];
    readonly bp: number;
    readonly length: number;
    readonly referenceLength: number;
  })[];
  readonly chrf: readonly (Translated & { readonly wordOrder: number })[];
  readonly rouge: readonly {
    readonly text: string;
    readonly references: string | readonly string[];
    readonly scores: Readonly<Record<RougeType, readonly [number, number, number]>>;
  }[];
  readonly classes: readonly {
    readonly right: readonly number[];
    readonly said: readonly number[];
    readonly micro: number;
    readonly macro: number;
    readonly weighted: number;
    readonly mcc: number;
    readonly binary?: number;
  }[];
  readonly squad: readonly {
    readonly answer: string;
    readonly right: string;
    readonly exact: number;
    readonly f1: number;
  }[];
  readonly calibration: {
    readonly confidence: readonly number[];
    readonly isRight: readonly boolean[];
    readonly ece: number;
    readonly ece5: number;
  };
}

const path = new URL("../../../test/evaluation/metrics.json", import.meta.url);
const recorded = JSON.parse(readFileSync(path, "utf8")) as Recorded;

test.each(recorded.bleu)("BLEU of $texts by $tokenizer equals sacreBLEU 2.6", (own) => {
  const result = bleu(own.texts, own.references, { tokenizer: own.tokenizer, lowercase: own.lowercase });
  expect(result.score).toBeCloseTo(own.score, 9);
  for (const [i, precision] of own.precisions.entries()) expect(result.precisions[i]).toBeCloseTo(precision, 9);
  expect([result.length, result.referenceLength]).toEqual([own.length, own.referenceLength]);
  expect(result.brevityPenalty).toBeCloseTo(own.bp, 9);
  expect(result.signature).toBe(own.signature);
});

test.each(recorded.chrf)("chrF of $texts with words up to $wordOrder equals sacreBLEU 2.6", (own) => {
  const result = chrf(own.texts, own.references, { wordOrder: own.wordOrder, lowercase: own.lowercase });
  expect(result.score).toBeCloseTo(own.score, 9);
  expect(result.signature).toBe(own.signature);
});

test.each(recorded.rouge)("ROUGE of $text equals rouge-score 0.1.2", ({ text, references, scores }) => {
  const result = rouge(text, references);
  for (const [type, expected] of Object.entries(scores) as [RougeType, readonly number[]][]) {
    const { precision, recall, fMeasure } = result[type];
    for (const [i, value] of [precision, recall, fMeasure].entries()) expect(value).toBeCloseTo(expected[i] ?? -1, 12);
  }
});

test("F1 and MCC equal scikit-learn's", () => {
  for (const { right, said, micro, macro, weighted, mcc, binary } of recorded.classes) {
    const pairs = right.map((own, i) => [own, said[i] as number] as const);
    expect(f1Score(pairs, "micro")).toBeCloseTo(micro, 12);
    expect(f1Score(pairs, "macro")).toBeCloseTo(macro, 12);
    expect(f1Score(pairs, "weighted")).toBeCloseTo(weighted, 12);
    expect(matthewsCorrelation(pairs)).toBeCloseTo(mcc, 12);
    if (binary !== undefined) expect(f1OfClass(pairs, 1)).toBeCloseTo(binary, 12);
  }
});

test("SQuAD's exact match and F1 are those of its definition", () => {
  for (const { answer, right, exact, f1 } of recorded.squad) {
    expect(squadExact(answer, right), answer).toBe(exact);
    expect(squadF1(answer, right), answer).toBeCloseTo(f1, 12);
  }
});

test("the expected calibration error is that of its definition", () => {
  const { confidence, isRight, ece, ece5 } = recorded.calibration;
  const predictions = confidence.map((own, i) => [own, isRight[i] as boolean] as const);
  expect(expectedCalibrationError(predictions)).toBeCloseTo(ece, 12);
  expect(expectedCalibrationError(predictions, 5)).toBeCloseTo(ece5, 12);
});

describe("edges", () => {
  test("identical Korean scores 0 in ROUGE with a warning, and 1 with the Unicode tokenizer", () => {
    const warnings: string[] = [];
    const onWarning = (message: string): unknown => warnings.push(message);
    expect(rouge("안녕 여러분", "안녕 여러분", { onWarning }).rouge1.fMeasure).toBe(0);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('tokenizer: "unicode"');
    expect(rouge("안녕 여러분", "안녕 여러분", { tokenizer: "unicode" }).rougeL.fMeasure).toBe(1);
  });

  test("tokenizers that need a dictionary are refused by name, others with the nearest", () => {
    const of = (tokenizer: string) => () => bleu(["a"], ["a"], { tokenizer: tokenizer as BleuTokenizer });
    expect(of("ko-mecab")).toThrow(/tokenizer ko-mecab is not available: it needs MeCab/);
    expect(of("int")).toThrow(/there is no tokenizer int; did you mean intl/);
  });

  test("texts and references that do not fit each other are refused", () => {
    expect(() => bleu([], [])).toThrow(/at least one text/);
    expect(() => chrf(["a", "b"], ["a"])).toThrow(/one reference for each text/);
    expect(() => bleu(["a", "b"], ["a", ["b", "c"]])).toThrow(/as many references/);
  });

  test("an exact match ignores case, punctuation and numbers where its options say so", () => {
    expect(exactMatch("The Cat!", "the cat", { ignoreCase: true, ignorePunctuation: true })).toBe(true);
    expect(exactMatch("cat 1", "cat 2", { ignoreNumbers: true })).toBe(true);
    expect(exactMatch("cat", "Cat")).toBe(false);
  });
});
