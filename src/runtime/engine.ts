import type { InferenceSession, Tensor, TensorConstructor } from "onnxruntime-common";
import { LecternError } from "../common/index.ts";
import type { DType, HostTensor } from "../tensor/index.ts";
import type { EngineSession } from "./platform.ts";

/** The part of ONNX Runtime's JavaScript interface that both builds share. */
export interface OrtModule {
  readonly Tensor: TensorConstructor;
}

/** Wraps a session of ONNX Runtime: host tensors in, host tensors out, its failures as Lectern's errors. */
export function wrapSession(ort: OrtModule, session: InferenceSession): EngineSession {
  return {
    async run(feeds) {
      const inputs: Record<string, Tensor> = {};
      for (const [name, { dtype, shape, data }] of Object.entries(feeds)) {
        inputs[name] = new ort.Tensor(dtype as "float32", data as Float32Array, shape);
      }
      const results = await attempt("run", () => session.run(inputs));
      const outputs: Record<string, HostTensor> = {};
      for (const [name, tensor] of Object.entries(results)) {
        outputs[name] = { dtype: tensor.type as DType, shape: tensor.dims, data: tensor.data as Float32Array };
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
