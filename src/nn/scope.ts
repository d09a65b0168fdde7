import { parameter, type Value } from "../graph/index.ts";

/** A place in the checkpoint: parameters taken from it are named by their path. One path is one parameter. */
export class Scope {
  readonly path: string;
  readonly #known: Map<string, Value>;

  constructor(path = "", known = new Map<string, Value>()) {
    this.path = path;
    this.#known = known;
  }

  in(name: string): Scope {
    return new Scope(this.path ? `${this.path}.${name}` : name, this.#known);
  }

  /** A parameter here; asked for twice, as by a tied head, it is the same one. */
  parameter(name: string, shape: readonly number[]): Value {
    const { path } = this.in(name);
    const value = this.#known.get(path) ?? parameter(path, shape);
    this.#known.set(path, value);
    return value;
  }
}
