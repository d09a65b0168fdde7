import { expect, test } from "vitest";
import { shown } from "./shown.ts";

test.each([
  [1.5, "1.5"],
  [Number.NaN, "NaN"],
  [null, "null"],
  [undefined, "nothing"],
  ["a\n", '"a\\n"'],
  [[1, "b", [null]], '[1,"b",[null]]'],
  [{ a: { b: [true] } }, '{"a":{"b":[true]}}'],
  [5n, "5n"],
  [() => 1, "a function"],
  [Symbol("s"), "Symbol(s)"],
  [new Float32Array(9), "a Float32Array"],
])("%o is shown as %s", (value, text) => {
  expect(shown(value)).toBe(text);
});

test("what is long, deep or holds itself is cut off", () => {
  let deep: unknown = 1;
  for (let i = 0; i < 100_000; i++) deep = [deep];
  const round: Record<string, unknown> = {};
  round.self = round;
  expect(shown(deep)).toBe("[[[[…]]]]");
  expect(shown(round)).toBe('{"self":{"self":{"self":{"self":…}}}}');
  expect(shown("x".repeat(1e6))).toHaveLength(160);
  expect(shown(new Array(1e6).fill(1))).toHaveLength(160);
});
