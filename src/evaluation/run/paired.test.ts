import { expect, test } from "vitest";
import { decideMetric, decidePaired, type ItemValues, pairedP } from "./paired.ts";

const items = Array.from({ length: 60 }, (_, i) => `item ${i}`);
const accuracy = (values: readonly number[], own: readonly string[] = items): ItemValues => ({
  aggregation: "mean",
  higherIsBetter: true,
  settings: {},
  values,
  items: own,
});
const right = items.map((_, i) => Number(i % 5 !== 0));

test("values are paired by item, in whatever order they come", () => {
  const turned = accuracy(right.toReversed(), items.toReversed());
  expect(decidePaired(accuracy(right), turned, 0)).toMatchObject({ state: "pass", difference: 0, interval: [0, 0] });
  expect(pairedP(accuracy(right), turned)).toBe(1);
});

test("a baseline from other items is refused with the number that both share", () => {
  const other = accuracy(right.slice(1), [...items.slice(1, -1), "another"]);
  expect(() => decidePaired(accuracy(right), other, 0)).toThrow(
    "the baseline was measured on other items: 60 then, 59 now, of which 58 are the same",
  );
});

test("a metric over all items is decided by the paired bootstrap, and a smaller perplexity is better", () => {
  const f1 = (wrong: number): ItemValues => ({
    ...accuracy([]),
    aggregation: "f1_macro",
    values: items.map((_, i) => [i % 2, i < wrong ? 1 - (i % 2) : i % 2]),
  });
  expect(decidePaired(f1(4), f1(30), 0).state).toBe("fail");
  expect(decidePaired(f1(30), f1(4), 0).state).toBe("pass");
  expect(decidePaired(f1(4), f1(4), 0).interval).toEqual([0, 0]);
  expect(pairedP(f1(4), f1(30))).toBeLessThan(0.01);
  const perplexity = (log: number): ItemValues => ({
    ...accuracy(items.map((_, i) => -log - (i % 3) / 10)),
    aggregation: "perplexity",
    higherIsBetter: false,
  });
  expect(decidePaired(perplexity(2), perplexity(2.5), 0)).toMatchObject({ state: "fail" });
  expect(decidePaired(perplexity(2), perplexity(1.5), 0).difference).toBeGreaterThan(0);
});

test("bounds hold from below and from above", () => {
  expect(decideMetric(accuracy(right), { min: 0.5 }).state).toBe("pass");
  expect(decideMetric(accuracy(right), { min: 0.99 }).state).toBe("fail");
  expect(decideMetric(accuracy(right), { min: 0.8 }).state).toBe("undecided");
  expect(decideMetric(accuracy(right), { max: 0.95 }).state).toBe("pass");
  expect(decideMetric(accuracy(right), { max: 0.5 }).state).toBe("fail");
});
