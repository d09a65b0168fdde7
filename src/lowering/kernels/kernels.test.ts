import { expect, test } from "vitest";
import { maxDifference } from "../../../test/helpers/fixtures.ts";
import { Random } from "../../common/index.ts";
import * as g from "../../graph/index.ts";
import { createSession } from "../../runtime/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { buildComposite } from "../choose.ts";
import { lowerGraph } from "../lower-graph.ts";
import { kernels } from "./index.ts";
import type { Kernel, Use } from "./kernel.ts";

const random = new Random(3, 0, 0);
const feeds = new Map<g.Value, HostTensor>();

/** A graph input with random values about 1. */
function operand(name: string, ...shape: number[]): g.Value {
  const value = g.input(name, "float32", shape);
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * random.next() - 1);
  feeds.set(value, { dtype: "float32", shape, data });
  return value;
}

function integers(name: string, dtype: "int32" | "int64", shape: number[], ...values: number[]): g.Value {
  const value = g.input(name, dtype, shape);
  const tensor: HostTensor =
    dtype === "int32"
      ? { dtype, shape, data: Int32Array.from(values) }
      : { dtype, shape, data: BigInt64Array.from(values, BigInt) };
  feeds.set(value, tensor);
  return value;
}

/** Attention of `length` new tokens behind `past` ones, with tables for turning `turned` dimensions of each head. */
function cachedCall(
  {
    heads,
    keyHeads,
    size,
    past,
    length,
    turned = 0,
  }: Readonly<Record<"heads" | "keyHeads" | "size" | "past" | "length", number>> & { turned?: number },
  options: { window?: number; softcap?: number; isBiased?: boolean; hasSinks?: boolean } = {},
): readonly g.Value[] {
  const capacity = past + length;
  const operands = [operand("q", 1, length, heads * size), operand("k", 1, length, keyHeads * size)];
  operands.push(operand("v", 1, length, keyHeads * size));
  for (const side of ["key", "value"]) operands.push(operand(side, 1, keyHeads, capacity, size));
  operands.push(integers("last", "int32", [1], capacity - 1), integers("longest", "int32", [], capacity));
  if (turned > 0) for (const table of ["cos", "sin"]) operands.push(operand(table, capacity, turned / 2));
  if (options.isBiased) operands.push(operand("bias", 1, heads, length, capacity));
  if (options.hasSinks) operands.push(operand("sinks", heads));
  return g.apply(g.ops.cachedAttention, operands, { heads, keyHeads, scale: 0.3, ...options });
}

function bytes(name: string, ...shape: number[]): g.Value {
  const value = g.input(name, "uint8", shape);
  const data = Uint8Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 256 * random.next());
  feeds.set(value, { dtype: "uint8", shape, data });
  return value;
}

/** Attention over whole rows under a bias that hides the last key of the first row. */
function attentionCall(
  heads: number,
  keyHeads: number,
  length: number,
  causal: boolean,
  biasHeads = 1,
  softcap?: number,
): readonly g.Value[] {
  const of = (name: string, count: number): g.Value => {
    const x = operand(name, 2, length, count * 8);
    return g.transpose(g.reshape(x, [2, length, count, 8]), [0, 2, 1, 3]);
  };
  const bias = operand("bias", 2, biasHeads, length, length);
  const { data } = feeds.get(bias) as HostTensor<"float32">;
  for (let at = 0; at < data.length; at++) {
    const [key, query] = [at % length, Math.floor(at / length) % length];
    if ((causal && key > query) || (key === length - 1 && at < data.length / 2)) data[at] = -3.4028234663852886e38;
  }
  const operands = [of("q", heads), of("k", keyHeads), of("v", keyHeads), bias];
  return g.apply(g.ops.attention, operands, { scale: 0.3, causal, softcap });
}

/** Attention of new tokens over earlier ones, of which a bias hides the first in the first row. */
function joinedCall(
  [rows, heads, keyHeads, past, length]: readonly [number, number, number, number, number],
  hasSinks = false,
): readonly g.Value[] {
  const of = (name: string, count: number): g.Value => {
    const x = operand(name, rows, length, count * 8);
    return g.transpose(g.reshape(x, [rows, length, count, 8]), [0, 2, 1, 3]);
  };
  const span = past + length;
  const bias = operand("bias", rows, 1, length, span);
  const { data } = feeds.get(bias) as HostTensor<"float32">;
  for (let at = 0; at < data.length; at++) {
    const [key, query] = [at % span, Math.floor(at / span) % length];
    if (key > past + query || (past > 0 && key === 0 && at < data.length / rows)) data[at] = -3.4028234663852886e38;
  }
  const cache = ["key", "value"].map((side) => operand(side, rows, keyHeads, past, 8));
  const operands = [of("q", heads), of("k", keyHeads), of("v", keyHeads), bias, ...cache];
  if (hasSinks) operands.push(operand("sinks", heads));
  return g.apply(g.ops.joinedAttention, operands, { scale: 0.3, hasSinks });
}

