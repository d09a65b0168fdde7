import {
  type LowerContext,
  type MixtureAttributes,
  type Node,
  nodesOf,
  type OnnxNode,
  type OnnxValueInfo,
  ops,
  type TensorType,
  type Value,
} from "../graph/index.ts";
import type { Use } from "./kernels/kernel.ts";

/** ONNX's numbers of element types. */
const [INT64, BOOL] = [7, 9];

/** A mixture of experts of which each expert is computed for its own tokens alone. */
export interface Mixture {
  /** The node that sends tokens to experts. */
  readonly entry: Node;
  /** The nodes of each expert. */
  readonly experts: readonly (readonly Node[])[];
}

/**
 * The mixtures of a graph, by the node that ends each: those whose experts compute each token by itself, and of which
 * nothing is read in between. Training computes all experts, since its gradients do, and so does WebGPU, which would wait
 * for every choice.
 */
export function mixturesOf(nodes: readonly Node[], results: readonly Value[], use: Use): Map<Node, Mixture> {
  const found = new Map<Node, Mixture>();
  const exits = nodes.filter(({ op }) => op === ops.fromExperts);
  if (exits.length === 0 || use.phase === "train" || use.device === "webgpu") return found;
  const readers = new Map<Value, Node[]>();
  for (const node of nodes) for (const value of node.inputs) readers.set(value, [...(readers.get(value) ?? []), node]);
  for (const exit of exits) {
    const entry = nodesOf(exit.inputs.slice(1, 2)).findLast(({ op }) => op === ops.toExperts);
    const experts = entry?.outputs.map((rows, i) => expertOf(rows, exit.inputs[i + 1] as Value));
    if (!entry || !experts?.every((expert) => expert !== undefined)) continue;
    const isApart = experts.every((expert) => {
      const members = new Set([...expert, exit]);
      const inner = expert.flatMap(({ outputs }) => outputs);
      return inner.every(
        (value) => !results.includes(value) && (readers.get(value) ?? []).every((by) => members.has(by)),
      );
    });
    if (isApart) found.set(exit, { entry, experts });
  }
  return found;
}

/** The nodes between an expert's tokens and its results; undefined where one of them does not compute each token by itself. */
function expertOf(rows: Value, result: Value): Node[] | undefined {
  const inside = new Set<Value>([rows]);
  const own: Node[] = [];
  for (const node of nodesOf([result], inside)) {
    if (!node.inputs.some((value) => inside.has(value))) continue; // of weights alone
    if (!isByToken(node, inside)) return undefined;
    for (const output of node.outputs) inside.add(output);
    own.push(node);
  }
  return inside.has(result) ? own : undefined;
}

/** True if a node computes the first two axes of what is inside entry by entry, and reads all else as a whole. */
function isByToken({ op, inputs, outputs, attributes }: Node, inside: ReadonlySet<Value>): boolean {
  if (op === ops.reshape || op === ops.transpose) return false;
  return [0, 1].every((axis) => {
    const { axes } = op.sliceRule?.(axis, inputs, outputs, attributes) ?? {};
    return axes?.every((own, i) => {
      const value = inputs[i] as Value;
      if (!inside.has(value)) return own === undefined && value.shape.length < 3;
      return own === axis || value.shape[axis] === 1;
    });
  });
}

/**
 * Lowers a mixture: tokens are sorted by expert, each expert that has any is computed for its own, and the results are
 * sorted by token and summed. An expert without tokens is skipped, and its weights are not read.
 * @param c the states `[B, T, E]`, the mask and the shares `[B, T, N]` are its operands; it yields `[B, T, E]`
 * @param expert the operators of an expert over rows `[1, M, E]`, and the name of their result
 */
export function lowerMixture(
  c: LowerContext,
  { perToken }: MixtureAttributes,
  count: number,
  expert: (index: number, rows: string) => { readonly nodes: readonly OnnxNode[]; readonly result: string },
): string {
  const [x, mask, shares] = c.inputs as [string, string, string];
  const { shape } = c.outputTypes[0] as TensorType;
  const size = shape[2] as number;
  const byExpert = ([mask, shares] as const).map((each) =>
    c.emit("Transpose", [c.emit("Reshape", [each, c.int64(-1, count)])], { perm: [1, 0] }),
  ) as [string, string]; // 2 × [N, B·T]
  const places = c.emit("NonZero", [byExpert[0]]); // [2, B·T·perToken]: expert and token
  const tokens = c.emit("Reshape", [c.emit("Slice", [places, c.int64(1), c.int64(2), c.int64(0)]), c.int64(-1)]);
  const counts = c.emit("ReduceSum", [c.emit("Cast", [byExpert[0]], { to: INT64 }), c.int64(1)], { keepdims: 0 }); // [N]
  const sorted = c.emit("Gather", [c.emit("Reshape", [x, c.int64(-1, size)]), tokens], { axis: 0 });
  const rows = c.emitMany("Split", [c.emit("Reshape", [sorted, c.int64(1, -1, size)]), counts], count, { axis: 1 });
  const ones = c.int64(...rows.map(() => 1));
  const isUsed = c.emitMany("Split", [c.emit("Cast", [counts], { to: BOOL }), ones], count, { axis: 0 });
  const results = rows.map((own, i) => {
    const { nodes, result } = expert(i, own);
    const outputs = (name: string): OnnxValueInfo[] => [{ name, dtype: "float32", shape: [1, `rows of ${own}`, size] }];
    const none = { type: "Identity", inputs: [own], outputs: [`${own}.none`] };
    return c.emit("If", [isUsed[i] as string], {
      then_branch: { graph: { nodes, inputs: [], outputs: outputs(result) } },
      else_branch: { graph: { nodes: [none], inputs: [], outputs: outputs(`${own}.none`) } },
    });
  });
  const joined = c.emit("Reshape", [c.emit("Concat", results, { axis: 1 }), c.int64(-1, size)]);
  const ascending = { axis: 0, largest: 0 };
  const [, order] = c.emitMany("TopK", [tokens, c.emit("Shape", [tokens])], 2, ascending) as [string, string];
  const byToken = (values: string, ...shape: number[]): string =>
    c.emit("Reshape", [c.emit("Gather", [values, order], { axis: 0 }), c.int64(-1, ...shape)]);
  const weights = c.emit("GatherND", [byExpert[1], c.emit("Transpose", [places], { perm: [1, 0] })]);
  const mixed = c.emit("MatMul", [byToken(weights, 1, perToken), byToken(joined, perToken, size)]); // [B·T, 1, E]
  return c.emit("Reshape", [mixed, c.shape(shape)]);
}
