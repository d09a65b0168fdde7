import {
  apply,
  concat,
  definePrimitive,
  gather,
  hadamard,
  input,
  linear,
  type MixtureAttributes,
  mul,
  type Node,
  nodesOf,
  ops,
  parameter,
  reduceMax,
  rewriteNamed,
  type TensorType,
  type Value,
  type WeightLayout,
} from "../../src/graph/index.ts";
import { symbolic } from "../../src/inference/decode-graph.ts";
import { passFeeds } from "../../src/inference/forward.ts";
import { forwardGraph } from "../../src/inference/forward-graph.ts";
import { runtimeOf } from "../../src/inference/kinds/index.ts";
import type { ModelFiles } from "../../src/inference/model-files.ts";
import type { Weights } from "../../src/inference/weights.ts";
import { lowerGraph, type OnnxGraph, type WeightBinding } from "../../src/lowering/index.ts";
import { blockOf, rotatedBlock, runPasses } from "../../src/passes/index.ts";
import { createSession } from "../../src/runtime/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import { matrixKey } from "./expanded-matrices.ts";
import { levelsOfInputs } from "./input-levels.ts";

/** The rounding of what a product reads: runs of so many entries, each by its own largest. */
interface Rounding {
  readonly run: number;
  /** The levels on each side of 0. */
  readonly levels: number;
  /** The block that is rotated before, and back after. */
  readonly rotated?: number | undefined;
  /** True where entries are multiplied by the inverse of a level's size, not divided by it: ties may fall otherwise. */
  readonly byInverse: boolean;
}

/** Levels of int4's products, whose kernel rounds what it reads block by block. */
const BLOCK_LEVELS = 127;

/** Rounds x `[…, I]` to levels; the second result `[…, 1]` is the largest distance of an entry from its level, at most 0.5. */
const roundedOp = definePrimitive<Rounding>({
  name: "rounded",
  infer: ([x]) => {
    const { dtype, shape } = x as TensorType;
    return [
      { dtype, shape },
      { dtype, shape: [...shape.slice(0, -1), 1] },
    ];
  },
  lower(c, { run, levels, byInverse }) {
    const [x] = c.inputs as [string];
    const [{ shape }, apart] = c.outputTypes as [TensorType, TensorType];
    const number = (value: number): string => c.constant({ dtype: "float32", shape: [], data: Float32Array.of(value) });
    const runs = c.emit("Reshape", [x, c.int64(-1, (shape.at(-1) as number) / run, run)]);
    const most = c.emit("ReduceMax", [c.emit("Abs", [runs]), c.int64(-1)], { keepdims: 1 });
    const largest = c.emit("Max", [most, number(1e-30)]); // of zeros
    const exact = byInverse
      ? c.emit("Mul", [runs, c.emit("Div", [number(levels), largest])])
      : c.emit("Div", [c.emit("Div", [runs, largest]), number(1 / levels)]);
    const level = c.emit("Round", [exact]);
    const values = c.emit("Mul", [level, c.emit("Div", [largest, number(levels)])]);
    const off = c.emit("ReduceMax", [c.emit("Abs", [c.emit("Sub", [exact, level])]), c.int64(1, 2)], { keepdims: 1 });
    return [c.emit("Reshape", [values, c.shape(shape)]), c.emit("Reshape", [off, c.shape(apart.shape)])];
  },
  gradient: () => [undefined],
});

type Values = Readonly<Record<string, Value>>;

/** What is looked at in a model: its results, and what its products in few bits, routers and mixtures read and yield. */
interface Probes {
  readonly outputs: Values;
  /** Values that the reference takes from the model in few bits, and the inputs that it takes them by. */
  readonly fed: ReadonlyMap<Value, Value>;
  /** The nodes that read matrices in few bits, and the matrix of each. */
  readonly readers: ReadonlyMap<Node, string>;
  /** The expert that computes a value, and the node that sends tokens to it. */
  readonly inside: ReadonlyMap<Value, { readonly entry: Node; readonly expert: number }>;
}

/** Marks an input that is fed what the model in few bits has under the rest of its name. */
const FED = "fed ";