/** Calls of every composite that has kernels. */
const calls: Readonly<Record<string, readonly (readonly g.Value[])[]>> = {
  cachedAttention: [
    cachedCall({ heads: 4, keyHeads: 2, size: 8, past: 5, length: 1 }),
    cachedCall({ heads: 4, keyHeads: 2, size: 8, past: 0, length: 6 }),
    cachedCall({ heads: 3, keyHeads: 3, size: 24, past: 4, length: 3 }),
    cachedCall({ heads: 4, keyHeads: 1, size: 16, past: 9, length: 1, turned: 16 }),
    cachedCall({ heads: 4, keyHeads: 1, size: 16, past: 9, length: 4, turned: 16 }),
    cachedCall({ heads: 4, keyHeads: 2, size: 32, past: 3, length: 2, turned: 16 }),
    cachedCall({ heads: 4, keyHeads: 2, size: 8, past: 9, length: 4 }, { window: 3 }),
    cachedCall({ heads: 4, keyHeads: 2, size: 8, past: 9, length: 1 }, { window: 3, softcap: 2 }),
    cachedCall({ heads: 4, keyHeads: 2, size: 8, past: 9, length: 4 }, { window: 3, hasSinks: true }),
    cachedCall({ heads: 4, keyHeads: 2, size: 8, past: 9, length: 1 }, { hasSinks: true, isBiased: true }),
    cachedCall({ heads: 4, keyHeads: 1, size: 16, past: 9, length: 2, turned: 16 }, { hasSinks: true }),
    cachedCall({ heads: 4, keyHeads: 4, size: 8, past: 5, length: 1 }, { isBiased: true }),
    cachedCall({ heads: 4, keyHeads: 2, size: 8, past: 3, length: 4 }, { isBiased: true }),
    cachedCall({ heads: 4, keyHeads: 1, size: 16, past: 9, length: 2, turned: 16 }, { isBiased: true }),
    cachedCall({ heads: 4, keyHeads: 2, size: 32, past: 3, length: 2, turned: 16 }, { isBiased: true }),
  ],
  attention: [
    attentionCall(2, 2, 5, false),
    attentionCall(4, 4, 6, false, 4),
    attentionCall(4, 2, 7, true),
    attentionCall(4, 1, 6, true, 1, 3),
  ],
  joinedAttention: [
    joinedCall([2, 4, 2, 5, 1]),
    joinedCall([1, 4, 2, 5, 3]),
    joinedCall([2, 2, 2, 0, 4]),
    joinedCall([1, 4, 2, 5, 3], true),
  ],
  int8Linear: [1, 5].map((rows) => {
    const levels = g.input("levels", "int8", [40, 24]);
    const data = Int8Array.from({ length: 960 }, () => 255 * random.next() - 127);
    feeds.set(levels, { dtype: "int8", shape: [40, 24], data });
    const scales = operand("scales", 24);
    const { data: factors } = feeds.get(scales) as HostTensor<"float32">;
    for (let i = 0; i < factors.length; i++) factors[i] = Math.abs(factors[i] as number) / 127 / 4;
    const x = operand("x", rows, 40);
    if (rows > 1) (feeds.get(x) as HostTensor<"float32">).data.fill(0, 40, 80); // a row of zeros
    return g.apply(g.ops.int8Linear, [x, levels, scales, operand("bias", 24)], {});
  }),
  takeColumns: [1, 5].map((rows) => {
    const order = integers("order", "int64", [4], 2, 0, 3, 1);
    return g.apply(g.ops.takeColumns, [operand("x", 2, rows, 4), order], {});
  }),
  skipRmsNorm: [1, 6].map((length) => {
    const operands = [operand("a", 2, length, 16), operand("b", 2, length, 16), operand("weight", 16)];
    return g.apply(g.ops.skipRmsNorm, operands, { epsilon: 1e-5 });
  }),
  quantizedLinear: ([4, 8] as const)
    .flatMap((bits) =>
      [1, 5].map((rows) => {
        const [outSize, count, block] = [24, 4, 32];
        const blocks = bytes("blocks", outSize, count, (block * bits) / 8);
        const operands = [operand("x", rows, count * block), blocks, operand("scales", outSize, count)];
        for (const value of operands.slice(2)) {
          const { data } = feeds.get(value) as HostTensor<"float32">;
          for (let i = 0; i < data.length; i++) data[i] = Math.abs(data[i] as number) / 2 ** bits / 8;
        }
        const attributes = { bits, block, hasZeros: false };
        return g.apply(g.ops.quantizedLinear, [...operands, operand("bias", outSize)], attributes);
      }),
    )
    .concat(
      [false, true].map((hasBias) => {
        const [outSize, count, block] = [24, 3, 32];
        const operands = [operand("x", 5, count * block), bytes("blocks", outSize, count, block / 2)];
        operands.push(operand("scales", outSize, count), bytes("zeros", outSize, 2));
        if (hasBias) operands.push(operand("bias", outSize));
        return g.apply(g.ops.quantizedLinear, operands, { bits: 4, block, hasZeros: true });
      }),
    ),
  quantizedGather: ([4, 8] as const)
    .map((bits) => {
      const levels = bytes("levels", 9, (64 * bits) / 8);
      const ids = integers("ids", "int64", [2, 3], 8, 0, 3, 3, 1, 5);
      const operands = [levels, operand("scales", 9, 2), ids];
      return g.apply(g.ops.quantizedGather, operands, { bits, block: 32, hasZeros: false });
    })
    .concat(
      [64, 96].map((rowSize) => {
        const ids = integers("ids", "int64", [2, 3], 8, 0, 3, 3, 1, 5);
        const operands = [bytes("levels", 9, rowSize / 2), operand("scales", 9, rowSize / 32), ids];
        const zeros = bytes("zeros", 9, Math.ceil(rowSize / 64));
        return g.apply(g.ops.quantizedGather, [...operands, zeros], { bits: 4, block: 32, hasZeros: true });
      }),
    ),
  rotaryAt: [
    [8, 8],
    [16, 16],
    [20, 6],
    [64, 32],
  ].map(([size = 0, turned = 0]) => {
    const tables = ["cos", "sin"].map((name) => operand(name, 7, turned / 2));
    const operands = [operand("x", 2, 3, 2 * size), integers("at", "int64", [2, 3], 0, 1, 2, 4, 5, 6), ...tables];
    return g.apply(g.ops.rotaryAt, operands, { heads: 2 });
  }),
  decayedSum: [1, 6, 9].flatMap((length) =>
    [false, true].map((reverse) => {
      const operands = [operand("x", 2, length, 5), operand("decay", 2, length, 5), operand("first", 2, 5)];
      return g.apply(g.ops.decayedSum, operands, { reverse });
    }),
  ),
  decayedMax: [1, 6, 9].map((length) => {
    const operands = [operand("x", 2, length, 5), operand("decay", 2, length, 5), operand("first", 2, 5)];
    return g.apply(g.ops.decayedMax, operands, {});
  }),
  deltaRule: [1, 7, 64, 70, 150].map((length) => {
    const smaller = (value: g.Value): g.Value => g.mul(value, g.scalar(0.5));
    const [q, k] = [operand("q", 2, 3, length, 4), smaller(operand("k", 2, 3, length, 4))];
    const logDecay = g.neg(g.abs(operand("logDecay", 2, 3, length)));
    const state = operand("first", 2, 3, 4, 5);
    const operands = [q, k, operand("v", 2, 3, length, 5), logDecay, g.abs(operand("rate", 2, 3, length)), state];
    return g.apply(g.ops.deltaRule, operands, {});
  }),
  generalDeltaRule: [1, 7, 64, 70, 150].map((length) => {
    const row = (name: string): g.Value => operand(name, 2, 3, length, 4);
    const smaller = (value: g.Value): g.Value => g.mul(value, g.scalar(0.3));
    const logDecay = g.neg(g.abs(row("logDecay")));
    const operands = [row("q"), row("k"), operand("v", 2, 3, length, 5), smaller(row("a")), smaller(row("b"))];
    return g.apply(g.ops.generalDeltaRule, [...operands, logDecay, operand("first", 2, 3, 4, 5)], {});
  }),
  recurrence: (["rnn_tanh", "rnn_relu", "gru", "lstm"] as const).map((cell) => {
    const rows = g.gateCount[cell] * 5;
    const operands = {
      x: operand("x", 2, 4, 3),
      inputWeight: operand("inputWeight", rows, 3),
      stateWeight: operand("stateWeight", rows, 5),
      inputBias: operand("inputBias", rows),
      stateBias: operand("stateBias", rows),
    };
    const state = { hidden: operand("hidden", 2, 5), memory: operand("memory", 2, 5) };
    return g.apply(g.ops.recurrence, [...Object.values(operands), ...Object.values(state)], { cell });
  }),
};

