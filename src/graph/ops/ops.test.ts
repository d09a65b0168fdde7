import { expect, test } from "vitest";
import { checkOp, type OpCheck } from "../../../test/helpers/check-op.ts";
import { checkRecurrence, randomTensors } from "../../../test/helpers/check-recurrence.ts";
import { differentiate } from "../../autodiff/index.ts";
import { Random } from "../../common/index.ts";
import { lowerGraph } from "../../lowering/index.ts";
import { createSession } from "../../runtime/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import * as g from "../index.ts";
import { unslice } from "./slicing.ts";

const places = g.constant({ dtype: "int64", shape: [1, 3], data: BigInt64Array.of(2n, 0n, 2n) });
const ids = g.constant({ dtype: "int64", shape: [3], data: BigInt64Array.of(2n, 0n, 2n) });
const labels = g.constant({ dtype: "int64", shape: [3], data: BigInt64Array.of(1n, -100n, 3n) });
const bias = g.constant({
  dtype: "float32",
  shape: [1, 1, 2, 5],
  data: Float32Array.of(0, 0, 0, 0, -1e9, 0, 0, 0, 0, 0),
});
const block = g.constant({ dtype: "float32", shape: [1, 1, 2, 2], data: Float32Array.of(0, -1e9, 0, 0.5) });
/** Levels 1, 0, 15, 8 of a block of four. */
const nibbles = g.constant({ dtype: "uint8", shape: [1, 1, 2], data: Uint8Array.of(0x01, 0x8f) });
/** Levels of three rows of a block each. */
const rows = g.constant({ dtype: "uint8", shape: [3, 2], data: Uint8Array.of(0x01, 0x8f, 0, 0, 0x10, 0x8f) });
const factors = g.constant({ dtype: "float32", shape: [3, 1], data: Float32Array.of(0.5, 9, 2) });
const halves = g.constant({ dtype: "float32", shape: [1, 1], data: Float32Array.of(0.5) });
const withZeros = [nibbles, halves, g.constant({ dtype: "uint8", shape: [1, 1], data: Uint8Array.of(3) })] as const;
const rowZeros = g.constant({ dtype: "uint8", shape: [3, 1], data: Uint8Array.of(2, 0, 15) });
const levels = g.constant({ dtype: "int8", shape: [2, 2], data: Int8Array.of(3, -4, -5, 6) });
const chosen = g.constant({ dtype: "float32", shape: [1, 2, 2], data: Float32Array.of(1, 0, 0, 1) });
const counts = {
  last: g.constant({ dtype: "int32", shape: [1], data: Int32Array.of(3) }),
  longest: g.constant({ dtype: "int32", shape: [], data: Int32Array.of(4) }),
};
const m = (shape: number[], ...values: number[]): { shape: number[]; values: number[] } => ({ shape, values });

