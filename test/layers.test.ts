import { expect, test } from "vitest";
import { cycles, violations } from "../scripts/layers.mjs";

test("an import to the left, or between neighbours, breaks the layer rule", () => {
  expect(violations("graph/value.ts", 'import { x } from "../families/index.ts";')).toEqual([
    "graph/value.ts: graph may not import families (../families/index.ts)",
  ]);
  expect(violations("nn/a.ts", 'import { x } from "../formats/index.ts";')).toHaveLength(1);
  expect(violations("graph/ops/a.ts", 'export { x } from "../../tensor/index.ts"; import "./b.ts";')).toEqual([]);
  expect(violations("training/a.ts", 'import { x } from "../graph/value.ts";')).toEqual([
    "training/a.ts: import ../graph/value.ts through its index.ts",
  ]);
  expect(violations("training/a.ts", 'import { x } from "../files/node.ts"; import "./b/c.ts";')).toEqual([]);
  expect(violations("odd/a.ts", "")).toEqual(["odd/a.ts: odd is not a layer"]);
});

test("files that import each other are found, types left out", () => {
  const texts = new Map([
    ["a/a.ts", 'import { b } from "./b.ts";'],
    ["a/b.ts", 'import {\n  c,\n  d,\n} from "../c/index.ts";'],
    ["c/index.ts", 'export { a } from "../a/a.ts"; import type { d } from "./d.ts";'],
    ["c/d.ts", 'import { c } from "./index.ts";'],
  ]);
  expect(cycles(texts)).toEqual(["a/a.ts", "a/b.ts", "c/index.ts"]);
  expect(
    cycles(
      new Map([
        ["a.ts", 'import type { b } from "./b.ts";'],
        ["b.ts", 'export * from "./a.ts";'],
      ]),
    ),
  ).toEqual([]);
});
