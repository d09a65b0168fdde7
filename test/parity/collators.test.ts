import { describe, expect, test } from "vitest";
import { Random } from "../../src/common/index.ts";
import {
  applyMasks,
  completionOnly,
  corruptSpans,
  drawInfillings,
  drawSpans,
  infillText,
  type Masking,
  maskTokens,
  packRows,
  padRows,
  permuteSentences,
  type Span,
  shiftRight,
} from "../../src/training/index.ts";
import { fixture, readJson } from "../helpers/fixtures.ts";

type Ids = number[];
interface Recorded {
  masked_language_model: {
    input_ids: Ids;
    special_tokens_mask: Ids;
    mask_token_id: number;
    choice: Record<string, Masking>;
    random_ids: Record<string, number>;
    masked_input_ids: Ids;
    labels: Ids;
  };
  span_corruption: {
    first_sentinel_id: number;
    eos_token_id: number;
    cases: { input_ids: Ids; spans: Span[]; corrupted_input_ids: Ids; labels: Ids }[];
  };
  text_infilling: {
    input_ids: Ids;
    mask_token_id: number;
    cases: { spans: Span[]; infilled_input_ids: Ids }[];
    sentence_permutation: { sentences: Ids[]; order: Ids; permuted_input_ids: Ids };
  };
  shift_right: { labels: Ids[] } & Record<
    "t5" | "bart",
    { pad_token_id: number; decoder_start_token_id: number; decoder_input_ids: Ids[] }
  >;
  padding: {
    rows: { input_ids: Ids }[];
    targets: { labels: Ids }[];
    cases: {
      padding_side: "left" | "right";
      pad_to_multiple_of: number | null;
      pad_token_id: number;
      batch: { input_ids: Ids[]; attention_mask: Ids[] };
      seq2seq?: { labels: Ids[] };
    }[];
  };
  packing: { rows: Ids[]; blocks: { eos_token_id: number; block_size: number; input_ids: Ids[]; dropped: Ids } };
  completion_only: { prompt_ids: Ids; completion_ids: Ids; input_ids: Ids; labels: Ids };
}

/** Reference: transformers 5.23.0's collators and the papers' rules, worked out. */
const recorded = await readJson<Recorded>(fixture("training/collators.json"));
const numbered = <T>(record: Record<string, T>): Map<number, T> =>
  new Map(Object.entries(record).map(([at, value]) => [Number(at), value]));

describe("collators do what the worked examples show", () => {
  test("masked words", () => {
    const { input_ids, choice, mask_token_id, random_ids, masked_input_ids, labels } = recorded.masked_language_model;
    const result = applyMasks(input_ids, numbered(choice), mask_token_id, numbered(random_ids));
    expect(result).toEqual({ inputIds: masked_input_ids, labels });
  });

  test("corrupted spans", () => {
    const { first_sentinel_id: firstSentinelId, eos_token_id: eosTokenId, cases } = recorded.span_corruption;
    for (const { input_ids, spans, corrupted_input_ids, labels } of cases)
      expect(corruptSpans(input_ids, spans, { firstSentinelId, eosTokenId })).toEqual({
        inputIds: corrupted_input_ids,
        labels,
      });
  });

  test("infilled text and permuted sentences", () => {
    const { input_ids, mask_token_id, cases, sentence_permutation: permutation } = recorded.text_infilling;
    for (const { spans, infilled_input_ids } of cases)
      expect(infillText(input_ids, spans, mask_token_id)).toEqual(infilled_input_ids);
    const ends = [permutation.permuted_input_ids[0], permutation.permuted_input_ids.at(-1)] as [number, number];
    expect(permuteSentences(ends, permutation.sentences, permutation.order)).toEqual(permutation.permuted_input_ids);
  });

  test.each(["t5", "bart"] as const)("labels shifted right for %s", (family) => {
    const {
      pad_token_id: padTokenId,
      decoder_start_token_id: decoderStartTokenId,
      ...rest
    } = recorded.shift_right[family];
    expect(shiftRight(recorded.shift_right.labels, { padTokenId, decoderStartTokenId })).toEqual(
      rest.decoder_input_ids,
    );
  });

  test("padding", () => {
    const { rows, targets, cases } = recorded.padding;
    for (const { padding_side: side, pad_to_multiple_of, pad_token_id: padTokenId, batch, seq2seq } of cases) {
      const multipleOf = pad_to_multiple_of ?? 1;
      const all = rows.map(({ input_ids }) => input_ids);
      const padded = padRows(all, { padTokenId, side, multipleOf });
      expect(padded).toEqual({ inputIds: batch.input_ids, attentionMask: batch.attention_mask });
      if (!seq2seq) continue;
      const labels = padRows(
        targets.map(({ labels }) => labels),
        { padTokenId: -100, side, multipleOf },
      );
      expect(labels.inputIds).toEqual(seq2seq.labels);
    }
  });

  test("packing and completions", () => {
    const { rows, blocks } = recorded.packing;
    expect(
      packRows(
        rows.map((row) => [...row, blocks.eos_token_id]),
        blocks.block_size,
      ),
    ).toEqual(blocks.input_ids);
    const { prompt_ids, completion_ids, input_ids, labels } = recorded.completion_only;
    expect(completionOnly(prompt_ids, completion_ids)).toEqual({ inputIds: input_ids, labels });
  });
});

