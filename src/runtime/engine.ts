import { LecternError } from "../common/index.ts";
import type { DType, HostTensor } from "../tensor/index.ts";
import type { EngineSession } from "./platform.ts";

/** A tensor as ONNX Runtime's builds for Node and for the browser take and give it. */
export interface OrtTensor {
  readonly type: string;
  readonly data: ArrayBufferView | readonly string[];
  readonly dims: readonly number[];
}

/** The part of a session that both builds share. */
export interface OrtSession {
  readonly outputNames: readonly string[];
  run(
    feeds: Readonly<Record<string, OrtTensor>>,
    fetches: Readonly<Record<string, OrtTensor | null>>,
  ): Promise<Readonly<Record<string, OrtTensor>>>;
  release(): Promise<void>;
}

/** The parts that differ between the builds. */
export interface OrtModule {
  readonly Tensor: new (type: never, data: never, dims: readonly number[]) => OrtTensor;
  /** True if it writes results to tensors that it is given. */
  readonly writesInto: boolean;
}

/** Wraps a session of ONNX Runtime: host tensors in, host tensors out, its failures as Lectern's errors. */
export function wrapSession(ort: OrtModule, session: OrtSession): EngineSession {
  const tensorOf = ({ dtype, shape, data }: HostTensor): OrtTensor =>
    new ort.Tensor(dtype as never, data as never, shape);
  return {
    async run(feeds, into) {
      const inputs = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, tensorOf(tensor)]));
      const given = (name: string): OrtTensor | null => (ort.writesInto && into?.[name] ? tensorOf(into[name]) : null);
      const fetches = Object.fromEntries(session.outputNames.map((name) => [name, given(name)]));
      const results = await attempt("run", () => session.run(inputs, fetches));
      const outputs: Record<string, HostTensor> = {};
      for (const [name, tensor] of Object.entries(results)) {
        const result = { dtype: tensor.type as DType, shape: tensor.dims, data: tensor.data as Float32Array };
        const place = into?.[name];
        if (place && !ort.writesInto) (place.data as Float32Array).set(result.data);
        outputs[name] = place ?? result;
      }
      return outputs;
    },
    settle: async () => undefined,
    forget: () => undefined,
    dispose: () => session.release(),
  };
}

/** Runs a call of the engine; what it throws becomes a {@link LecternError}, with code `engine` unless it is one already. */
export async function attempt<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (cause instanceof LecternError) throw cause;
    throw new LecternError(
      "engine",
      `ONNX Runtime could not ${what}: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
}
