import { ownEntry } from "../common/index.ts";
import {
  type Attributes,
  type CompositeOp,
  input,
  type Node,
  nodesOf,
  type OnnxValueInfo,
  type Value,
} from "../graph/index.ts";
import { type Tiling, tilingOf } from "../passes/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import { Emitter } from "./emitter.ts";
import { kernels } from "./kernels.ts";
import type { OnnxGraph, OnnxInitializer, WeightLocation } from "./onnx-graph.ts";

/**
 * How a parameter reaches the engine: mapped from a file and fixed, held in memory and fixed, or fed on every run.
 * Weights of other float types than float32 are cast once, when the session loads.
 */
export type WeightBinding =
  | { readonly kind: "constant"; readonly location: WeightLocation }
  | { readonly kind: "tensor"; readonly tensor: HostTensor }
  | { readonly kind: "input" };

export interface LowerOptions {
  /** The graph: its results by the names they get. */
  readonly outputs: Readonly<Record<string, Value>>;
  /** How each parameter is bound, by its path in the checkpoint. */
  bind(name: string): WeightBinding;
}

/** Turns a graph into ONNX operators and binds its weights. */
export function lowerGraph({ outputs, bind }: LowerOptions): OnnxGraph {
  return new Lowering(bind).run(outputs);
}

class Lowering {
  readonly #bind: LowerOptions["bind"];
  readonly #names = new Map<Value, string>();
  readonly #bound = new Map<string, string>();
  readonly #inputs: OnnxValueInfo[] = [];
  readonly #weights: OnnxInitializer[] = [];
  #emitter = new Emitter(new Map());

  constructor(bind: LowerOptions["bind"]) {
    this.#bind = bind;
  }

  run(outputs: Readonly<Record<string, Value>>): OnnxGraph {
    const nodes = nodesOf(Object.values(outputs));
    this.#emitter = new Emitter(this.#declareInputs(nodes, Object.values(outputs)));
    for (const node of nodes) this.#lowerNode(node);
    const infos: OnnxValueInfo[] = [];
    for (const [name, value] of Object.entries(outputs)) {
      this.#emitter.rename(this.#nameOf(value), name);
      infos.push({ name, dtype: value.dtype, shape: value.shape });
    }
    return {
      nodes: this.#emitter.nodes,
      initializers: [...this.#weights, ...this.#emitter.initializers],
      inputs: this.#inputs,
      outputs: infos,
    };
  }

  /** Declares every graph input and notes where each named dimension can be read. */
  #declareInputs(nodes: readonly Node[], outputs: readonly Value[]): Map<string, { input: string; axis: number }> {
    const sizes = new Map<string, { input: string; axis: number }>();
    for (const value of [...nodes.flatMap((node) => node.inputs), ...outputs]) {
      if (value.source.kind !== "input" || this.#bound.has(value.source.name)) continue;
      const { name } = value.source;
      this.#bound.set(name, name);
      this.#inputs.push({ name, dtype: value.dtype, shape: value.shape });
      for (const [axis, size] of value.shape.entries()) {
        if (typeof size === "string" && !sizes.has(size)) sizes.set(size, { input: name, axis });
      }
    }
    return sizes;
  }

  #lowerNode(node: Node): void {
    const operands = node.inputs.map((value) => this.#nameOf(value));
    const results =
      node.op.kind === "primitive"
        ? node.op.lower(this.#emitter.context(operands, node.inputs, node.outputs), node.attributes)
        : (this.#lowerKernel(node, operands) ?? this.#lowerMeaning(node.op, node, operands));
    for (const [i, value] of node.outputs.entries()) this.#names.set(value, results[i] as string);
  }

  /** A composite that has a kernel is lowered in one piece. */
  #lowerKernel(node: Node, operands: readonly string[]): readonly string[] | undefined {
    const context = this.#emitter.context(operands, node.inputs, node.outputs);
    return ownEntry(kernels, node.op.name)?.(context, node.attributes as never);
  }

  /** A composite is lowered as what it means, over stand-ins for its operands. */
  #lowerMeaning(op: CompositeOp<Attributes>, node: Node, operands: readonly string[]): string[] {
    const cut = op.isElementwise ? tilingOf([...node.inputs, ...node.outputs]) : undefined;
    if (cut) return this.#lowerInBlocks(op, node, operands, cut);
    const standIns = node.inputs.map((value, i) => {
      const isConstant = value.source.kind === "constant";
      const standIn = isConstant ? value : input(operands[i] as string, value.dtype, value.shape);
      this.#names.set(standIn, operands[i] as string);
      return standIn;
    });
    const results = op.decomposition(standIns, node.attributes);
    for (const inner of nodesOf(results)) this.#lowerNode(inner);
    return results.map((value) => this.#nameOf(value));
  }

  /** What an elementwise composite means becomes the body of a Scan, which takes a block of all operands a turn. */
  #lowerInBlocks(
    op: CompositeOp<Attributes>,
    node: Node,
    operands: readonly string[],
    { blocks, sizes }: Tiling,
  ): string[] {
    const standIns = node.inputs.map(({ dtype }) => input(this.#emitter.name("block"), dtype, sizes));
    const results = op.decomposition(standIns, node.attributes);
    const body = this.#emitter.body(() => {
      for (const inner of nodesOf(results)) this.#lowerNode(inner);
    });
    const infoOf = (value: Value): OnnxValueInfo => ({ name: this.#nameOf(value), dtype: value.dtype, shape: sizes });
    const graph = { nodes: body, inputs: standIns.map(infoOf), outputs: results.map(infoOf) };
    const { emit, emitMany, int64 } = this.#emitter.context(operands, node.inputs, node.outputs);
    const cut = operands.map((operand) => emit("Reshape", [operand, int64(blocks, ...sizes)]));
    const stacked = emitMany("Scan", cut, results.length, { body: { graph }, num_scan_inputs: cut.length });
    return stacked.map((result, i) =>
      emit("Reshape", [result, int64(...((node.outputs[i] as Value).shape as readonly number[]))]),
    );
  }

  #nameOf(value: Value): string {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    const { source } = value;
    let name: string;
    if (source.kind === "constant") name = this.#emitter.constant(source.tensor);
    else if (source.kind === "parameter") name = this.#bindParameter(source.name, value);
    else if (source.kind === "input") name = source.name;
    else throw new Error(`lower: ${source.node.op.name} is used before it is computed`);
    this.#names.set(value, name);
    return name;
  }

  #bindParameter(name: string, value: Value): string {
    const known = this.#bound.get(name);
    if (known !== undefined) return known;
    const binding = this.#bind(name);
    let bound = name;
    if (binding.kind === "input") {
      this.#inputs.push({ name, dtype: value.dtype, shape: value.shape });
    } else if (binding.kind === "tensor") {
      this.#weights.push({ name, tensor: binding.tensor });
    } else {
      this.#weights.push({ name, external: binding.location });
    }
    const stored =
      binding.kind === "constant"
        ? binding.location.dtype
        : binding.kind === "tensor"
          ? binding.tensor.dtype
          : value.dtype;
    if (stored !== value.dtype) {
      const context = this.#emitter.context([name], [value], [value]);
      bound = context.emit("Cast", [name], { to: 1 });
    }
    this.#bound.set(name, bound);
    return bound;
  }
}
