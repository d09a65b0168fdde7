import {
  apply,
  constant,
  gather,
  gatherOps,
  type Node,
  nodesOf,
  rewriteNamed,
  slice,
  type Value,
} from "../graph/index.ts";

/** One position of an axis. */
interface Slice {
  readonly axis: number;
  readonly index: number;
}

/** The part of a value that is read. */
type Read = Slice | "all";

/** A node of which one slice is computed: the parts of its operands that are read, and its attributes for that slice. */
interface SlicedNode {
  readonly reads: readonly Read[];
  readonly attributes: Node["attributes"];
}

/**
 * Rewrites a graph so that, where one position of an axis is all that is ever read of a value, nothing else of it is
 * computed: a classifier that reads its first token's state leaves out the last layer of all the others.
 * @returns the same results under the same names
 */
export function pushDownSlices<K extends string>(outputs: Readonly<Record<K, Value>>): Record<K, Value> {
  const values = Object.values<Value>(outputs);
  const sliced = slicedNodes(nodesOf(values), values);
  const slices = new Slices(sliced);
  return rewriteNamed(outputs, (node, inputs) => slices.results(node, inputs));
}

/** The nodes that can be sliced. */
function slicedNodes(nodes: readonly Node[], outputs: readonly Value[]): Map<Node, SlicedNode> {
  const reads = new Map<Value, Read>(outputs.map((value) => [value, "all"]));
  const sliced = new Map<Node, SlicedNode>();
  for (const node of nodes.toReversed()) {
    const own = slicedNode(node, reads);
    if (own) sliced.set(node, own);
    for (const [i, operand] of node.inputs.entries()) {
      const read = own ? (own.reads[i] as Read) : (gathered(node, i) ?? "all");
      const others = reads.get(operand);
      reads.set(operand, others === undefined || isSameSlice(others, read) ? read : "all");
    }
  }
  return sliced;
}

function isSameSlice(a: Read, b: Read): boolean {
  return a !== "all" && b !== "all" && a.axis === b.axis && a.index === b.index;
}

/** The node's sliced form, where one place of it is read. */
function slicedNode(node: Node, reads: ReadonlyMap<Value, Read>): SlicedNode | undefined {
  const [first, ...others] = node.outputs.map((output) => reads.get(output)).filter((read) => read !== undefined);
  if (first === undefined || first === "all" || !others.every((read) => isSameSlice(first, read))) return undefined;
  const sliced = node.op.sliceRule?.(first.axis, node.inputs, node.outputs, node.attributes);
  return (
    sliced && {
      reads: sliced.axes.map((axis) => (axis === undefined ? "all" : { axis, index: first.index })),
      attributes: sliced.attributes ?? node.attributes,
    }
  );
}

/** The entry of its table that a node with a constant index reads. */
function gathered({ op, inputs }: Node, operand: number): Slice | undefined {
  const [, ids] = inputs;
  if (op.name !== gatherOps.gather.name || operand !== 0 || ids?.source.kind !== "constant" || ids.shape.length > 0)
    return undefined;
  return { axis: 0, index: Number(ids.source.tensor.data[0]) };
}

/** The slices of a graph's values, each made once. */
class Slices {
  readonly #sliced: ReadonlyMap<Node, SlicedNode>;
  readonly #slices = new Map<Value, { readonly place: Slice; readonly slice: Value }[]>();

  constructor(sliced: ReadonlyMap<Node, SlicedNode>) {
    this.#sliced = sliced;
  }

  /** The results of a node that computes one place, or reads an operand of which one place is computed. */
  results(node: Node, inputs: readonly Value[]): readonly Value[] | undefined {
    const sliced = this.#sliced.get(node);
    if (sliced) {
      const operands = inputs.map((whole, i) => this.#read(node.inputs[i] as Value, whole, sliced.reads[i] as Read));
      return apply(node.op, operands, sliced.attributes);
    }
    if (!gathered(node, 0) || !this.#isNarrowed(node.inputs[0] as Value)) return undefined;
    const first = constant({ dtype: "int64", shape: [], data: BigInt64Array.of(0n) });
    return [gather(inputs[0] as Value, first)];
  }

  /** @param whole the rewritten value */
  #read(value: Value, whole: Value, read: Read): Value {
    if (read === "all" || this.#isNarrowed(value)) return whole;
    const slices = this.#slices.get(value) ?? [];
    const known = slices.find(({ place }) => isSameSlice(place, read));
    if (known) return known.slice;
    const own = slice(whole, read.axis, read.index, read.index + 1);
    this.#slices.set(value, [...slices, { place: read, slice: own }]);
    return own;
  }

  #isNarrowed({ source }: Value): boolean {
    return source.kind === "node" && this.#sliced.has(source.node);
  }
}