async function run(values: readonly g.Value[]): Promise<readonly HostTensor[]> {
  const outputs = Object.fromEntries(values.map((value, i) => [`r${i}`, value]));
  const graph = lowerGraph({ outputs, bind: () => ({ kind: "input" }) });
  const session = await createSession(graph);
  const inputs = [...g.nodesOf(values).flatMap((node) => node.inputs), ...values].filter((value) => feeds.has(value));
  const fed = inputs.map((value) => [value.source.kind === "input" ? value.source.name : "", feeds.get(value)]);
  const wanted = new Set(graph.inputs.map(({ name }) => name));
  const results = await session.run(
    Object.fromEntries(fed.filter(([name]) => wanted.has(name as string))) as Record<string, HostTensor>,
  );
  await session.dispose();
  return values.map((_, i) => results[`r${i}`] as HostTensor);
}

const tenants = Object.entries(kernels).flatMap(([op, list]) =>
  (list as readonly Kernel<object>[]).map((kernel) => [kernel.name, op, kernel] as const),
);

test.each(tenants)("kernel %s computes what %s decomposes to", async (_, name, kernel) => {
  const cases = calls[name] ?? [];
  let fitting = 0;
  for (const outputs of cases) {
    const { source } = outputs[0] as g.Value;
    if (source.kind !== "node") throw new Error("a call of the test is no node");
    const { op, inputs, attributes } = source.node;
    if (op.kind !== "composite") throw new Error("a call of the test is no composite");
    const reads = outputs.map((_, i) => name !== "attention" || i === 0);
    const call = { inputs, outputs, attributes, reads };
    if (!kernel.fits(call, { phase: "forward" })) continue;
    fitting += 1;
    const ofRead = (values: readonly (g.Value | undefined)[]) => values.filter((_, i) => reads[i]) as g.Value[];
    const [own, expected] = [kernel.build(call), op.decomposition(inputs, attributes)].map(ofRead);
    const [results, decomposed] = [await run(own as g.Value[]), await run(expected as g.Value[])];
    for (const [i, result] of results.entries())
      expect(maxDifference(result, decomposed[i] as HostTensor)).toBeLessThan(kernel.tolerance);
  }
  expect(fitting).toBeGreaterThan(1);
});