/** Every op once: an op without a check does not compile. */
const checks: Record<g.OpName, OpCheck> = {
  add: { build: g.add, operands: [m([2, 2], 1, 2, 3, 4), m([2], 10, 20)], expected: [11, 22, 13, 24] },
  sub: { build: g.sub, operands: [m([2, 1], 1, 2), m([2], 10, 20)], expected: [-9, -19, -8, -18] },
  mul: { build: g.mul, operands: [m([2], 2, 3), m([], 5)], expected: [10, 15] },
  div: { build: g.div, operands: [m([2], 3, 4), m([2], 2, 5)], expected: [1.5, 0.8] },
  pow: { build: g.pow, operands: [m([2], 2, 1.5), m([2], 3, 2)], expected: [8, 2.25] },
  max: { build: g.max, operands: [m([2], 1, 4), m([2], 2, 3)], expected: [2, 4] },
  min: { build: g.min, operands: [m([2], 1, 4), m([2], 2, 3)], expected: [1, 3] },
  neg: { build: g.neg, operands: [m([2], 1, -4)], expected: [-1, 4] },
  sqrt: { build: g.sqrt, operands: [m([2], 1, 2.25)], expected: [1, 1.5] },
  exp: { build: g.exp, operands: [m([2], 0, 1)], expected: [1, Math.E] },
  log: { build: g.log, operands: [m([2], 1, Math.E)], expected: [0, 1] },
  sin: { build: g.sin, operands: [m([2], 0, 1)], expected: [0, Math.sin(1)] },
  cos: { build: g.cos, operands: [m([2], 0, 1)], expected: [1, Math.cos(1)] },
  tanh: { build: g.tanh, operands: [m([2], 0, 1)], expected: [0, Math.tanh(1)] },
  sigmoid: { build: g.sigmoid, operands: [m([2], 0, 1)], expected: [0.5, 1 / (1 + Math.exp(-1))] },
  erf: { build: g.erf, operands: [m([2], 0, 1)], expected: [0, 0.8427008] },
  relu: { build: g.relu, operands: [m([2], -1, 2)], expected: [0, 2] },
  abs: { build: g.abs, operands: [m([2], -1, 2)], expected: [1, 2] },
  less: { build: (a, b) => g.cast(g.less(a, b), "float32"), operands: [m([2], 1, 3), m([2], 2, 2)], expected: [1, 0] },
  greaterOrEqual: {
    build: (a, b) => g.cast(g.greaterOrEqual(a, b), "float32"),
    operands: [m([2], 1, 3), m([2], 2, 2)],
    expected: [0, 1],
  },
  equal: {
    build: (a, b) => g.cast(g.equal(a, b), "float32"),
    operands: [m([2], 1, 3), m([2], 2, 2.5)],
    expected: [0, 0],
  },
  iota: {
    build: (x) => g.add(x, g.cast(g.iota(3), "float32")),
    operands: [m([3], 5, 5, 5)],
    expected: [5, 6, 7],
  },
  cumulativeSum: {
    build: (x) => g.cumulativeSum(x, 1),
    operands: [m([2, 3], 1, 2, 3, 4, 5, 6)],
    expected: [1, 3, 6, 4, 9, 15],
  },
  topIndices: {
    build: (x) => g.takeAlong(x, g.topIndices(x, 2)),
    operands: [m([2, 3], 3, 1, 2, 4, 6, 5)],
    expected: [3, 2, 6, 5],
  },
  topMask: { build: (x) => g.mul(x, g.topMask(x, 2)), operands: [m([1, 3], 3, 1, 2)], expected: [3, 0, 2] },
  toExperts: {
    build: (x) => g.concat([...g.toExperts(x, chosen, 1)], -1),
    operands: [m([1, 2, 2], 1, 2, 3, 4)],
    expected: [1, 2, 1, 2, 3, 4, 3, 4],
  },
  fromExperts: {
    build: (shares, a, b) => g.fromExperts(shares, [a, b], 1),
    operands: [m([1, 2, 2], 0.5, 0, 0, 2), m([1, 2, 2], 1, 2, 3, 4), m([1, 2, 2], 5, 6, 7, 8)],
    expected: [0.5, 1, 14, 16],
  },
  where: {
    build: (a, b) => g.where(g.less(a, g.scalar(2)), a, b),
    operands: [m([2], 1, 3), m([2], 5, 6)],
    expected: [1, 6],
  },
  reduceSum: { build: (x) => g.reduceSum(x, [0]), operands: [m([2, 2], 1, 2, 3, 4)], expected: [4, 6] },
  reduceMean: { build: (x) => g.reduceMean(x, [-1], true), operands: [m([2, 2], 1, 2, 3, 4)], expected: [1.5, 3.5] },
  reduceMax: { build: (x) => g.reduceMax(x, [1]), operands: [m([2, 2], 1, 2, 4, 3)], expected: [2, 4] },
  scaleBytes: {
    build: (x) => g.add(x, g.scaleBytes(g.constant({ dtype: "uint8", shape: [2], data: Uint8Array.of(0, 3) }), 1.5)),
    operands: [m([2], 1, -2)],
    expected: [1, 2.5],
  },
  detach: { build: (x) => g.add(x, g.detach(g.scalar(2))), operands: [m([2], 1, -2)], expected: [3, 0] },
  cast: { build: (x) => g.cast(g.cast(x, "int64"), "float32"), operands: [m([2], 1.5, 2.5)], expected: [1, 2] },
  reshape: { build: (x) => g.reshape(x, [3, 2]), operands: [[2, 3]] },
  transpose: { build: (x) => g.transpose(x, [1, 0]), operands: [m([2, 2], 1, 2, 3, 4)], expected: [1, 3, 2, 4] },
  expand: { build: (x) => g.expand(x, [2, 2]), operands: [m([2, 1], 1, 2)], expected: [1, 1, 2, 2] },
  concat: {
    build: (a, b) => g.concat([a, b], 1),
    operands: [m([2, 1], 1, 2), m([2, 1], 3, 4)],
    expected: [1, 3, 2, 4],
  },
  split: { build: (x) => g.split(x, [1, 2], -1)[1] as g.Value, operands: [m([1, 3], 1, 2, 3)], expected: [2, 3] },
  slice: { build: (x) => g.slice(x, 0, 1, -1), operands: [m([4], 1, 2, 3, 4)], expected: [2, 3] },
  unslice: {
    build: (y) => unslice(y, { axis: 1, start: 0, end: 1 }, [2, 3]),
    operands: [m([2, 1], 1, 2)],
    expected: [1, 0, 0, 2, 0, 0],
  },
  zerosLike: { build: (x) => g.add(x, g.zerosLike(x)), operands: [m([2], 1, 2)], expected: [1, 2] },
  matmul: {
    build: (a, b) => g.matmul(a, b, { transposeB: true, alpha: 0.5 }),
    operands: [m([1, 2], 1, 2), m([2, 2], 1, 2, 3, 4)],
    expected: [2.5, 5.5],
  },
  softmax: { build: (x) => g.softmax(x, -1), operands: [m([1, 2], 0, Math.log(3))], expected: [0.25, 0.75] },
  logSoftmax: {
    build: (x) => g.logSoftmax(x, -1),
    operands: [m([1, 2], 0, Math.log(3))],
    expected: [Math.log(0.25), Math.log(0.75)],
  },
  gather: { build: (x) => g.gather(x, ids), operands: [m([3, 1], 7, 8, 9)], expected: [9, 7, 9] },
  scatterAdd: { build: (x) => g.scatterAdd(ids, x, 3), operands: [m([3, 1], 7, 8, 9)], expected: [8, 0, 16] },
  takeAlong: { build: (x) => g.takeAlong(x, places), operands: [m([1, 3], 7, 8, 9)], expected: [9, 7, 9] },
  putAlong: { build: (x) => g.putAlong(places, x, 4), operands: [m([1, 3], 7, 8, 9)], expected: [8, 0, 16, 0] },
  addAlong: {
    build: (x, y) => g.addAlong(x, places, y),
    operands: [m([1, 3], 7, 8, 9), m([1, 3], 1, 2, 4)],
    expected: [9, 8, 14],
  },
  oneHot: { build: (x) => g.mul(x, g.oneHot(ids, 3)), operands: [m([], 2)], expected: [0, 0, 2, 2, 0, 0, 0, 0, 2] },
  layerNorm: { build: (x, w, b) => g.layerNorm(x, w, b, 1e-5), operands: [[2, 2, 4], [4], [4]] },
  rmsNorm: {
    build: (x, w) => g.rmsNorm(x, w, 0),
    operands: [m([1, 2], 3, 4), m([2], 1, 2)],
    expected: [3 / Math.sqrt(12.5), 8 / Math.sqrt(12.5)],
  },
  gelu: { build: g.gelu, operands: [m([2], 1, -0.5)], expected: [0.8413447, -0.1542688] },
  geluTanh: { build: g.geluTanh, operands: [m([2], 1, -0.5)], expected: [0.841192, -0.154286] },
  silu: { build: g.silu, operands: [m([2], 1, -1)], expected: [0.7310586, -0.2689414] },
  quickGelu: { build: g.quickGelu, operands: [m([1], 1)], expected: [1 / (1 + Math.exp(-1.702))] },
  softcap: { build: (x) => g.softcap(x, 2), operands: [m([2], 0, 2)], expected: [0, 2 * Math.tanh(1)] },
  softplus: {
    build: g.softplus,
    operands: [m([4], 0, 2, -7, 30)],
    expected: [Math.LN2, Math.log1p(Math.exp(2)), Math.log1p(Math.exp(-7)), 30],
  },
  crossEntropy: {
    build: (x) => g.crossEntropy(x, labels),
    operands: [m([3, 4], 0, 0, 0, 0, 5, 5, 5, 5, 0, 0, 0, 0)],
    expected: [Math.log(4)],
  },
  linear: { build: (x, w, b) => g.linear(x, w, b), operands: [[2, 2, 3], [2, 3], [2]] },
  rotary: {
    build: g.rotary,
    operands: [m([1, 1, 1, 2], 1, 2), m([1, 1, 1, 2], 0.6, 0.6), m([1, 1, 1, 2], -0.8, 0.8)],
    expected: [0.6 - 1.6, 1.2 + 0.8],
  },
  recurrence: {
    build: (x, input, state, inputBias, stateBias, hidden, memory) =>
      g.recurrence("lstm", x, { input, state, inputBias, stateBias }, { hidden, memory }).states,
    operands: [[1, 3, 2], [8, 2], [8, 2], [8], [8], [1, 2], [1, 2]],
  },
  writtenRecurrence: {
    build(x, input, state, inputBias, stateBias, hidden) {
      const { states, hidden: last } = g.recurrence(
        "gru",
        x,
        { input, state, inputBias, stateBias },
        { hidden, memory: hidden },
      );
      return g.add(states, g.reshape(last, [2, 1, 2]));
    },
    operands: [[2, 3, 2], [6, 2], [6, 2], [6], [6], [2, 2]],
  },
  decayedSum: {
    build(x, decay, first) {
      const { all, last } = g.decayedSum(x, decay, first);
      return g.add(all, g.reshape(last, [1, 1, 2]));
    },
    operands: [m([1, 3, 2], 1, 2, 3, 4, 5, 6), m([1, 3, 2], 0.5, 1, 0.5, 1, 0.5, 1), m([1, 2], 2, 10)],
    expected: [2 + 7, 12 + 22, 4 + 7, 16 + 22, 7 + 7, 22 + 22],
  },
  decayedMax: {
    build(x) {
      const given = (shape: number[], ...values: number[]): g.Value =>
        g.constant({ dtype: "float32", shape, data: Float32Array.from(values) });
      const { all } = g.decayedMax(given([1, 3, 1], 1, 5, 2), given([1, 1, 1], -1), given([1, 1], 3));
      return g.add(x, all);
    },
    operands: [m([1, 3, 1], 0, 0, 0)],
    expected: [2, 5, 4],
  },
  deltaRule: {
    build(q, k, v, logDecay, rate, first) {
      const { mixed, last } = g.deltaRule(q, k, v, { logDecay: g.neg(logDecay), rate, first });
      return g.concat([mixed, last], 2);
    },
    operands: [
      [1, 2, 3, 2],
      [1, 2, 3, 2],
      [1, 2, 3, 3],
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 2, 3],
    ],
  },
  generalDeltaRule: {
    build(q, k, v, a, b, logDecay, first) {
      const { mixed, last } = g.generalDeltaRule(q, k, v, { a, b, logDecay: g.neg(logDecay), first });
      return g.concat([mixed, last], 2);
    },
    operands: [
      [1, 2, 3, 2],
      [1, 2, 3, 2],
      [1, 2, 3, 3],
      [1, 2, 3, 2],
      [1, 2, 3, 2],
      [1, 2, 3, 2],
      [1, 2, 2, 3],
    ],
  },
  attentionBlock: {
    build: (q, k, v, keep) => {
      const { mixed, weights } = g.attend(q, k, v, block, { scale: 0.5, softcap: 2, dropoutMask: keep });
      return g.concat([mixed, weights], -1);
    },
    operands: [
      [1, 4, 2, 2],
      [1, 2, 2, 2],
      [1, 2, 2, 2],
      [1, 4, 2, 2],
    ],
  },
  rotaryAt: {
    build: (x, cos, sin) => g.rotaryAt(x, places, cos, sin, 2),
    operands: [
      [1, 3, 12],
      [3, 2],
      [3, 2],
    ],
  },
  skipRmsNorm: {
    build: (a, b, weight) => {
      const { normed, sum } = g.skipRmsNorm(a, b, weight, 0);
      return g.concat([normed, sum], 0);
    },
    operands: [m([1, 2], 1, 1), m([1, 2], 2, 3), m([2], 1, 2)],
    expected: [3 / Math.sqrt(12.5), 8 / Math.sqrt(12.5), 3, 4],
  },
  dequantize: {
    build: (x) => {
      const format = { bits: 4, block: 4 } as const;
      return g.add(x, g.concat([g.dequantize([nibbles, halves], format), g.dequantize(withZeros, format)], 0));
    },
    operands: [m([2, 4], ...new Array(8).fill(0))],
    expected: [-3.5, -4, 3.5, 0, -1, -1.5, 6, 2.5],
  },
  blockSums: {
    build: (x) => g.blockSums(x, 2),
    operands: [m([2, 4], 1, 2, 3, 4, 5, 6, 7, 8)],
    expected: [3, 7, 11, 15],
  },
  hadamard: {
    build: (x) => g.hadamard(x, 4),
    operands: [m([1, 8], 1, 2, 3, 4, 0, 0, 0, 2)],
    expected: [5, -1, -2, 0, 1, -1, -1, 1],
  },
  takeColumns: {
    build: (x) => g.takeColumns(x, g.constant({ dtype: "int64", shape: [3], data: BigInt64Array.of(2n, 0n, 1n) })),
    operands: [m([2, 3], 1, 2, 3, 4, 5, 6)],
    expected: [3, 1, 2, 6, 4, 5],
  },
  int8Linear: {
    build: (x, scales, bias) => g.int8Linear(x, [levels, scales], bias),
    operands: [m([1, 2], 1, 2), m([2], 0.5, 0.25), m([2], 0.25, 0)],
    expected: [0.5 * (3 - 10) + 0.25, 0.25 * (-4 + 12)],
  },
  quantizedGather: {
    build: (x) => {
      const format = { bits: 4, block: 4 } as const;
      const gathered = [g.quantizedGather([rows, factors], ids, format)];
      gathered.push(g.quantizedGather([rows, factors, rowZeros], ids, format));
      return g.add(x, g.concat(gathered, 0));
    },
    operands: [m([6, 4], ...new Array(24).fill(0))],
    expected: [
      ...[-16, -14, 14, 0, -3.5, -4, 3.5, 0, -16, -14, 14, 0],
      ...[-30, -28, 0, -14, -0.5, -1, 6.5, 3, -30, -28, 0, -14],
    ],
  },
  quantizedLinear: {
    build: (x, bias) => {
      const format = { bits: 4, block: 4 } as const;
      const plain = g.quantizedLinear(x, [nibbles, halves], bias, format);
      return g.concat([plain, g.quantizedLinear(x, withZeros, bias, format)], 0);
    },
    operands: [m([1, 4], 1, 2, 3, 4), m([1], 0.25)],
    expected: [-3.5 - 8 + 10.5 + 0.25, -1 - 3 + 18 + 10 + 0.25],
  },
  cachedAttention: {
    build: (q, k, v, key, value) =>
      g.cachedAttention([q, k, v], { key, value }, counts, { heads: 2, keyHeads: 1, scale: 0.5, window: 3 }).mixed,
    operands: [
      [1, 2, 4],
      [1, 2, 2],
      [1, 2, 2],
      [1, 1, 5, 2],
      [1, 1, 5, 2],
    ],
  },
  joinedAttention: {
    build: (q, k, v, key, value) => {
      const { mixed, cache } = g.attendJoined([q, k, v, bias], { key, value }, { scale: 0.5 });
      return g.add(g.reduceSum(mixed, [1]), g.slice(cache.key, 2, 1, 3));
    },
    operands: [
      [1, 4, 2, 2],
      [1, 1, 2, 2],
      [1, 1, 2, 2],
      [1, 1, 3, 2],
      [1, 1, 3, 2],
    ],
  },
  attention: {
    build: (q, k, v, key, value) => g.attend(q, k, v, bias, { scale: 0.5, past: [{ key, value }] }).mixed,
    operands: [
      [1, 4, 2, 2],
      [1, 2, 2, 2],
      [1, 2, 2, 2],
      [1, 2, 3, 2],
      [1, 2, 3, 2],
    ],
  },
};

