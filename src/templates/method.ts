import { type Bound, Signature } from "./arguments.ts";
import type { Run } from "./run.ts";
import type { Value } from "./values.ts";

/** A method of a class of Python. */
export interface Method<T extends Value> {
  readonly signature: Signature;
  readonly body: (run: Run, self: T, args: Bound) => Value;
}

/** Methods by name, each with its parameters as {@link Signature} writes them. */
export function methods<T extends Value>(
  table: Readonly<Record<string, readonly [parameters: string, body: Method<T>["body"]]>>,
): ReadonlyMap<string, Method<T>> {
  return new Map(
    Object.entries(table).map(([name, [parameters, body]]) => [
      name,
      { signature: new Signature(name, parameters), body },
    ]),
  );
}
