import { parameter, type Value } from "../graph/index.ts";
import type { AdapterPlan, LinearAdapter } from "./adapter.ts";

/** A place in the checkpoint: parameters taken from it are named by their path. One path is one parameter. */
export class Scope {
  /** The path in the checkpoint, such as `model.layers.0.mlp`. */
  readonly path: string;
  readonly #known: Map<string, Value>;
  readonly #plan: AdapterPlan | undefined;

  /** @param plan which linear layers are adapted */
  constructor(path = "", known = new Map<string, Value>(), plan?: AdapterPlan) {
    this.path = path;
    this.#known = known;
    this.#plan = plan;
  }

  /** The adapter of the linear layer here. */
  get adapter(): LinearAdapter | undefined {
    return this.#plan?.(this.path);
  }

  /** The scope of a submodule. */
  in(name: string): Scope {
    return new Scope(this.path ? `${this.path}.${name}` : name, this.#known, this.#plan);
  }

  /** A parameter here; asked for twice, as by a tied head, it is the same one. */
  parameter(name: string, shape: readonly number[]): Value {
    const { path } = this.in(name);
    const value = this.#known.get(path) ?? parameter(path, shape);
    this.#known.set(path, value);
    return value;
  }
}
