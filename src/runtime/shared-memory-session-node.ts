import { byteLength, type DType, elementCount, type HostTensor, onnxTypes, typedArrays } from "../tensor/index.ts";
import type { ApiFunction, EngineApi, Pointer } from "./c-api-node.ts";
import type { EngineSession, SessionOptions } from "./platform.ts";

/** The dtype of each of ONNX's numbers. */
const dtypes = new Map(Object.entries(onnxTypes).map(([dtype, number]) => [number, dtype as DType]));

/** Tensors up to so many bytes are made anew for each run, so the engine's ones over them are freed with the next. */
const TRANSIENT = 4096;

/** The number of threads that one operator is divided among, at the engine's choice. */
const ANY = 0;
/** The level of the engine's log that is written, of 0 (verbose) to 4 (fatal): errors. */
const LOG_LEVEL = 3;

interface Settings {
  /** The engine's settings by its own keys. */
  readonly entries: Readonly<Record<string, string>>;
  readonly options: SessionOptions;
  /** Frees the engine's tensors over memory that is gone, while the engine may be called. */
  release(call: () => void): void;
}

/**
 * Loads a graph through ONNX Runtime's C interface. Its runs read and write the caller's memory: a tensor that is both
 * fed and given as a result's place, such as a cache, is changed where it lies. A call blocks its thread.
 */
export function createSharedMemorySession(
  api: EngineApi,
  graph: { readonly bytes: Uint8Array; readonly outputs: readonly string[] },
  settings: Settings,
): EngineSession {
  const session = load(api, graph.bytes, settings);
  return new SharedMemorySession(api, session, graph.outputs, settings.release);
}

function load(api: EngineApi, bytes: Uint8Array, { entries, options }: Settings): Pointer {
  const settings = api.create("CreateSessionOptions");
  try {
    api.call("SetIntraOpNumThreads", settings, options.threads ?? ANY);
    api.call("SetInterOpNumThreads", settings, 1);
    api.call("SetSessionLogSeverityLevel", settings, LOG_LEVEL);
    if (options.memoryPattern === false) api.call("DisableMemPattern", settings);
    if (options.profile !== undefined) api.call("EnableProfiling", settings, options.profile);
    for (const [key, value] of Object.entries(entries)) api.call("AddSessionConfigEntry", settings, key, value);
    return api.create("CreateSessionFromArray", api.environment, bytes, bytes.byteLength, settings);
  } finally {
    api.call("ReleaseSessionOptions", settings);
  }
}

class SharedMemorySession implements EngineSession {
  readonly #api: EngineApi;
  readonly #session: Pointer;
  readonly #binding: Pointer;
  readonly #outputs: readonly string[];
  /** The engine's tensors over the caller's memory. */
  readonly #values = new WeakMap<HostTensor, Pointer>();
  readonly #released: FinalizationRegistry<Pointer>;
  /** The tensors that the last run read and wrote, which keeps their memory alive. */
  readonly #fed = new Map<string, HostTensor>();
  readonly #written = new Map<string, HostTensor>();

  constructor(api: EngineApi, session: Pointer, outputs: readonly string[], release: Settings["release"]) {
    this.#api = api;
    this.#session = session;
    this.#outputs = outputs;
    this.#binding = api.create("CreateIoBinding", session);
    this.#released = new FinalizationRegistry((value) => release(() => api.call("ReleaseValue", value)));
  }

  async run(
    feeds: Readonly<Record<string, HostTensor>>,
    into: Readonly<Record<string, HostTensor>> = {},
  ): Promise<Record<string, HostTensor>> {
    for (const [name, tensor] of Object.entries(feeds)) this.#bind("BindInput", name, tensor, this.#fed);
    for (const name of this.#outputs) {
      const place = into[name];
      if (place) this.#bind("BindOutput", name, place, this.#written);
      else {
        this.#api.call("BindOutputToDevice", this.#binding, name, this.#api.memory);
        this.#written.delete(name);
      }
    }
    this.#api.call("RunWithBinding", this.#session, null, this.#binding);
    return this.#results(into);
  }

