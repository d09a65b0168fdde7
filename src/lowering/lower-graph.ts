import {
  type Attributes,
  type CompositeOp,
  input,
  type MixtureAttributes,
  type Node,
  nodesOf,
  type OnnxValueInfo,
  ops,
  type PrimitiveOp,
  type Value,
} from "../graph/index.ts";
import { type Tiling, tilingOf } from "../passes/index.ts";
import type { DType, HostTensor } from "../tensor/index.ts";
import { buildComposite } from "./choose.ts";
import { Emitter } from "./emitter.ts";
import type { Use } from "./kernels/kernel.ts";
import { lowerMixture, type Mixture, mixturesOf } from "./mixtures.ts";
import type { OnnxGraph, OnnxInitializer, WeightLocation } from "./onnx-graph.ts";

/**
 * The storage of a parameter that the engine reads: mapped from a file and fixed, held in memory and fixed, or fed on
 * every run.
 * Weights of other float types than float32 are cast once, when the session loads.
 */
export type WeightBinding =
  | { readonly kind: "constant"; readonly location: WeightLocation }
  | { readonly kind: "tensor"; readonly tensor: HostTensor }
  | { readonly kind: "input" };

export interface LowerOptions {
  /** The graph: its results by the names they get. */
  readonly outputs: Readonly<Record<string, Value>>;
  /** The binding of each parameter, by its path in the checkpoint. */
  bind(name: string): WeightBinding;
  /** The use that the graph is compiled for, by which kernels are chosen; default: a whole pass. */
  readonly phase?: Use["phase"];
  /** The device that computes; default the processor. */
  readonly device?: Use["device"];
}

/** Turns a graph into ONNX operators and binds its weights. */
export function lowerGraph({ outputs, bind, phase = "forward", device }: LowerOptions): OnnxGraph {
  return new Lowering(bind, { phase, device }).run(outputs);
}

class Lowering {
  readonly #bind: LowerOptions["bind"];
  readonly #use: Use;
  /** Values that a node reads or that are results of the graph. */
  readonly #read = new Set<Value>();
  readonly #names = new Map<Value, string>();
  readonly #bound = new Map<string, string>();
  readonly #inputs: OnnxValueInfo[] = [];
  readonly #weights: OnnxInitializer[] = [];
  #emitter = new Emitter(new Map());

  constructor(bind: LowerOptions["bind"], use: Use) {
    this.#bind = bind;
    this.#use = use;
  }

