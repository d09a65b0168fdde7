import {
  concat,
  hadamard,
  int8Linear,
  type Node,
  nodesOf,
  ops,
  parameter,
  quantizedGather,
  quantizedLinear,
  rewriteNamed,
  split,
  type Value,
  type WeightLayout,
} from "../graph/index.ts";
import { multiplyHadamard } from "../tensor/index.ts";

/** The ways in which matrices are stored in few bits. */
export type QuantizedPrecision = "int8" | "int4";

/**
 * The numbers of weights that share a scale in int4, and in tables of either precision; in int8, all of an output's weights
 * do. Blocks of 64 take a sixth less memory with the engine's copies, and wide matrices bear them.
 */
const BLOCK = 32;
const WIDE_BLOCK = 64;
const WIDE = 1024;

/** The number of weights of a row that share a scale; undefined where a row is not whole blocks. */
export function blockOf(rowSize: number): number | undefined {
  const block = rowSize >= WIDE && rowSize % WIDE_BLOCK === 0 ? WIDE_BLOCK : BLOCK;
  return rowSize % block === 0 ? block : undefined;
}

/** The blocks of int8's inputs that are rotated, the largest first. */
const ROTATED_BLOCKS = [64, 32, 16];

/**
 * The block of a product's inputs that int8 rotates by a Hadamard matrix, and the matrix with them, which leaves the product
 * as it is; undefined where rows are not whole blocks. Models have a few inputs that are far larger than the others,
 * and a row is rounded to levels of its largest: rotated, each is spread over its block, and the others keep more of theirs
 * (QuaRot: Ashkboos et al., 2024, arXiv 2404.00456).
 */
export function rotatedBlock(inSize: number): number | undefined {
  return ROTATED_BLOCKS.find((block) => inSize % block === 0);
}

/** Rows of a matrix `[…, I]` rotated as the inputs of int8's products are, or back, which is the same. */
export function rotatedRows(rows: Float32Array, inSize: number): Float32Array {
  const block = rotatedBlock(inSize);
  if (block === undefined) return rows;
  const rotated = rows.slice();
  multiplyHadamard(rotated, block);
  return rotated;
}

/** The form of a matrix in few bits: of a linear layer, by the layout of what it was, or rows of a table that ids name. */
export type QuantizedLayout = WeightLayout | "rows";

/** A part of a matrix that is stored in few bits: the parameter of a graph that it is. */
export interface QuantizedPart {
  /** The paths of the matrices in the checkpoint whose outputs follow each other in it. */
  readonly paths: readonly string[];
  readonly layout: QuantizedLayout;
  readonly precision: QuantizedPrecision;
  /** Zeros are of int4 alone, and of blocks whose 0 is another level than the middle one. */
  readonly part: "levels" | "scales" | "zeros";
}

/** Matrices with fewer outputs, such as classes, stay as they are. */
const LEAST_OUTPUTS = 64;

/** The bits of a level. */
const bitsOf = { int8: 8, int4: 4 } as const;

/** The matrices that a graph reads in few bits. */
export interface Quantization {
  /** The number of bits, by name. */
  readonly precision: QuantizedPrecision;
  /** True if a quantized part of that name can be bound. */
  has(name: string): boolean;
}

/** A linear layer of a matrix in the checkpoint. */
interface Linear {
  readonly node: Node;
  readonly path: string;
  readonly layout: WeightLayout;
  readonly sizes: Sizes;
}

/**
 * Rewrites a graph so that its linear layers and what gathers rows of tables read matrices in few bits; in int4 and in
 * tables, where rows are whole blocks. Layers side by side that read the same value, such as those of queries, keys and values, become one, whose result is
 * split.
 */