describe("what is drawn", () => {
  const ids = Array.from({ length: 20_000 }, (_, i) => 10 + (i % 500));

  test("15 % of tokens are chosen, of them 80 % masked, 10 % random, 10 % kept; special ones never", () => {
    const { inputIds, labels } = maskTokens(
      ids,
      (id) => id < 20,
      { maskTokenId: 3, vocabularySize: 600 },
      new Random(1),
    );
    const chosen = [...labels.keys()].filter((at) => labels[at] !== -100);
    expect(chosen.length / ids.filter((id) => id >= 20).length).toBeCloseTo(0.15, 2);
    expect(chosen.every((at) => (ids[at] as number) >= 20 && labels[at] === ids[at])).toBe(true);
    const share = (fits: (at: number) => boolean): number => chosen.filter(fits).length / chosen.length;
    expect(share((at) => inputIds[at] === 3)).toBeCloseTo(0.8, 1);
    expect(share((at) => inputIds[at] === ids[at])).toBeCloseTo(0.1, 1);
    expect(inputIds.every((id, at) => labels[at] !== -100 || id === ids[at])).toBe(true);
  });

  test("whole words are chosen together", () => {
    const continues = (id: number): boolean => id % 3 !== 0;
    const options = { maskTokenId: 3, vocabularySize: 600, continues };
    const { labels } = maskTokens(ids, () => false, options, new Random(2));
    for (const at of ids.keys())
      if (at > 0 && continues(ids[at] as number)) expect(labels[at] === -100).toBe(labels[at - 1] === -100);
  });

  test("spans hold the density, keep their mean length and never touch", () => {
    const spans = drawSpans(10_000, {}, new Random(3));
    const total = spans.reduce((sum, [, length]) => sum + length, 0);
    expect(total).toBe(1500);
    expect(total / spans.length).toBeCloseTo(3, 5);
    for (const [i, [start]] of spans.entries()) {
      const [before, length] = spans[i - 1] ?? [-1, 0];
      expect(start).toBeGreaterThan(before + length);
    }
    expect(drawSpans(1, {}, new Random(3))).toEqual([]);
  });

  test("infillings hold the density and lie in order", () => {
    const spans = drawInfillings(10_000, {}, new Random(4));
    const total = spans.reduce((sum, [, length]) => sum + length, 0);
    expect(total / 10_000).toBeGreaterThan(0.27);
    expect(total / 10_000).toBeLessThanOrEqual(0.3);
    expect(total / spans.filter(([, length]) => length > 0).length).toBeCloseTo(3 / (1 - Math.exp(-3)), 0);
    for (const [i, [start]] of spans.entries()) {
      const [before, length] = spans[i - 1] ?? [0, 0];
      expect(start).toBeGreaterThanOrEqual(before + length);
    }
  });
});