/** Nothing is read inside of experts, which would be computed for all tokens then. */
function probesOf(heads: Values, matrices: ReadonlyMap<string, unknown>): Probes {
  const outputs: Record<string, Value> = { ...heads };
  const fed = new Map<Value, Value>();
  const readers = new Map<Node, string>();
  const inside = new Map<Value, { entry: Node; expert: number }>();
  const feed = (kind: string, value: Value): void => {
    if (fed.has(value)) return;
    const name = `${kind} ${fed.size}`;
    outputs[name] = value;
    fed.set(value, input(FED + name, value.dtype, value.shape));
  };
  for (const node of nodesOf(Object.values(heads))) {
    const [x, second] = node.inputs as [Value, Value];
    const [y] = node.outputs as [Value];
    const own = node.inputs.map((value) => inside.get(value)).find((found) => found !== undefined);
    if (node.op === ops.toExperts) {
      feed("read", x);
      feed("mask", second);
      for (const [expert, rows] of node.outputs.entries()) inside.set(rows, { entry: node, expert });
    } else if (node.op === ops.fromExperts) {
      outputs[`shares ${fed.size}`] = x;
      feed("mixed", y);
    } else if (own) for (const value of node.outputs) inside.set(value, own);
    const key = matrixOf(node);
    if (key === undefined || !matrices.has(key)) continue;
    readers.set(node, key);
    if (own || node.op === ops.gather) continue;
    feed("read", x);
    outputs[`product ${readers.size} ${key}`] = y;
  }
  const read = new Set(readers.values());
  const unread = [...matrices.keys()].filter((key) => !read.has(key));
  if (unread.length > 0) throw new Error(`no linear layer or table reads ${unread.join(", ")}`);
  return { outputs, fed, readers, inside };
}

const layoutOf = ({ attributes }: Node): WeightLayout => (attributes as { layout: WeightLayout }).layout;

/** The matrix that a linear layer, or what gathers rows of a table, reads. */
function matrixOf(node: Node): string | undefined {
  const isGather = node.op === ops.gather;
  const source = node.inputs[isGather ? 0 : 1]?.source;
  if (source?.kind !== "parameter" || !(isGather || node.op === ops.linear)) return undefined;
  return matrixKey(source.name, isGather ? "rows" : layoutOf(node));
}

/**
 * The plain reference: the graph of the float model over expanded matrices, whose products round what they read. It takes
 * what they read, and what mixtures yield, from the model in few bits: else a sum in another order, rounded to the next
 * level, would change all that follows. What experts read inside is its own; `offs` says how far from its level an entry
 * of the chosen experts is, `[B, T, 1]` for each mixture.
 */
function referenceOf(
  { outputs, fed, readers, inside }: Probes,
  roundingOf: (inSize: number) => Rounding,
): { readonly outputs: Values; readonly offs: Values } {
  const names = new Map(Object.entries(outputs).map(([name, value]) => [value, name]));
  const own = { mixed: {} as Record<string, Value>, offs: {} as Record<string, Value> };
  const ofExperts = new Map<Node, Value[]>();
  const mix = (node: Node, inputs: readonly Value[]): Value => {
    const [result, rows] = [node.outputs[0], node.inputs[1]] as [Value, Value];
    const name = names.get(result) as string;
    const { entry } = inside.get(rows) as { entry: Node };
    own.mixed[name] = apply(ops.fromExperts, inputs, node.attributes as MixtureAttributes)[0] as Value;
    const offs = ofExperts.get(entry);
    const mask = fed.get(entry.inputs[1] as Value) as Value;
    if (offs) own.offs[`off ${name}`] = reduceMax(mul(concat(offs, -1), mask), [-1], true);
    return fed.get(result) as Value;
  };
  const product = (node: Node, key: string, [x, , bias]: readonly Value[]): Value => {
    const [before, weight] = node.inputs as [Value, Value];
    const expert = inside.get(before);
    const read = expert ? (x as Value) : (fed.get(before) as Value);
    const rounding = roundingOf(read.shape.at(-1) as number);
    const rotate = (of: Value): Value => (rounding.rotated === undefined ? of : hadamard(of, rounding.rotated));
    const [rounded, off] = apply(roundedOp, [rotate(read)], rounding) as [Value, Value];
    if (expert && !expert.entry.outputs.includes(before)) {
      const offs = ofExperts.get(expert.entry) ?? [];
      offs[expert.expert] = off; // of its last layer, the only one that reads what the expert has made
      ofExperts.set(expert.entry, offs);
    }
    return linear(rotate(rounded), parameter(key, weight.shape as readonly number[]), bias, layoutOf(node));
  };
  const rewritten = rewriteNamed(outputs, (node, inputs) => {
    const [x, second] = inputs as [Value, Value];
    const taken = fed.get(node.inputs[0] as Value) as Value;
    if (node.op === ops.toExperts) return apply(ops.toExperts, [taken, second], node.attributes as MixtureAttributes);
    if (node.op === ops.fromExperts) return [mix(node, inputs)];
    const key = readers.get(node);
    if (key === undefined) return undefined;
    if (node.op === ops.gather) return [gather(parameter(key, x.shape as readonly number[]), second)];
    return [product(node, key, inputs)];
  });
  return { outputs: { ...rewritten, ...own.mixed }, offs: own.offs };
}

