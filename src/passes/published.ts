import {
  add,
  blockSums,
  concat,
  linear,
  type Node,
  nodesOf,
  ops,
  parameter,
  quantizedLinear,
  rewriteNamed,
  split,
  takeColumns,
  type Value,
} from "../graph/index.ts";

/** The form of a matrix that a checkpoint has in few bits. */
export interface PublishedForm {
  readonly bits: 4 | 8;
  /** The number of weights that share a scale. */
  readonly block: number;
  /** True if each block has an offset that is added to all its weights. */
  readonly hasOffsets: boolean;
  /** True if the columns lie in another order than the inputs. */
  readonly isPermuted: boolean;
}

/** A part of matrices in few bits: the parameter of a graph that it is. */
export interface PublishedPart {
  /** The paths of the matrices in the checkpoint whose outputs follow each other in it. */
  readonly paths: readonly string[];
  readonly part: "levels" | "scales" | "offsets" | "order";
}

/** The matrices that a graph reads in the few bits that a checkpoint has them in. */
export interface Published {
  /** The form of a matrix, by its parameter; undefined for others. */
  formOf(path: string): PublishedForm | undefined;
  /** True if a part of that name can be bound. */
  has(name: string): boolean;
}

/** A linear layer of a matrix that is published in few bits. */
interface Linear {
  readonly node: Node;
  readonly path: string;
  readonly sizes: readonly [outSize: number, inSize: number];
  readonly form: PublishedForm;
}

/**
 * Rewrites a graph so that its linear layers read the blocks of a quantized checkpoint. Layers side by side that read
 * the same value, and have one form, become one, whose result is split. With levels q, scales s and offsets m of the blocks of
 * an input x, y = Σ_blocks (s Σ x q + m Σ x).
 */
export function readPublished<K extends string>(
  outputs: Readonly<Record<K, Value>>,
  published: Published,
): Record<K, Value> {
  const groups = groupsOf(nodesOf(Object.values(outputs)), published);
  const made = new Map<Node, readonly Value[]>();
  const sums = new BlockSums();
  return rewriteNamed(outputs, (node, [x, , bias]) => {
    const group = groups.get(node);
    if (!group) return undefined;
    const [{ node: first }] = group as readonly [Linear];
    if (group.length === 1) return [productOf(group, x as Value, bias ? [bias] : [], sums)];
    if (!made.has(first)) {
      const biases = group.map(({ node }) => node.inputs[2]).filter((value) => value !== undefined);
      const sizes = group.map(({ sizes }) => sizes[0]);
      made.set(first, split(productOf(group, x as Value, biases, sums), sizes, -1));
    }
    return [made.get(first)?.[group.findIndex((linear) => linear.node === node)] as Value];
  });
}

/** The layers that are computed together, for each of them. */
function groupsOf(nodes: readonly Node[], { formOf, has }: Published): Map<Node, readonly Linear[]> {
  const sideBySide = new Map<string, Linear[]>();
  const ids = new Map<Value, number>();
  for (const node of nodes) {
    const found = linearOf(node, (path) => formOf(path));
    if (!found) continue;
    const x = node.inputs[0] as Value;
    if (!ids.has(x)) ids.set(x, ids.size);
    const { bits, block, hasOffsets, isPermuted } = found.form;
    const parent = isPermuted ? found.path : found.path.replace(/(\.[^.]*){2}$/, "");
    const key = [ids.get(x), bits, block, hasOffsets, node.inputs.length, parent].join(" ");
    sideBySide.set(key, [...(sideBySide.get(key) ?? []), found]);
  }
  const groups = new Map<Node, readonly Linear[]>();
  for (const group of sideBySide.values()) {
    const isKnown = has(nameOf({ paths: group.map(({ path }) => path), part: "levels" }));
    for (const linear of group) groups.set(linear.node, isKnown ? group : [linear]);
  }
  return groups;
}

function linearOf(node: Node, formOf: Published["formOf"]): Linear | undefined {
  const [, weight] = node.inputs;
  if (node.op !== ops.linear || weight?.source.kind !== "parameter") return undefined;
  const path = weight.source.name;
  const form = formOf(path);
  const isStoredSo = (node.attributes as { layout: string }).layout === "out-in";
  return form && isStoredSo ? { node, path, form, sizes: weight.shape as [number, number] } : undefined;
}

/** The sums of the blocks of each value, computed once. */
class BlockSums {
  readonly #known = new Map<Value, Map<number, Value>>();

  of(x: Value, block: number): Value {
    const own = this.#known.get(x) ?? new Map<number, Value>();
    const sums = own.get(block) ?? blockSums(x, block);
    this.#known.set(x, own.set(block, sums));
    return sums;
  }
}

/** The result of a group's layers side by side. */
function productOf(group: readonly Linear[], given: Value, biases: readonly Value[], sums: BlockSums): Value {
  const [{ form, sizes }] = group as readonly [Linear];
  const { bits, block, hasOffsets, isPermuted } = form;
  const paths = group.map(({ path }) => path);
  const part = (part: PublishedPart["part"], shape: readonly number[], dtype: Value["dtype"]): Value =>
    parameter(nameOf({ paths, part }), shape, dtype);
  const [outSize, inSize] = [group.reduce((sum, { sizes }) => sum + sizes[0], 0), sizes[1]];
  const x = isPermuted ? takeColumns(given, part("order", [inSize], "int64")) : given;
  const count = inSize / block;
  const levels = part("levels", [outSize, count, (block * bits) / 8], "uint8");
  const scales = part("scales", [outSize, count], "float32");
  const bias = biases.length > 1 ? concat(biases, 0) : biases[0];
  const product = quantizedLinear(x, [levels, scales], bias, { bits, block });
  if (!hasOffsets) return product;
  return add(product, linear(sums.of(x, block), part("offsets", [outSize, count], "float32"), undefined));
}

/** Paths are joined by a character that names of tensors do not have. */
const BESIDE = "|";

function nameOf({ paths, part }: PublishedPart): string {
  return `${paths.join(BESIDE)}#published.${part}`;
}

const published = /^(.*)#published\.(levels|scales|offsets|order)$/;

/** The part of published matrices that a parameter's name stands for; undefined for other parameters. */
export function publishedPart(name: string): PublishedPart | undefined {
  const [, paths, part] = published.exec(name) ?? [];
  return paths === undefined ? undefined : { paths: paths.split(BESIDE), part: part as PublishedPart["part"] };
}
