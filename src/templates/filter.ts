import { type Implementation, Signature } from "./arguments.ts";
import type { Run } from "./run.ts";
import type { Keywords, Value } from "./values.ts";

/** A filter or a test: the first argument is the value it stands behind. */
export type Filter = (run: Run, args: readonly Value[], keywords: Keywords) => Value;

/** Filters by name, each with its parameters as {@link Signature} writes them. */
export function filters(
  table: Readonly<Record<string, readonly [parameters: string, body: Implementation]>>,
): [name: string, filter: Filter][] {
  return Object.entries(table).map(([name, [parameters, body]]) => {
    const signature = new Signature(name, parameters);
    return [name, (run, args, keywords) => body(run, signature.bind(args, keywords))];
  });
}
