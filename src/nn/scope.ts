import { parameter, type Value } from "../graph/index.ts";

/** A place in the checkpoint: parameters taken from it are named by their path. */
export class Scope {
  readonly path: string;

  constructor(path = "") {
    this.path = path;
  }

  in(name: string): Scope {
    return new Scope(this.path ? `${this.path}.${name}` : name);
  }

  parameter(name: string, shape: readonly number[]): Value {
    return parameter(this.in(name).path, shape);
  }
}