/** A value of a model in few bits, and what the plain reference computes in its place. */
export interface Compared {
  readonly name: string;
  readonly got: HostTensor<"float32">;
  readonly expected: HostTensor<"float32">;
  /** Of a mixture: how far from its level the farthest entry is that the experts of each token have rounded, at most 0.5. */
  readonly offs: Float32Array | undefined;
}

/**
 * Compares a model in few bits with a plain reference of the same rounding, value by value: its results first.
 * @param matrices the values that its matrices stand for
 */
export async function compareFewBits(
  { architecture, weights }: Pick<ModelFiles, "architecture" | "weights">,
  matrices: ReadonlyMap<string, HostTensor<"float32">>,
  inputs: { readonly inputIds: readonly (readonly number[])[] },
): Promise<Compared[]> {
  const sizes = runtimeOf(architecture).forward.fixedSizes(inputs, true);
  const pass = forwardGraph(architecture, { ...symbolic, ...sizes });
  const probes = probesOf(pass.heads, matrices);
  const bind = (name: string): WeightBinding => weights.bind(name);
  const feeds = passFeeds(architecture, pass, inputs);
  const got = await run(lowerGraph({ outputs: runPasses(probes.outputs, weights.passes), bind }), feeds);
  const { outputs, offs } = referenceOf(probes, await roundingIn(weights.precision));
  const reference = lowerGraph({
    outputs: { ...outputs, ...offs },
    bind(name) {
      const tensor = matrices.get(name);
      return tensor ? { kind: "tensor", tensor } : bind(name);
    },
    phase: "train",
  });
  const taken = Object.entries(got).map(([name, value]) => [FED + name, value] as const);
  const expected = await run(reference, { ...feeds, ...Object.fromEntries(taken) });
  return Object.keys(probes.outputs).map((name) => ({
    name,
    got: got[name] as HostTensor<"float32">,
    expected: expected[name] as HostTensor<"float32">,
    offs: expected[`off ${name}`]?.data as Float32Array | undefined,
  }));
}

async function roundingIn(precision: Weights["precision"]): Promise<(inSize: number) => Rounding> {
  if (precision === "int4") return (size) => ({ run: blockOf(size) as number, levels: BLOCK_LEVELS, byInverse: true });
  const levels = await levelsOfInputs();
  return (run) => ({ run, levels, byInverse: false, rotated: rotatedBlock(run) });
}

async function run(
  graph: OnnxGraph,
  feeds: Readonly<Record<string, HostTensor>>,
): Promise<Readonly<Record<string, HostTensor>>> {
  // As a loaded model: int4's fast products are of packed matrices.
  const settings = { prepack: true, threads: 1, memoryPattern: false, withoutRewrites: ["SkipLayerNormFusion"] };
  const session = await createSession(graph, settings);
  const wanted = graph.inputs.map(({ name }) => [name, feeds[name] as HostTensor] as const);
  const results = await session.run(Object.fromEntries(wanted));
  await session.dispose();
  return results;
}
