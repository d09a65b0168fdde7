import type { InferenceSession, Tensor } from "onnxruntime-web/webgpu";
import { LecternError } from "../common/index.ts";
import type { DType, HostTensor } from "../tensor/index.ts";
import { attempt } from "./engine.ts";
import { inTurn } from "./in-turn.ts";
import type { EngineSession } from "./platform.ts";

type Ort = typeof import("./webgpu-web.ts");

/** The part of `navigator` that finds GPUs. */
interface GpuNavigator {
  readonly gpu?: { requestAdapter(): Promise<unknown> };
}

/** Checks that the browser gives a GPU. @throws code `unsupported` where it gives none */
export async function checkWebGpu(): Promise<void> {
  const { gpu }: GpuNavigator = globalThis.navigator;
  const reason =
    gpu === undefined
      ? "this browser has no WebGPU, or the page is neither https nor localhost"
      : (await gpu.requestAdapter()) === null && "the browser gives no adapter";
  if (reason) throw new LecternError("unsupported", `device webgpu: ${reason}; use device cpu`);
}

let loaded: Promise<Ort> | undefined;

/** Fetches ONNX Runtime's build for WebGPU on first use. */
export function loadWebGpu(threads: number): Promise<Ort> {
  loaded ??= (async () => {
    const module: Ort = await import(/* @vite-ignore */ new URL("webgpu.js", import.meta.url).href);
    const { wasm } = module.env;
    wasm.wasmPaths = { wasm: new URL("ort-wasm-simd-threaded.asyncify.wasm", import.meta.url).href };
    wasm.numThreads = threads;
    return module;
  })();
  return loaded;
}

/**
 * Wraps a session of the build for WebGPU. Results that are given a place, such as a cache, stay on the device and are
 * read there by the next run that is fed the same memory.
 */
export class WebGpuSession implements EngineSession {
  readonly #ort: Ort;
  readonly #session: InferenceSession;
  /** The tensors on the device that stand for the caller's memory. */
  readonly #kept = new Map<HostTensor["data"], Tensor>();

  constructor(ort: Ort, session: InferenceSession) {
    this.#ort = ort;
    this.#session = session;
  }

  async run(
    feeds: Readonly<Record<string, HostTensor>>,
    into: Readonly<Record<string, HostTensor>> = {},
  ): Promise<Record<string, HostTensor>> {
    const fed = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, this.#tensorOf(tensor)]));
    const results = await attempt("run", () => inTurn(() => this.#session.run(fed)));
    const outputs: Record<string, HostTensor> = {};
    for (const [name, tensor] of Object.entries(results)) {
      const place = into[name];
      if (place) this.#keep(place.data, tensor);
      outputs[name] = place ?? {
        dtype: tensor.type as DType,
        shape: tensor.dims,
        data: tensor.data as Float32Array,
      };
    }
    return outputs;
  }

  async settle(tensors: readonly HostTensor[]): Promise<void> {
    for (const { data } of tensors) {
      const kept = this.#kept.get(data);
      if (!kept) continue;
      (data as Float32Array).set((await kept.getData()) as Float32Array);
      this.#kept.delete(data);
      kept.dispose();
    }
  }

  forget(): void {
    for (const tensor of this.#kept.values()) tensor.dispose();
    this.#kept.clear();
  }

  dispose(): Promise<void> {
    this.forget();
    return this.#session.release();
  }

  #tensorOf({ dtype, shape, data }: HostTensor): Tensor {
    return this.#kept.get(data) ?? new this.#ort.Tensor(dtype as "float32", data as Float32Array, shape);
  }

  #keep(memory: HostTensor["data"], tensor: Tensor): void {
    this.#kept.get(memory)?.dispose();
    this.#kept.set(memory, tensor);
  }
}
