import { byteLength, type DType, elementCount, type HostTensor, onnxTypes, typedArrays } from "../tensor/index.ts";
import type { EngineApi, Pointer } from "./c-api-node.ts";
import type { SessionOptions } from "./platform.ts";

/** The dtype of each of ONNX's numbers. */
const dtypes = new Map(Object.entries(onnxTypes).map(([dtype, number]) => [number, dtype as DType]));

/** The number of threads that one operator is divided among, at the engine's choice. */
const ANY = 0;
/** The level of the engine's log that is written, of 0 (verbose) to 4 (fatal): errors. */
const LOG_LEVEL = 3;

export interface LoadSettings {
  /** The engine's settings by its own keys. */
  readonly entries: Readonly<Record<string, string>>;
  readonly options: SessionOptions;
  /** Frees the engine's tensors over memory that is gone, while the engine may be called. */
  release(call: () => void): void;
}

/** Loads a graph in ONNX's format. */
export function loadSession(api: EngineApi, bytes: Uint8Array, { entries, options }: LoadSettings): Pointer {
  const settings = api.create("CreateSessionOptions");
  try {
    api.call("SetIntraOpNumThreads", settings, options.threads ?? ANY);
    api.call("SetInterOpNumThreads", settings, 1);
    api.call("SetSessionLogSeverityLevel", settings, LOG_LEVEL);
    if (options.memoryPattern === false) api.call("DisableMemPattern", settings);
    if (options.profile !== undefined) api.call("EnableProfiling", settings, options.profile);
    if (options.device === "webgpu")
      api.call("SessionOptionsAppendExecutionProvider", settings, "WebGPU", null, null, 0);
    for (const [key, value] of Object.entries(entries)) api.call("AddSessionConfigEntry", settings, key, value);
    return api.create("CreateSessionFromArray", api.environment, bytes, bytes.byteLength, settings);
  } finally {
    api.call("ReleaseSessionOptions", settings);
  }
}

/** The engine's tensor over the memory of one of the caller's, which must outlive it. */
export function tensorOver(api: EngineApi, { dtype, shape, data }: HostTensor): Pointer {
  const sizes = BigInt64Array.from(shape, BigInt);
  return api.create(
    "CreateTensorWithDataAsOrtValue",
    ...[api.memory, data, data.byteLength, sizes, sizes.length, onnxTypes[dtype]],
  );
}

/** The results of a run with a binding, in the order of its outputs; the caller releases them. */
export function boundResults(api: EngineApi, binding: Pointer): readonly Pointer[] {
  const [list, count] = [[0n], new BigUint64Array(1)];
  api.call("GetBoundOutputValues", binding, api.allocator, list, count);
  const values = api.pointers(list[0] as Pointer, Number(count[0]));
  api.call("AllocatorFree", api.allocator, list[0] as Pointer);
  return values;
}

/** A copy of one of the engine's tensors in the processor's memory. */
export function copyOf(api: EngineApi, value: Pointer): HostTensor {
  const { dtype, shape } = typeOf(api, value);
  const bytes = byteLength(dtype, elementCount(shape));
  const address = bytes > 0 ? api.create("GetTensorMutableData", value) : 0n;
  const buffer = bytes > 0 ? api.view(address, bytes).slice(0) : new ArrayBuffer(0);
  return { dtype, shape, data: new typedArrays[dtype](buffer) } as HostTensor;
}

function typeOf(api: EngineApi, value: Pointer): { dtype: DType; shape: number[] } {
  const info = api.create("GetTensorTypeAndShape", value);
  const [type, count] = [new Int32Array(1), new BigUint64Array(1)];
  api.call("GetTensorElementType", info, type);
  api.call("GetDimensionsCount", info, count);
  const sizes = new BigInt64Array(Number(count[0]));
  api.call("GetDimensions", info, sizes, sizes.length);
  api.call("ReleaseTensorTypeAndShapeInfo", info);
  return { dtype: dtypes.get(type[0] as number) as DType, shape: [...sizes].map(Number) };
}
