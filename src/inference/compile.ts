import { check, LecternError, ownEntry } from "../common/index.ts";
import { formatShape, type Value } from "../graph/index.ts";
import { lowerGraph, type OnnxGraph } from "../lowering/index.ts";
import { createSession, type EngineSession } from "../runtime/index.ts";
import { elementCount, type HostTensor } from "../tensor/index.ts";

/** Options of `compile`. */
export interface CompileOptions {
  /** Values of the graph's parameters, by name; the others are fed on every run. */
  readonly weights?: Readonly<Record<string, HostTensor>>;
  /** The number of threads that compute; default: the engine's choice. */
  readonly threads?: number;
}

/** A graph that runs. */
export interface CompiledGraph<K extends string = string> {
  /** The inputs that every run needs, with their shapes; names in a shape stand for sizes that a run may choose. */
  readonly inputs: OnnxGraph["inputs"];
  /**
   * Computes all results.
   *
   * @param feeds a tensor for every input, by name
   * @throws LecternError with code `input` where one is missing or has another type or shape
   */
  run(feeds?: Readonly<Record<string, HostTensor>>): Promise<Record<K, HostTensor>>;
  /** Frees the engine's memory. */
  dispose(): Promise<void>;
}

/**
 * Compiles a graph for the engine.
 *
 * @param outputs the results, by the names that `run` returns them under
 */
export async function compile<K extends string>(
  outputs: Readonly<Record<K, Value>>,
  { weights = {}, threads }: CompileOptions = {},
): Promise<CompiledGraph<K>> {
  check(Object.keys(outputs).length > 0, "usage", () => "compile: a graph needs at least one output; got none");
  const graph = lowerGraph({
    outputs,
    bind: (name) => {
      const tensor = ownEntry(weights, name);
      return tensor ? { kind: "tensor", tensor } : { kind: "input" };
    },
  });
  const session: EngineSession = await createSession(graph, { threads });
  const { inputs } = graph;
  return {
    inputs,
    async run(feeds = {}) {
      checkFeeds(feeds, inputs);
      return (await session.run(feeds)) as Record<K, HostTensor>;
    },
    dispose: () => session.dispose(),
  };
}

/** Refuses feeds that the engine would report in its own words, or read beyond their end. */
function checkFeeds(feeds: Readonly<Record<string, HostTensor>>, inputs: OnnxGraph["inputs"]): void {
  const names = inputs.map(({ name }) => name);
  const unknown = Object.keys(feeds).find((name) => !names.includes(name));
  check(
    unknown === undefined,
    "input",
    () => `run: there is no input ${unknown}; the graph reads ${names.join(", ") || "none"}`,
  );
  const sizes = new Map<string, number>();
  for (const { name, dtype, shape } of inputs) {
    const tensor = ownEntry(feeds, name);
    const expected = `${dtype}${formatShape(shape)}`;
    if (!tensor) throw new LecternError("input", `run: the input ${name} is missing; give a tensor of ${expected}`);
    const fits =
      tensor.dtype === dtype &&
      tensor.shape.length === shape.length &&
      tensor.data.length === elementCount(tensor.shape) &&
      shape.every((size, axis) => {
        const own = tensor.shape[axis] as number;
        if (typeof size === "number") return own === size;
        if (!sizes.has(size)) sizes.set(size, own);
        return sizes.get(size) === own;
      });
    const chosen = [...sizes].map(([size, own]) => `${size} = ${own}`).join(", ");
    check(
      fits,
      "input",
      () =>
        `run: the input ${name} must be ${expected}${chosen && ` with ${chosen}`}; got ${tensor.dtype}${formatShape(tensor.shape)} with ${tensor.data.length} values`,
    );
  }
}
