import type { InferenceSession, Tensor, TensorConstructor } from "onnxruntime-common";
import { LecternError } from "../common/index.ts";
import type { DType, HostTensor } from "../tensor/index.ts";
import type { EngineSession } from "./platform.ts";

/** The part of ONNX Runtime's JavaScript interface that both builds share. */
export interface OrtModule {
  readonly Tensor: TensorConstructor;
  /** Whether it writes results to tensors that it is given. */
  readonly writesInto: boolean;
}

/** Wraps a session of ONNX Runtime: host tensors in, host tensors out, its failures as Lectern's errors. */
export function wrapSession(ort: OrtModule, session: InferenceSession): EngineSession {
  const tensorOf = ({ dtype, shape, data }: HostTensor): Tensor =>
    new ort.Tensor(dtype as "float32", data as Float32Array, shape);
  return {
    async run(feeds, into) {
      const inputs = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, tensorOf(tensor)]));
      const given = (name: string): Tensor | null => (ort.writesInto && into?.[name] ? tensorOf(into[name]) : null);
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
    async dispose() {
      session.endProfiling();
      await session.release();
    },
  };
}

/** Runs a call of the engine; what it throws becomes a {@link LecternError} with code `engine`. */
export async function attempt<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw new LecternError(
      "engine",
      `ONNX Runtime could not ${what}: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
}