test.each(Object.entries(checks))("%s has the right values and gradients", async (name, check) => {
  await checkOp(name, check);
});

test("attention with sinks has the right values and gradients", async () => {
  await checkOp("attention", {
    build: (q, k, v, sinks) => g.attend(q, k, v, bias, { scale: 0.5, sinks }).mixed,
    operands: [[1, 2, 2, 2], [1, 1, 5, 2], [1, 1, 5, 2], [2]],
  });
  const alike = m([1, 1, 2, 1], 0, 0);
  const zeros = { ...alike, shape: [1, 1, 5, 1], values: [0, 0, 0, 0, 0] };
  await checkOp("attention", {
    build: (q, k, v, sinks) => g.attend(q, k, v, bias, { scale: 1, sinks }).weights,
    operands: [alike, zeros, zeros, m([1], Math.log(4))],
    expected: [1 / 8, 1 / 8, 1 / 8, 1 / 8, 0, 1 / 9], // of 4 or 5 keys, and a sink that counts as 4
  });
});

test("the delta rule in chunks has the values and gradients of the rule token by token", async () => {
  const [heads, length, size, width] = [2, 70, 3, 4];
  const tensor = randomTensors(5);
  const feeds = {
    q: tensor(-1, 1, 1, heads, length, size),
    k: tensor(-0.6, 0.6, 1, heads, length, size),
    v: tensor(-1, 1, 1, heads, length, width),
    logDecay: tensor(-0.5, 0, 1, heads, length),
    rate: tensor(0, 1, 1, heads, length),
    first: tensor(-1, 1, 1, heads, size, width),
    dy: tensor(-1, 1, 1, heads, length, width),
  };
  const [q, k, v, logDecay, rate, first, dy] = Object.entries(feeds).map(([name, { shape }]) =>
    g.input(name, "float32", shape),
  ) as [g.Value, g.Value, g.Value, g.Value, g.Value, g.Value, g.Value];
  const byToken = (): { mixed: g.Value; last: g.Value } => {
    const read: g.Value[] = [];
    let state = first;
    for (let t = 0; t < length; t++) {
      const at = (x: g.Value): g.Value => g.slice(x, 2, t, t + 1);
      const number = (x: g.Value): g.Value => g.reshape(at(x), [1, heads, 1, 1]);
      const kept = g.mul(state, g.exp(number(logDecay)));
      const missing = g.sub(at(v), g.matmul(at(k), kept));
      state = g.add(kept, g.matmul(at(k), g.mul(missing, number(rate)), { transposeA: true }));
      read.push(g.matmul(at(q), state));
    }
    return { mixed: g.concat(read, 2), last: state };
  };
  const chunks = g.deltaRule(q, k, v, { logDecay, rate, first });
  await checkRecurrence(feeds, { operands: [q, k, v, logDecay, rate, first], dy, chunks, byToken: byToken() });
});

