import { expect, test } from "vitest";
import { isSameHead } from "./head-config.ts";

test.each([
  [{ architectures: ["BertModel"] }, { architectures: ["BertModel"], problem_type: null }, true],
  [{ architectures: ["BertModel"] }, { architectures: ["BertForMaskedLM"] }, false],
  [{}, { id2label: { 0: "LABEL_0", 1: "LABEL_1" } }, true],
  [{ num_labels: 3 }, { id2label: { 0: "LABEL_0", 1: "LABEL_1" } }, false],
  [{ id2label: { 0: "bad", 1: "good" } }, { id2label: { 0: "good", 1: "bad" } }, false],
  [{ problem_type: "multi_label_classification" }, { problem_type: "single_label_classification" }, false],
])("%j and %j say the same head: %s", (a, b, isSame) => {
  expect(isSameHead(a, b)).toBe(isSame);
});
