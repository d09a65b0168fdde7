import { expect, test } from "vitest";
import { maxDifference } from "../../test/helpers/fixtures.ts";
import { Random } from "../common/index.ts";
import * as g from "../graph/index.ts";
import { createSession } from "../runtime/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import { lowerGraph } from "./lower-graph.ts";

const random = new Random(5, 0, 0);
const [EXPERTS, SIZE, INNER] = [5, 8, 6];

function filled(...shape: number[]): HostTensor<"float32"> {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * random.next() - 1);
  return { dtype: "float32", shape, data };
}

const weights = new Map<string, HostTensor>();
for (let i = 0; i < EXPERTS; i++) {
  weights.set(`${i}.up`, filled(INNER, SIZE));
  weights.set(`${i}.down`, filled(SIZE, INNER));
}

/** A mixture of experts of two layers; `between` says what is done with what an expert has inside. */
function mixture(perToken: number, between = (x: g.Value, _expert: number): g.Value => x): g.Value {
  const x = g.input("x", "float32", ["B", "T", SIZE]);
  const scores = g.input("scores", "float32", ["B", "T", EXPERTS]);
  const mask = g.topMask(scores, perToken);
  const results = g.toExperts(x, mask, perToken).map((rows, i) => {
    const wide = g.silu(g.linear(rows, g.parameter(`${i}.up`, [INNER, SIZE]), undefined));
    return g.linear(between(wide, i), g.parameter(`${i}.down`, [SIZE, INNER]), undefined);
  });
  return g.fromExperts(g.mul(scores, mask), results, perToken);
}

function lowered(y: g.Value, phase: "decode" | "train") {
  return lowerGraph({
    outputs: { y },
    bind: (name) => ({ kind: "tensor", tensor: weights.get(name) as HostTensor }),
    phase,
  });
}

async function run(y: g.Value, phase: "decode" | "train", feeds: Record<string, HostTensor>): Promise<HostTensor> {
  const session = await createSession(lowered(y, phase));
  const result = await session.run(feeds);
  await session.dispose();
  return result.y as HostTensor;
}

const branches = (y: g.Value): number => lowered(y, "decode").nodes.filter(({ type }) => type === "If").length;

test.each([
  [1, 1, 2],
  [1, 1, EXPERTS],
  [2, 7, 1],
  [3, 4, 3],
])(
  "experts computed for their own tokens give what all experts give: %d rows of %d, %d experts each",
  async (rows, length, perToken) => {
    const y = mixture(perToken);
    const feeds = { x: filled(rows, length, SIZE), scores: filled(rows, length, EXPERTS) };
    expect(branches(y)).toBe(EXPERTS);
    expect(maxDifference(await run(y, "decode", feeds), await run(y, "train", feeds))).toBeLessThan(1e-5);
  },
);

test("experts with one and the same score are as many as each token has", async () => {
  const y = mixture(2);
  const scores = filled(2, 3, EXPERTS);
  scores.data.fill(0.5);
  const feeds = { x: filled(2, 3, SIZE), scores };
  expect(maxDifference(await run(y, "decode", feeds), await run(y, "train", feeds))).toBeLessThan(1e-5);
});

test("the weights of an expert that no token has chosen are not read", async () => {
  const y = mixture(1);
  const scores = filled(1, 2, EXPERTS);
  scores.data.fill(0);
  scores.data[1] = scores.data[EXPERTS + 3] = 1; // experts 1 and 3
  const feeds = { x: filled(1, 2, SIZE), scores };
  const expected = await run(y, "decode", feeds);
  const own = weights.get("2.up") as HostTensor<"float32">;
  weights.set("2.up", { ...own, data: new Float32Array(own.data.length).fill(Number.NaN) });
  expect(maxDifference(await run(y, "decode", feeds), expected)).toBe(0);
  expect(Number((await run(y, "train", feeds)).data[0])).toBeNaN();
  weights.set("2.up", own);
});

test("an expert that does not compute each token by itself is computed for all", async () => {
  const mean = (x: g.Value): g.Value => g.sub(x, g.reduceSum(x, [1], true));
  const y = mixture(2, mean);
  const feeds = { x: filled(2, 3, SIZE), scores: filled(2, 3, EXPERTS) };
  expect(branches(y)).toBe(0);
  expect(maxDifference(await run(y, "decode", feeds), await run(y, "train", feeds))).toBe(0);
});

test("experts of which something is read inside are computed for all tokens", () => {
  const inner: g.Value[] = [];
  const y = mixture(2, (x) => {
    inner.push(x);
    return x;
  });
  const graph = lowerGraph({
    outputs: { y, inner: inner[0] as g.Value },
    bind: (name) => ({ kind: "tensor", tensor: weights.get(name) as HostTensor }),
    phase: "decode",
  });
  expect(graph.nodes.some(({ type }) => type === "If")).toBe(false);
});