  run(outputs: Readonly<Record<string, Value>>): OnnxGraph {
    const nodes = nodesOf(Object.values(outputs));
    this.#noteReads(nodes, Object.values(outputs));
    this.#emitter = new Emitter(this.#declareInputs(nodes, Object.values(outputs)));
    const mixtures = mixturesOf(nodes, Object.values(outputs), this.#use);
    const inner = new Set([...mixtures.values()].flatMap(({ entry, experts }) => [entry, ...experts.flat()]));
    for (const node of nodes) {
      const mixture = mixtures.get(node);
      if (mixture) this.#lowerMixture(node, mixture);
      else if (!inner.has(node)) this.#lowerNode(node);
    }
    const results = Object.entries(outputs);
    this.#emitter.nameResults(new Map(results.map(([name, value]) => [name, this.#nameOf(value)])));
    const infos = results.map(([name, { dtype, shape }]): OnnxValueInfo => ({ name, dtype, shape }));
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

  #noteReads(nodes: readonly Node[], results: readonly Value[]): void {
    for (const value of [...nodes.flatMap((node) => node.inputs), ...results]) this.#read.add(value);
  }

  #lowerNode(node: Node): void {
    const { op, attributes } = node;
    let results: readonly string[];
    if (op.kind === "composite") results = this.#lowerComposite(op, node);
    else if (op === ops.gather) results = [this.#lowerGather(node)];
    else {
      const operands = node.inputs.map((value) => this.#nameOf(value));
      results = op.lower(this.#emitter.context(operands, node.inputs, node.outputs), attributes);
    }
    for (const [i, value] of node.outputs.entries()) this.#names.set(value, results[i] as string);
  }

  /** Takes rows of a table as they are stored, and casts what is taken: a table of words is never cast as a whole. */
  #lowerGather({ op, inputs, outputs, attributes }: Node): string {
    const [table, ids] = inputs as [Value, Value];
    const { source } = table;
    const stored = source.kind === "parameter" ? this.#storedDtype(source.name, table) : table.dtype;
    const name = source.kind === "parameter" ? this.#bindParameter(source.name, table, stored) : this.#nameOf(table);
    const context = this.#emitter.context([name, this.#nameOf(ids)], inputs, outputs);
    const [taken] = (op as PrimitiveOp<Attributes>).lower(context, attributes) as [string];
    return stored === table.dtype ? taken : context.emit("Cast", [taken], { to: 1 });
  }

  /** Lowers a composite as a kernel or as its decomposition; operands are bound when something reads them. */
  #lowerComposite(op: CompositeOp<Attributes>, node: Node): string[] {
    const { inputs, outputs, attributes } = node;
    const cut = op.isElementwise ? tilingOf([...inputs, ...outputs]) : undefined;
    if (cut) return this.#lowerInBlocks(op, node, cut);
    const reads = outputs.map((output) => this.#read.has(output));
    const results = buildComposite(op, { inputs, outputs, attributes, reads }, this.#use);
    const made = results.filter((value) => value !== undefined);
    const inner = nodesOf(made, this.#names);
    this.#noteReads(
      inner,
      made.filter((value) => reads[results.indexOf(value)]),
    );
    for (const node of inner)
      if (node.inputs.length > 0) this.#lowerNode(node);
      else this.#emitter.outside(() => this.#lowerNode(node)); // what depends on nothing is shared by all that read it
    return results.map((value) => (value ? this.#nameOf(value) : ""));
  }

  /** Lowers an elementwise composite to a Scan, whose body takes one block of all operands a turn. */
  #lowerInBlocks(op: CompositeOp<Attributes>, node: Node, { blocks, sizes }: Tiling): string[] {
    const operands = node.inputs.map((value) => this.#nameOf(value));
    const standIns = node.inputs.map(({ dtype }) => input(this.#emitter.name("block"), dtype, sizes));
    const results = op.decomposition(standIns, node.attributes);
    const inner = nodesOf(results);
    this.#noteReads(inner, results);
    const body = this.#emitter.body(() => {
      for (const node of inner) this.#lowerNode(node);
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

  /** Lowers a mixture of experts; what experts read beside their tokens is bound outside of them. */
  #lowerMixture(exit: Node, { entry, experts }: Mixture): void {
    const [shares, ...ends] = exit.inputs as readonly [Value, ...Value[]];
    const made = new Set<Value>([...entry.outputs, ...experts.flat().flatMap(({ outputs }) => outputs)]);
    for (const value of experts.flat().flatMap(({ inputs }) => inputs)) if (!made.has(value)) this.#nameOf(value);
    const operands = [...entry.inputs, shares];
    const context = this.#emitter.context(
      operands.map((value) => this.#nameOf(value)),
      operands,
      exit.outputs,
    );
    const mixed = lowerMixture(context, exit.attributes as MixtureAttributes, experts.length, (i, rows) => {
      this.#names.set(entry.outputs[i] as Value, rows);
      const nodes = this.#emitter.body(() => {
        for (const node of experts[i] as readonly Node[]) this.#lowerNode(node);
      });
      return { nodes, result: this.#nameOf(ends[i] as Value) };
    });
    this.#names.set(exit.outputs[0] as Value, mixed);
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

  /** The dtype that a parameter is bound with. */
  #storedDtype(name: string, value: Value): DType {
    const binding = this.#bind(name);
    if (binding.kind === "constant") return binding.location.dtype;
    return binding.kind === "tensor" ? binding.tensor.dtype : value.dtype;
  }

  /** Binds a parameter, as it is stored or cast to a dtype. */
  #bindParameter(name: string, value: Value, dtype = value.dtype): string {
    const stored = this.#bindStored(name, value);
    if (this.#storedDtype(name, value) === dtype) return stored;
    const key = `${name} cast`;
    const known = this.#bound.get(key);
    if (known !== undefined) return known;
    const cast = this.#emitter.context([stored], [value], [value]).emit("Cast", [stored], { to: 1 });
    this.#bound.set(key, cast);
    return cast;
  }

  #bindStored(name: string, value: Value): string {
    if (this.#bound.has(name)) return name;
    const binding = this.#bind(name);
    if (binding.kind === "input") this.#inputs.push({ name, dtype: value.dtype, shape: value.shape });
    else if (binding.kind === "tensor") this.#weights.push({ name, tensor: binding.tensor });
    else this.#weights.push({ name, external: binding.location });
    this.#bound.set(name, name);
    return name;
  }
}
