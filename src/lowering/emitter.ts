import type { LowerContext, OnnxNode, Shape, TensorType } from "../graph/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import type { OnnxInitializer } from "./onnx-graph.ts";

/** Collects ONNX operators and constants, and gives out names. */
export class Emitter {
  #nodes: OnnxNode[] = [];
  /** The nodes of the graph itself, not those of an inner one. */
  readonly #outermost = this.#nodes;
  readonly initializers: OnnxInitializer[] = [];
  readonly #constants = new Map<string, string>();
  #sizes = new Map<string, string>();
  readonly #namedSizes: ReadonlyMap<string, { readonly input: string; readonly axis: number }>;
  #count = 0;

  /** @param namedSizes for each named dimension, a graph input and the axis on which it stands */
  constructor(namedSizes: ReadonlyMap<string, { readonly input: string; readonly axis: number }>) {
    this.#namedSizes = namedSizes;
  }

  context(
    inputs: readonly string[],
    inputTypes: readonly TensorType[],
    outputTypes: readonly TensorType[],
  ): LowerContext {
    return {
      inputs,
      inputTypes,
      outputTypes,
      emit: (type, operands, attributes, domain) => this.#emit(type, operands, 1, attributes, domain)[0] as string,
      emitMany: (type, operands, count, attributes, domain) => this.#emit(type, operands, count, attributes, domain),
      constant: (tensor) => this.constant(tensor),
      int64: (...values) => this.int64(values),
      shape: (shape) => this.shape(shape),
    };
  }

  get nodes(): readonly OnnxNode[] {
    return this.#nodes;
  }

  /** The nodes that are emitted in the meantime, as an inner graph that may read all that was emitted before. */
  body(emit: () => void): readonly OnnxNode[] {
    const [outer, sizes] = [this.#nodes, this.#sizes];
    this.#nodes = [];
    this.#sizes = new Map(sizes); // a size that is computed inside is not known outside
    emit();
    const inner = this.#nodes;
    [this.#nodes, this.#sizes] = [outer, sizes];
    return inner;
  }

  /** Emits nodes before the inner graphs that are under way, so that all of them may read the results. */
  outside(emit: () => void): void {
    const inner = this.#nodes;
    this.#nodes = this.#outermost;
    emit();
    this.#nodes = inner;
  }

  /**
   * Gives results their names: the operator that makes one yields it under its name, so nothing is copied.
   * @param results the value of each result, by the result's name
   */
  nameResults(results: ReadonlyMap<string, string>): void {
    const made = new Set(this.#nodes.flatMap(({ outputs }) => outputs));
    const names = new Map<string, string>();
    for (const [name, value] of results) if (made.has(value) && !names.has(value)) names.set(value, name);
    this.#nodes = this.#nodes.map((node) => renamed(node, names));
    for (const [name, value] of results) {
      const current = names.get(value) ?? value;
      if (current !== name) this.#nodes.push({ type: "Identity", inputs: [current], outputs: [name] });
    }
    this.#dropUnread(new Set(results.keys()));
  }

  /** Drops operators of which nothing is read, such as what a kernel computes in another way. */
  #dropUnread(read: Set<string>): void {
    const kept: OnnxNode[] = [];
    for (const node of this.#nodes.toReversed()) {
      if (!node.outputs.some((name) => read.has(name))) continue;
      for (const name of namesRead(node)) read.add(name);
      kept.push(node);
    }
    this.#nodes = kept.reverse();
  }

  constant(tensor: HostTensor): string {
    const { buffer, byteOffset, byteLength } = tensor.data;
    const small = byteLength <= 1024;
    const bytes = small ? new Uint8Array(buffer, byteOffset, byteLength).join() : "";
    const key = `${tensor.dtype}[${tensor.shape.join()}]${bytes}`;
    const known = small ? this.#constants.get(key) : undefined;
    if (known !== undefined) return known;
    const name = this.name("constant");
    this.initializers.push({ name, tensor });
    if (small) this.#constants.set(key, name);
    return name;
  }

  int64(values: readonly number[]): string {
    return this.constant({ dtype: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) });
  }

  /** A shape as an int64 tensor; each named size is read off a graph input once. */
  shape(shape: Shape): string {
    if (shape.every((size) => typeof size === "number")) return this.int64(shape);
    const parts = shape.map((size) => (typeof size === "number" ? this.int64([size]) : this.#size(size)));
    return this.#emit("Concat", parts, 1, { axis: 0 })[0] as string;
  }

  /** Sums ("P+T") and products ("B*T") of named sizes are computed from their parts. */
  #size(name: string): string {
    const known = this.#sizes.get(name);
    if (known !== undefined) return known;
    const direct = this.#namedSizes.get(name);
    let size: string;
    if (direct) {
      const { input, axis } = direct;
      size = this.#emit("Shape", [input], 1, { start: axis, end: axis + 1 })[0] as string;
    } else {
      const operator = name.includes("+") ? "+" : "*";
      const parts = name
        .split(operator)
        .map((part) => (/^\d+$/.test(part) ? this.int64([Number(part)]) : this.#size(part)));
      if (parts.length < 2) throw new Error(`lower: no graph input has a dimension named ${name}`);
      size = parts.reduce((a, b) => this.#emit(operator === "+" ? "Add" : "Mul", [a, b], 1)[0] as string);
    }
    this.#sizes.set(name, size);
    return size;
  }

  #emit(
    type: string,
    inputs: readonly string[],
    count: number,
    attributes?: OnnxNode["attributes"],
    domain?: "com.microsoft",
  ): string[] {
    const outputs = Array.from({ length: count }, () => this.name("t"));
    this.#nodes.push({ type, inputs, outputs, ...(attributes && { attributes }), ...(domain && { domain }) });
    return outputs;
  }

  /** A name that nothing has yet. */
  name(prefix: string): string {
    return `${prefix}.${this.#count++}`;
  }
}

/** An operator with values' names replaced, also in the graphs that it runs. */
function renamed(node: OnnxNode, names: ReadonlyMap<string, string>): OnnxNode {
  const replace = (old: readonly string[]): readonly string[] => old.map((name) => names.get(name) ?? name);
  const attributes = Object.entries(node.attributes ?? {}).map(([key, value]) => {
    if (typeof value !== "object" || !("graph" in value)) return [key, value] as const;
    const { graph } = value;
    return [key, { graph: { ...graph, nodes: graph.nodes.map((inner) => renamed(inner, names)) } }] as const;
  });
  return {
    ...node,
    inputs: replace(node.inputs),
    outputs: replace(node.outputs),
    ...(node.attributes && { attributes: Object.fromEntries(attributes) }),
  };
}

/** The values that an operator reads, also in the graphs that it runs. */
function namesRead({ inputs, attributes = {} }: OnnxNode): readonly string[] {
  const bodies = Object.values(attributes).filter((value) => typeof value === "object" && "graph" in value);
  const inner = bodies.flatMap(({ graph }) => [
    ...graph.nodes.flatMap(namesRead),
    ...graph.outputs.map(({ name }) => name),
  ]);
  return [...inputs, ...inner];
}