  forget(): void {
    this.#api.call("ClearBoundInputs", this.#binding);
    this.#api.call("ClearBoundOutputs", this.#binding);
    this.#fed.clear();
    this.#written.clear();
  }

  async dispose(): Promise<void> {
    this.#api.call("ReleaseIoBinding", this.#binding);
    this.#api.call("ReleaseSession", this.#session);
    this.#fed.clear();
    this.#written.clear();
  }

  #bind(call: ApiFunction, name: string, tensor: HostTensor, bound: Map<string, HostTensor>): void {
    const last = bound.get(name);
    if (last === tensor) return;
    this.#api.call(call, this.#binding, name, this.#valueOf(tensor));
    bound.set(name, tensor);
    if (last && last.data.byteLength <= TRANSIENT) this.#release(last);
  }

  /** Frees the engine's tensor over one of the caller's; the binding keeps what it still reads. */
  #release(tensor: HostTensor): void {
    const value = this.#values.get(tensor);
    if (value === undefined) return;
    this.#values.delete(tensor);
    this.#released.unregister(tensor);
    this.#api.call("ReleaseValue", value);
  }

  #valueOf(tensor: HostTensor): Pointer {
    const known = this.#values.get(tensor);
    if (known !== undefined) return known;
    const { dtype, shape, data } = tensor;
    const type = onnxTypes[dtype];
    const sizes = BigInt64Array.from(shape, BigInt);
    const value = this.#api.create(
      "CreateTensorWithDataAsOrtValue",
      ...[this.#api.memory, data, data.byteLength, sizes, sizes.length, type],
    );
    this.#values.set(tensor, value);
    this.#released.register(tensor, value, tensor);
    return value;
  }

  /** All results: those in the caller's memory, and copies of those that the engine allocated. */
  #results(into: Readonly<Record<string, HostTensor>>): Record<string, HostTensor> {
    if (this.#outputs.every((name) => into[name])) return { ...into };
    const [list, count] = [[0n], new BigUint64Array(1)];
    this.#api.call("GetBoundOutputValues", this.#binding, this.#api.allocator, list, count);
    const values = this.#api.pointers(list[0] as Pointer, Number(count[0]));
    const results: Record<string, HostTensor> = {};
    for (const [i, name] of this.#outputs.entries()) {
      const value = values[i] as Pointer;
      results[name] = into[name] ?? this.#copyOf(value);
      this.#api.call("ReleaseValue", value);
    }
    this.#api.call("AllocatorFree", this.#api.allocator, list[0] as Pointer);
    return results;
  }

  #copyOf(value: Pointer): HostTensor {
    const { dtype, shape } = this.#typeOf(value);
    const bytes = byteLength(dtype, elementCount(shape));
    const address = bytes > 0 ? this.#api.create("GetTensorMutableData", value) : 0n;
    const buffer = bytes > 0 ? this.#api.view(address, bytes).slice(0) : new ArrayBuffer(0);
    return { dtype, shape, data: new typedArrays[dtype](buffer) } as HostTensor;
  }

  #typeOf(value: Pointer): { dtype: DType; shape: number[] } {
    const info = this.#api.create("GetTensorTypeAndShape", value);
    const [type, count] = [new Int32Array(1), new BigUint64Array(1)];
    this.#api.call("GetTensorElementType", info, type);
    this.#api.call("GetDimensionsCount", info, count);
    const sizes = new BigInt64Array(Number(count[0]));
    this.#api.call("GetDimensions", info, sizes, sizes.length);
    this.#api.call("ReleaseTensorTypeAndShapeInfo", info);
    return { dtype: dtypes.get(type[0] as number) as DType, shape: [...sizes].map(Number) };
  }
}