test("causal attention in blocks has the values and gradients of attention in one piece", async () => {
  const [batch, heads, keyHeads, length, size] = [2, 4, 2, 70, 8];
  const random = new Random(3);
  const tensor = (...shape: number[]): HostTensor<"float32"> => ({
    dtype: "float32",
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.next() * 2 - 1),
  });
  const hidden = tensor(batch, 1, length, length);
  for (let i = 0; i < hidden.data.length; i++)
    if (i % length > Math.floor(i / length) % length) hidden.data[i] = -3.4028234663852886e38;
  const feeds = {
    q: tensor(batch, heads, length, size),
    k: tensor(batch, keyHeads, length, size),
    v: tensor(batch, keyHeads, length, size),
    bias: hidden,
    keep: tensor(batch, heads, length, length),
    dy: tensor(batch, heads, length, size),
  };
  const [q, k, v, bias, keep, dy] = Object.entries(feeds).map(([name, { shape }]) =>
    g.input(name, "float32", shape),
  ) as [g.Value, g.Value, g.Value, g.Value, g.Value, g.Value];
  const run = async (causal: boolean): Promise<Record<string, HostTensor>> => {
    const { mixed, weights } = g.attend(q, k, v, bias, { scale: 0.4, dropoutMask: keep, causal });
    const loss = g.reduceSum(g.mul(mixed, dy), [0, 1, 2, 3]);
    const { outputs, gradients } = differentiate({ loss, mixed, weights }, [q, k, v, keep]);
    const named = Object.fromEntries(gradients.map((gradient, i) => [`g${i}`, gradient]));
    const session = await createSession(
      lowerGraph({ outputs: { ...outputs, ...named }, bind: () => ({ kind: "input" }) }),
    );
    const result = await session.run(feeds);
    await session.dispose();
    return result;
  };
  const [whole, blocks] = [await run(false), await run(true)];
  for (const [name, { data }] of Object.entries(whole)) {
    const other = blocks[name]?.data as Float32Array;
    const furthest = (data as Float32Array).reduce(
      (most, x, i) => Math.max(most, Math.abs(x - (other[i] as number))),
      0,
    );
    expect(furthest, name).toBeLessThan(1e-4);
  }
});

