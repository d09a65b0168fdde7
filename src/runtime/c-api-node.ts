import { dirname } from "node:path";
import { LecternError } from "../common/index.ts";
import { requireFrom } from "../common/node.ts";
import { engineFiles } from "./engine-files-node.ts";
import { disableTelemetry } from "./telemetry-node.ts";

/** An address in the engine's memory; 0 stands for none. */
export type Pointer = bigint;

type Argument = Pointer | number | string | NodeJS.ArrayBufferView | Pointer[] | null;

/** A loaded library, whose functions can be called until koffi collects this object. */
interface Library {
  func(declaration: string): () => Pointer;
}

/** The part of koffi's addon that is used: calls of C functions by their addresses and declarations. */
interface Koffi {
  load(path: string): Library;
  array(type: string, length: number): object;
  decode(pointer: Pointer, type: object): Pointer[];
  proto(declaration: string): object;
  call(pointer: Pointer, type: object, ...values: readonly Argument[]): Pointer | string | null;
  view(pointer: Pointer, bytes: number): ArrayBuffer;
}

/**
 * The functions of ONNX Runtime's C interface that Lectern calls: each one's place in the table `OrtApi`, to which later
 * versions only append, its result and its parameters.
 *
 * @see onnxruntime_c_api.h of ONNX Runtime 1.30
 */
const declarations = {
  GetErrorMessage: [2, "const char*", "void*"],
  CreateEnv: [3, "void*", "int, const char*, _Out_ void**"],
  CreateSessionFromArray: [8, "void*", "void*, void*, size_t, void*, _Out_ void**"],
  CreateSessionOptions: [10, "void*", "_Out_ void**"],
  EnableProfiling: [14, "void*", process.platform === "win32" ? "void*, const char16_t*" : "void*, const char*"],
  DisableMemPattern: [17, "void*", "void*"],
  SetSessionLogSeverityLevel: [22, "void*", "void*, int"],
  SetIntraOpNumThreads: [24, "void*", "void*, int"],
  SetInterOpNumThreads: [25, "void*", "void*, int"],
  CreateTensorAsOrtValue: [48, "void*", "void*, int64_t*, size_t, int, _Out_ void**"],
  CreateTensorWithDataAsOrtValue: [49, "void*", "void*, void*, size_t, int64_t*, size_t, int, _Out_ void**"],
  GetTensorMutableData: [51, "void*", "void*, _Out_ void**"],
  GetTensorElementType: [60, "void*", "void*, int32_t*"],
  GetDimensionsCount: [61, "void*", "void*, uint64_t*"],
  GetDimensions: [62, "void*", "void*, int64_t*, size_t"],
  GetTensorTypeAndShape: [65, "void*", "void*, _Out_ void**"],
  CreateMemoryInfo: [68, "void*", "const char*, int, int, int, _Out_ void**"],
  CreateCpuMemoryInfo: [69, "void*", "int, int, _Out_ void**"],
  GetAllocatorWithDefaultOptions: [78, "void*", "_Out_ void**"],
  AllocatorFree: [76, "void*", "void*, void*"],
  ReleaseStatus: [93, "void", "void*"],
  ReleaseMemoryInfo: [94, "void", "void*"],
  ReleaseSession: [95, "void", "void*"],
  ReleaseValue: [96, "void", "void*"],
  ReleaseTensorTypeAndShapeInfo: [99, "void", "void*"],
  ReleaseSessionOptions: [100, "void", "void*"],
  AddSessionConfigEntry: [130, "void*", "void*, const char*, const char*"],
  CreateAllocator: [131, "void*", "void*, void*, _Out_ void**"],
  ReleaseAllocator: [132, "void", "void*"],
  RunWithBinding: [133, "void*", "void*, void*, void*"],
  CreateIoBinding: [134, "void*", "void*, _Out_ void**"],
  ReleaseIoBinding: [135, "void", "void*"],
  BindInput: [136, "void*", "void*, const char*, void*"],
  BindOutput: [137, "void*", "void*, const char*, void*"],
  BindOutputToDevice: [138, "void*", "void*, const char*, void*"],
  GetBoundOutputValues: [140, "void*", "void*, void*, _Out_ void**, uint64_t*"],
  ClearBoundInputs: [141, "void", "void*"],
  ClearBoundOutputs: [142, "void", "void*"],
  SessionOptionsAppendExecutionProvider: [216, "void*", "void*, const char*, const char**, const char**, size_t"],
  CopyTensors: [386, "void*", "void*, void**, void**, void*, size_t"],
} as const satisfies Readonly<Record<string, readonly [place: number, result: string, parameters: string]>>;

