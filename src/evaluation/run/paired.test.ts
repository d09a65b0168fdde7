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
  expect(decidePaired(accuracy(right), turned, 0)).toMatchObject({ state: "pass", isSame: true, difference: 0 });
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
  expect(decidePaired(f1(4), f1(4), 0)).toMatchObject({ state: "pass", isSame: true, difference: 0 });
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

test("a bound is not shown by few items that are all right: Wilson's interval, and that of equal items", () => {
  const all = (count: number): ItemValues => ({ ...accuracy(Array(count).fill(1)), items: [] });
  expect(decideMetric(all(1), { min: 0.99 }).state).toBe("undecided");
  expect(decideMetric(all(12), { min: 0.9 })).toMatchObject({
    state: "undecided",
    interval: [expect.closeTo(0.816, 4), 1], // 12 / (12 + 1.6449²)
  });
  expect(decideMetric(all(12), { min: 0.8 }).state).toBe("pass");
  const f1 = (count: number): ItemValues => ({
    ...all(count),
    aggregation: "f1_macro",
    values: Array(count).fill([1, 1]),
  });
  expect(decideMetric(f1(12), { min: 0.9 }).state).toBe("undecided"); // 1 − 0.05^(1/12) = 0.22 may be others
  expect(decideMetric(f1(500), { min: 0.9 }).state).toBe("pass");
});