test.each([
  [1024, 128, 130],
  [2048, 160, 128],
  [3072, 129, 128],
  [1025, 128, 128],
])("aᵀ b over %i rows, [%i] by [%i], is the sum that it says", async (rows, left, right) => {
  const random = new Random(3);
  const tensor = (...shape: [number, number]): HostTensor<"float32"> => ({
    dtype: "float32",
    shape,
    data: Float32Array.from({ length: shape[0] * shape[1] }, () => random.next() - 0.5),
  });
  const [a, b] = [tensor(rows, left), tensor(rows, right)];
  const [x, y] = [g.input("a", "float32", a.shape), g.input("b", "float32", b.shape)];
  const product = g.matmul(x, y, { transposeA: true, alpha: 0.5 });
  const lowered = lowerGraph({ outputs: { product }, bind: () => ({ kind: "input" }) });
  expect(lowered.nodes.some(({ type }) => type === "Transpose")).toBe(true);
  const session = await createSession(lowered);
  const result = (await session.run({ a, b })).product as HostTensor<"float32">;
  await session.dispose();
  expect(result.shape).toEqual([left, right]);
  let furthest = 0;
  for (let i = 0; i < left; i++)
    for (let j = 0; j < right; j++) {
      let sum = 0;
      for (let row = 0; row < rows; row++)
        sum += (a.data[row * left + i] as number) * (b.data[row * right + j] as number) * 0.5;
      furthest = Math.max(furthest, Math.abs(sum - (result.data[i * right + j] as number)));
    }
  expect(furthest).toBeLessThan(2e-5);
});

test("the table of checks covers the table of ops", () => {
  expect(Object.keys(checks).sort()).toEqual(Object.keys(g.ops).sort());
});

test("a wrong shape fails while building and names the op and both shapes", () => {
  const [a, b] = [g.input("a", "float32", ["B", 3]), g.input("b", "float32", [4, 5])];
  expect(() => g.matmul(a, b)).toThrow(
    "matmul a b: equal inner sizes, not 3 and 4; got float32[B, 3] and float32[4, 5]",
  );
  expect(() => g.add(a, b)).toThrow("add: sizes that are equal or 1; got float32[B, 3] and float32[4, 5]");
});