const doubled = g.defineComposite<{ readonly times: number }>({
  name: "doubled",
  infer: ([x]) => [x as g.TensorType, x as g.TensorType],
  decomposition: ([x], { times }) => [g.mul(x as g.Value, g.scalar(times)), g.neg(x as g.Value)],
  gradient: "through decomposition",
});

const probe = (kernel: Partial<Kernel<object>>): Kernel<object> => ({
  name: "probe",
  tolerance: 0,
  fits: () => true,
  build: ({ inputs }) => [inputs[0] as g.Value, inputs[0] as g.Value],
  ...kernel,
});

test("a kernel whose result differs in shape is refused by name", () => {
  const [x, outputs] = [operand("x", 2, 3), [0, 1].map(() => ({ dtype: "float32", shape: [2, 3] }) as const)];
  const call = { inputs: [x], outputs, attributes: { times: 2 }, reads: [true, true] };
  const build = (kernel: Partial<Kernel<object>>) => () =>
    buildComposite(doubled as never, call, { phase: "decode" }, [probe(kernel)]);
  expect(build({ build: () => [g.reshape(x, [3, 2]), x] })).toThrow(
    "kernel probe of doubled: expected a result of float32[2, 3]; got float32[3, 2]",
  );
  expect(build({ build: () => [x] })).toThrow("kernel probe of doubled: expected a result of float32[2, 3]; got none");
});

test("the first kernel that fits the use is taken, else the decomposition", () => {
  const x = operand("x", 2);
  const call = { inputs: [x], outputs: [x, x], attributes: { times: 2 }, reads: [true, false] };
  const decodes = probe({ fits: (_, { phase }: Use) => phase === "decode" });
  const readsFirst = probe({ fits: ({ reads }) => reads.join() === "true,false", build: () => [x, x] });
  const build = (phase: Use["phase"], ...candidates: Kernel<object>[]) =>
    buildComposite(doubled as never, call, { phase }, candidates);
  expect(build("decode", decodes)).toEqual([x, x]);
  expect(build("train", decodes)[0]).not.toBe(x);
  expect(build("train", decodes, readsFirst)).toEqual([x, x]);
});

test("an op from outside is lowered as its decomposition, even under a built-in's name", async () => {
  const x = operand("x", 3);
  const impostor = { ...doubled, name: "recurrence" };
  const [result] = await run([g.apply(impostor, [x], { times: 3 })[0] as g.Value]);
  expect(maxDifference(result as HostTensor, await run([g.mul(x, g.scalar(3))]).then(([y]) => y as HostTensor))).toBe(
    0,
  );
});

test("an operator of the engine has no gradient", async () => {
  const { differentiate } = await import("../../autodiff/index.ts");
  const engineOp = g.defineKernel<object>({
    name: "engineOp",
    infer: ([x]) => [x as g.TensorType],
    lower: (c) => [c.emit("Identity", c.inputs)],
  });
  const x = operand("x", 1);
  const loss = g.reshape(g.applyOne(engineOp, [x], {}), []);
  expect(() => differentiate({ loss }, [x])).toThrow("engineOp is an operator of the engine without a gradient");
});
