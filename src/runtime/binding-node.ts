import { dirname } from "node:path";
import { isMainThread } from "node:worker_threads";
import { LecternError } from "../common/index.ts";
import { requireFrom } from "../common/node.ts";
import type { OrtSession, OrtTensor } from "./engine.ts";
import { engineFiles } from "./engine-files-node.ts";
import { disableTelemetry } from "./telemetry-node.ts";

/** ONNX Runtime's session options that Lectern sets, by the names of its JavaScript interface. */
export interface OrtSessionOptions {
  readonly intraOpNumThreads: number;
  readonly interOpNumThreads: number;
  readonly executionMode: "sequential";
  readonly enableMemPattern: boolean;
  readonly logSeverityLevel: number;
  readonly enableProfiling?: boolean;
  readonly profileFilePrefix?: string;
  /** Further settings by the engine's own keys, nested at their dots. */
  readonly extra: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** The session of the native binding; every call blocks its thread. */
interface NativeSession {
  readonly outputMetadata: readonly { readonly name: string }[];
  loadModel(memory: ArrayBufferLike, offset: number, length: number, options: OrtSessionOptions): void;
  run(
    feeds: Readonly<Record<string, OrtTensor>>,
    fetches: Readonly<Record<string, OrtTensor | null>>,
    options: Readonly<Record<string, never>>,
  ): Record<string, OrtTensor>;
  dispose(): void;
}

interface NativeBinding {
  readonly InferenceSession: new () => NativeSession;
  initOrtOnce(logLevel: number, tensor: typeof NativeTensor, isMainThread: boolean): void;
}

/** The tensors that the binding reads and returns. */
export class NativeTensor implements OrtTensor {
  readonly location = "cpu";
  readonly type: string;
  readonly data: OrtTensor["data"];
  readonly dims: readonly number[];

  constructor(type: string, data: OrtTensor["data"], dims: readonly number[]) {
    this.type = type;
    this.data = data;
    this.dims = dims;
  }
}

/** The level of the engine's own log, of 0 (verbose) to 4 (fatal): errors. */
const LOG_LEVEL = 3;

let binding: NativeBinding | undefined;

/** Loads the engine into this thread, on first use. */
function loadBinding(): NativeBinding {
  if (binding === undefined) {
    const { binding: path } = engineFiles();
    disableTelemetry();
    const loaded = dlopen(path);
    loaded.initOrtOnce(LOG_LEVEL, NativeTensor, isMainThread);
    binding = loaded;
  }
  return binding;
}

/** Loads the engine ahead of its first use. A failure is reported by that use. */
export function preloadEngine(): void {
  try {
    loadBinding();
  } catch {
    binding = undefined;
  }
}

function dlopen(path: string): NativeBinding {
  try {
    return requireFrom(dirname(path))(path) as NativeBinding;
  } catch (cause) {
    throw new LecternError(
      "engine",
      `loading ONNX Runtime: expected ${path} to load; got ${cause instanceof Error ? cause.message : cause}; ` +
        "it needs glibc 2.28 or later on Linux, the Visual C++ runtime on Windows",
      { cause },
    );
  }
}

/** Loads a graph in ONNX's format. Calls begin in a later turn of the event loop, after what waits. */
export async function createNativeSession(graph: Uint8Array, options: OrtSessionOptions): Promise<OrtSession> {
  const { InferenceSession } = loadBinding();
  const session = new InferenceSession();
  await turn();
  session.loadModel(graph.buffer, graph.byteOffset, graph.byteLength, options);
  return {
    outputNames: session.outputMetadata.map(({ name }) => name),
    async run(feeds, fetches) {
      await turn();
      return session.run(feeds, fetches, {});
    },
    async release() {
      session.dispose();
    },
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