export function quantizeMatrices<K extends string>(
  outputs: Readonly<Record<K, Value>>,
  quantization: Quantization,
): Record<K, Value> {
  const groups = groupsOf(nodesOf(Object.values(outputs)), quantization);
  const made = new Map<Node, readonly Value[]>();
  const inputs = new RotatedInputs();
  return rewriteNamed(outputs, (node, [x, ids, bias]) => {
    if (node.op === ops.gather) return gathered(node, ids as Value, quantization);
    const group = groups.get(node);
    if (!group) return undefined;
    const [{ node: first }] = group as readonly [Linear];
    if (group.length === 1) return [quantizedOf(group, x as Value, bias ? [bias] : [], quantization, inputs)];
    if (!made.has(first)) {
      const biases = group.map(({ node }) => node.inputs[2]).filter((value) => value !== undefined);
      const whole = quantizedOf(group, x as Value, biases, quantization, inputs);
      const sizes = group.map(({ sizes }) => sizes[0]);
      made.set(first, split(whole, sizes, -1));
    }
    return [made.get(first)?.[group.findIndex((linear) => linear.node === node)] as Value];
  });
}

/** Rows of a table that is read in few bits; undefined for other tables. */
function gathered({ inputs: [table] }: Node, ids: Value, { precision, has }: Quantization): Value[] | undefined {
  if (table?.source.kind !== "parameter" || table.shape.length !== 2) return undefined;
  const [count, rowSize] = table.shape as readonly [number, number];
  const block = blockOf(rowSize);
  const own = { paths: [table.source.name], layout: "rows", precision } as const;
  if (count < LEAST_OUTPUTS || block === undefined || !has(nameOf({ ...own, part: "levels" }))) return undefined;
  const bits = bitsOf[precision];
  const levels = parameter(nameOf({ ...own, part: "levels" }), [count, (rowSize * bits) / 8], "uint8");
  const scales = parameter(nameOf({ ...own, part: "scales" }), [count, rowSize / block], "float32");
  const zeros = zerosOf(own, [count, rowSize / block], has);
  return [quantizedGather([levels, scales, zeros], ids, { bits, block })];
}

/** The zeros of `count` blocks in each of the rows, where the matrix has them. */
function zerosOf(
  own: Omit<QuantizedPart, "part">,
  [rows, count]: readonly [rows: number, count: number],
  has: Quantization["has"],
): Value | undefined {
  const name = nameOf({ ...own, part: "zeros" });
  return own.precision === "int4" && has(name) ? parameter(name, [rows, Math.ceil(count / 2)], "uint8") : undefined;
}

/**
 * The matrices by which a graph's routers score experts. They are small, and rounded ones would send tokens to other
 * experts.
 */
export function routerMatrices(outputs: Iterable<Value>): ReadonlySet<string> {
  const nodes = nodesOf(outputs);
  const linears = new Map(nodes.filter(({ op }) => op === ops.linear).map((node) => [node.outputs[0] as Value, node]));
  const masks = nodes.filter(({ op }) => op === ops.toExperts).map(({ inputs }) => inputs[1] as Value);
  const read = nodesOf(masks, linears).flatMap(({ inputs }) => inputs.map((value) => linears.get(value)));
  const weights = read.flatMap((node) => node?.inputs[1]?.source ?? []);
  return new Set(weights.flatMap((source) => (source.kind === "parameter" ? [source.name] : [])));
}

/** The linear layers that can be read in few bits, and with which others each is computed. */
function groupsOf(nodes: readonly Node[], { precision, has }: Quantization): Map<Node, readonly Linear[]> {
  const sideBySide = new Map<string, Linear[]>();
  const ids = new Map<Value, number>();
  for (const node of nodes) {
    const linear = linearOf(node, precision);
    if (!linear) continue;
    const x = node.inputs[0] as Value;
    if (!ids.has(x)) ids.set(x, ids.size);
    const hasBias = node.inputs.length > 2;
    const key = [ids.get(x), linear.layout, hasBias, linear.path.replace(/(\.[^.]*){2}$/, "")].join(" ");
    sideBySide.set(key, [...(sideBySide.get(key) ?? []), linear]);
  }
  const groups = new Map<Node, readonly Linear[]>();
  const isKnown = (group: readonly Linear[]): boolean => has(nameOf({ ...partOf(group, precision), part: "levels" }));
  for (const group of sideBySide.values())
    for (const linear of group) {
      const own = [group, [linear]].find(isKnown);
      if (own) groups.set(linear.node, own);
    }
  return groups;
}

