import { expect, test } from "vitest";
import { add, applyOne, defineComposite, input, mul, nodesOf, rewrite, type Value } from "./index.ts";

const x = input("x", "float32", [2]);
const y = input("y", "float32", [2]);
const namesOf = (values: readonly Value[]): string[] => nodesOf(values).map(({ op }) => op.name);

test("a rule replaces nodes, what depends on them is built anew, and the rest stays the same object", () => {
  const kept = add(x, y);
  const product = mul(x, y);
  const sum = add(product, kept);
  const [result, same] = rewrite([sum, kept], ({ op }, inputs) =>
    op.name === "mul" ? [add(inputs[0] as Value, inputs[1] as Value)] : undefined,
  ) as [Value, Value];
  expect(same).toBe(kept);
  expect(namesOf([result])).toEqual(["add", "add", "add"]);
  expect(namesOf([sum])).toEqual(["mul", "add", "add"]);
});

test("without a change the values themselves come back, and a boundary is not passed", () => {
  const inner = mul(x, y);
  const outer = add(inner, x);
  expect(rewrite([outer, x], () => undefined)).toEqual([outer, x]);
  const visited: string[] = [];
  rewrite(
    [outer],
    ({ op }) => {
      visited.push(op.name);
      return undefined;
    },
    new Set([inner]),
  );
  expect(visited).toEqual(["add"]);
});

test("a deep graph is rewritten without deep recursion", () => {
  let value = x;
  for (let i = 0; i < 20_000; i++) value = add(value, y);
  const [result] = rewrite([value], ({ op }, inputs) => (op.name === "add" ? [mul(inputs[0] as Value, y)] : undefined));
  expect(new Set(namesOf([result as Value]))).toEqual(new Set(["mul"]));
});

test("a composite of composites is replaced as a whole", () => {
  const twice = defineComposite<object>({
    name: "twice",
    infer: (inputs) => inputs.slice(0, 1),
    decomposition: ([value]) => [add(value as Value, value as Value)],
    gradient: "through decomposition",
  });
  const value = applyOne(twice, [applyOne(twice, [x], {})], {});
  const rule = ({ op, attributes }: { op: unknown; attributes: object }, inputs: readonly Value[]) =>
    op === twice ? twice.decomposition(inputs, attributes) : undefined;
  expect(namesOf(rewrite([value], rule))).toEqual(["add", "add"]);
});