export type ApiFunction = keyof typeof declarations;

/** The version of the interface that is asked for: the oldest with all functions above. */
const API_VERSION = 23;
/** Arguments of `CreateEnv`: the level of the engine's own log, of 0 (verbose) to 4 (fatal), and the log's name. */
const LOG_LEVEL = 3;
const LOG_NAME = "lectern";

/** ONNX Runtime's C interface, in this thread. */
export class EngineApi {
  /** Held so that the engine stays loaded: its functions are called by address, which keeps nothing alive. */
  readonly library: Library;
  readonly #koffi: Koffi;
  readonly #functions: ReadonlyMap<ApiFunction, readonly [pointer: Pointer, type: object]>;
  /** The engine's environment, which all sessions of the process share. */
  readonly environment: Pointer;
  /** Memory of the processor, as tensors state theirs. */
  readonly memory: Pointer;
  readonly allocator: Pointer;

  constructor() {
    const { library } = engineFiles();
    disableTelemetry();
    const addon = requireFrom(dirname(library));
    this.#koffi = addon(`${dirname(library)}/koffi.node`) as Koffi;
    const { load, decode, array, call, proto } = this.#koffi;
    this.library = load(library);
    const [getApi = 0n] = decode(this.library.func("void* OrtGetApiBase()")(), array("void*", 2));
    const api = call(getApi, proto("void* GetApi(uint32_t)"), API_VERSION) as Pointer;
    const places = Object.values(declarations).map(([place]) => place);
    const table = decode(api, array("void*", Math.max(...places) + 1));
    this.#functions = new Map(
      Object.entries(declarations).map(([name, [place, result, parameters]]) => [
        name as ApiFunction,
        [table[place] as Pointer, proto(`${result} Ort${name}(${parameters})`)],
      ]),
    );
    this.environment = this.create("CreateEnv", LOG_LEVEL, LOG_NAME);
    this.memory = this.create("CreateCpuMemoryInfo", 1, 0); // OrtArenaAllocator, OrtMemTypeDefault
    this.allocator = this.create("GetAllocatorWithDefaultOptions");
  }

  /** True if the system's loader finds a library of that name. */
  finds(library: string): boolean {
    try {
      this.#koffi.load(library);
      return true;
    } catch {
      return false;
    }
  }

  /** Calls a function. @throws code `engine` with the engine's message where it returns a status */
  call(name: ApiFunction, ...values: readonly Argument[]): void {
    const status = this.#invoke(name, values);
    if (status === null || status === 0n || status === undefined) return;
    const message = this.#invoke("GetErrorMessage", [status as Pointer]);
    this.#invoke("ReleaseStatus", [status as Pointer]);
    throw new LecternError("engine", `ONNX Runtime: ${message}`);
  }

  /** Calls a function whose last parameter receives a pointer, and returns that. */
  create(name: ApiFunction, ...values: readonly Argument[]): Pointer {
    const place: Pointer[] = [0n];
    this.call(name, ...values, place);
    return place[0] as Pointer;
  }

  /** The pointers at an address. */
  pointers(address: Pointer, count: number): readonly Pointer[] {
    return this.#koffi.decode(address, this.#koffi.array("void*", count));
  }

  /** The engine's memory at an address, not copied: valid as long as the engine keeps it. */
  view(address: Pointer, bytes: number): ArrayBuffer {
    return this.#koffi.view(address, bytes);
  }

  #invoke(name: ApiFunction, values: readonly Argument[]): Pointer | string | null {
    const [pointer, type] = this.#functions.get(name) as readonly [Pointer, object];
    return this.#koffi.call(pointer, type, ...values);
  }
}

let api: EngineApi | undefined;
let failure: string | undefined;

/** The C interface, loaded on first use; undefined where it cannot be, such as in a runtime other than Node. */
export function engineApi(): EngineApi | undefined {
  if (api !== undefined || failure !== undefined) return api;
  try {
    api = new EngineApi();
  } catch (error) {
    failure = (error as Error).message;
  }
  return api;
}

/** The reason why the C interface cannot be loaded; undefined where it can. */
export function engineApiProblem(): string | undefined {
  return engineApi() ? undefined : failure;
}