function linearOf(node: Node, precision: QuantizedPrecision): Linear | undefined {
  const [, weight] = node.inputs;
  if (node.op !== ops.linear || weight?.source.kind !== "parameter") return undefined;
  const { layout } = node.attributes as { layout: WeightLayout };
  const sizes = sizesOf(weight.shape as readonly [number, number], layout);
  if (sizes[0] < LEAST_OUTPUTS || (precision === "int4" && blockOf(sizes[1]) === undefined)) return undefined;
  return { node, path: weight.source.name, layout, sizes };
}

function partOf(group: readonly Linear[], precision: QuantizedPrecision): Omit<QuantizedPart, "part"> {
  const [{ layout }] = group as readonly [Linear];
  return { paths: group.map(({ path }) => path), layout, precision };
}

/** The inputs of int8's products, each rotated once. */
class RotatedInputs {
  readonly #known = new Map<Value, Value>();

  of(x: Value): Value {
    const block = rotatedBlock(x.shape.at(-1) as number);
    const rotated = this.#known.get(x) ?? (block === undefined ? x : hadamard(x, block));
    this.#known.set(x, rotated);
    return rotated;
  }
}

/** The result of a group's layers side by side. */
function quantizedOf(
  group: readonly Linear[],
  x: Value,
  biases: readonly Value[],
  { precision, has }: Quantization,
  inputs: RotatedInputs,
): Value {
  const own = partOf(group, precision);
  const part: PartOf = (part, shape, dtype) => parameter(nameOf({ ...own, part }), shape, dtype);
  const outSize = group.reduce((sum, { sizes }) => sum + sizes[0], 0);
  const sizes: Sizes = [outSize, group[0]?.sizes[1] as number];
  const bias = biases.length > 1 ? concat(biases, 0) : biases[0];
  if (precision === "int8") return int8(inputs.of(x), sizes, bias, part);
  const block = blockOf(sizes[1]) as number;
  const count = sizes[1] / block;
  const levels = part("levels", [outSize, count, block / 2], "uint8");
  const scales = part("scales", [outSize, count], "float32");
  return quantizedLinear(x, [levels, scales, zerosOf(own, [outSize, count], has)], bias, { bits: 4, block });
}

type Sizes = readonly [outSize: number, inSize: number];
type PartOf = (part: QuantizedPart["part"], shape: readonly number[], dtype: "uint8" | "int8" | "float32") => Value;

function int8(x: Value, [outSize, inSize]: Sizes, bias: Value | undefined, part: PartOf): Value {
  return int8Linear(x, [part("levels", [inSize, outSize], "int8"), part("scales", [outSize], "float32")], bias);
}

/** The sizes of a matrix's outputs and inputs. */
export function sizesOf(shape: readonly [number, number], layout: QuantizedLayout): Sizes {
  return layout === "in-out" ? [shape[1], shape[0]] : shape;
}

/** Paths are joined by a character that names of tensors do not have. */
const BESIDE = "|";

function nameOf({ paths, layout, precision, part }: QuantizedPart): string {
  return `${paths.join(BESIDE)}#${precision}.${layout}.${part}`;
}

const quantized = /^(.*)#(int4|int8)\.(out-in|in-out|rows)\.(levels|scales|zeros)$/;

/** The part of quantized matrices that a parameter's name stands for; undefined for other parameters. */
export function quantizedPart(name: string): QuantizedPart | undefined {
  const [, paths, precision, layout, part] = quantized.exec(name) ?? [];
  if (paths === undefined) return undefined;
  return {
    paths: paths.split(BESIDE),
    precision: precision as QuantizedPrecision,
    layout: layout as QuantizedLayout,
    part: part as QuantizedPart["part"],
  };
}
