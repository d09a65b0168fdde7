import { type Dimension, input, type Shape, type Value } from "../../graph/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import type { PositionValues } from "./position-values.ts";
import type { Positions } from "./positions.ts";

/** A graph input that follows from the positions alone, such as a causal bias or a rotary table. */
export interface DerivedInput {
  /** The input's name in the graph. */
  readonly name: string;
  /** Whose positions: those of the tokens that the model reads, or, in a decoder, those of its encoder. */
  readonly of: "self" | "encoder";
  /** Computes the input's tensor for a run. */
  compute(positions: Positions): HostTensor;
  /** The same as a value of the graph; undefined where the graph cannot compute it. */
  readonly build?: ((positions: PositionValues) => Value) | undefined;
}

/** The computation of a derived input and the type of its value. */
export interface Derivation<P> {
  /** The element type of the input. */
  readonly dtype: "float32" | "int64" | "int32";
  /** The shape of the input. */
  readonly shape: Shape;
  /** Whose positions it reads; default those of the tokens that the model reads. */
  readonly of?: DerivedInput["of"];
  /** Computes the input's tensor for a run. */
  compute(positions: Positions, parameters: P): HostTensor;
  /** The same as a value of the graph, of the input's type; left out where the graph cannot compute it. */
  build?(positions: PositionValues, parameters: P): Value;
}

/** The part of a model's context that position schemes read: sizes, and the inputs derived so far. */
export interface PositionContext {
  /** The number of rows. */
  readonly batch: Dimension;
  /** The number of tokens that a run computes for each row. */
  readonly queries: Dimension;
  /** The number of keys that queries see, earlier ones among them. */
  readonly span: Dimension;
  /**
   * An input that the host computes from positions. Name and parameters determine it: the same ones give the same
   * input, other parameters an input of their own.
   */
  derive<P extends object>(name: string, parameters: P, derivation: Derivation<P>): Value;
}

/** The derived inputs of one graph, known by name and parameters. */
export class DerivedInputs {
  /** By the names of the inputs, in the order in which they were asked for. */
  readonly all = new Map<string, DerivedInput>();
  readonly #values = new Map<string, Value>();

  /** The input of that name and those parameters; the second of a name is called `name.1`. */
  derive<P extends object>(plain: string, parameters: P, derivation: Derivation<P>): Value {
    const { dtype, shape, of = "self", compute, build } = derivation;
    const key = `${plain} ${of} ${keyOf(parameters)}`;
    const known = this.#values.get(key);
    if (known) return known;
    let name = plain;
    for (let i = 1; this.all.has(name); i++) name = `${plain}.${i}`;
    const value = input(name, dtype, shape);
    this.all.set(name, {
      name,
      of,
      compute: (positions) => compute(positions, parameters),
      build: build && ((positions) => build(positions, parameters)),
    });
    this.#values.set(key, value);
    return value;
  }
}

/** Parameters as text; JSON alone would leave out undefined and write Infinity and NaN as null. */
function keyOf(parameters: object): string {
  return JSON.stringify(parameters, (_, value) =>
    value === undefined || typeof value === "number" ? `${value}` : value,
  );
}
