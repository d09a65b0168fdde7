import * as ort from "onnxruntime-web/wasm";
import { fetchOnce } from "../files/web.ts";
import type { OnnxGraph } from "../lowering/index.ts";
import { elementCount, toFloat32 } from "../tensor/index.ts";
import { checkWebGpu, loadWebGpu, WebGpuSession } from "./device-session-web.ts";
import { attempt, type OrtSession, wrapSession } from "./engine.ts";
import { inTurn } from "./in-turn.ts";
import { writeOnnx } from "./onnx-writer.ts";
import type { Device, EngineSession, Hash, SessionOptions } from "./platform.ts";
import { Sha256 } from "./sha256-web.ts";

/** Loads a graph into WebAssembly; files that hold weights are fetched once and handed over as bytes. */
export async function createSession(given: OnnxGraph, options: SessionOptions = {}): Promise<EngineSession> {
  const { graph, files } = options.device === "webgpu" ? await widened(given) : { graph: given, files: undefined };
  const named = new Map<string, string>();
  const bytes = writeOnnx(graph, (file) => {
    if (!named.has(file)) named.set(file, `weights-${named.size}`);
    return named.get(file) as string;
  });
  const externalData = await Promise.all(
    [...named].map(async ([file, path]) => ({ path, data: files?.get(file) ?? (await fetchOnce(file)) })),
  );
  const threads = globalThis.crossOriginIsolated ? (options.threads ?? 0) : 1;
  const settings = {
    externalData,
    enableMemPattern: options.memoryPattern ?? true,
    logSeverityLevel: 3,
    extra: { optimization: { disable_specified_optimizers: (options.withoutRewrites ?? []).join(";") } },
  } as const;
  if (options.device === "webgpu") {
    const gpu = await loadWebGpu(threads);
    const locations = Object.fromEntries((options.keeps ?? []).map((name) => [name, "gpu-buffer" as const]));
    const own = { ...settings, executionProviders: ["webgpu"], preferredOutputLocation: locations };
    return new WebGpuSession(gpu, await attempt("load a graph", () => gpu.InferenceSession.create(bytes, own)));
  }
  await prepared;
  setUp(threads);
  const own = { ...settings, graphOptimizationLevel: "basic" } as const; // the others take long, and make nothing faster here
  const session: OrtSession = await attempt("load a graph", () => ort.InferenceSession.create(bytes, own));
  const { outputNames } = session;
  return wrapSession(
    { Tensor: ort.Tensor, writesInto: false },
    { outputNames, run: (...given) => inTurn(() => session.run(...given)), release: () => session.release() },
  );
}

function setUp(threads: number): void {
  ort.env.wasm.wasmPaths = { wasm: new URL("ort-wasm-simd-threaded.wasm", import.meta.url).href };
  ort.env.wasm.numThreads = threads;
}

const x = { name: "x", dtype: "float32", shape: [1] } as const;
const y = { ...x, name: "y" };
const IDENTITY: OnnxGraph = {
  nodes: [{ type: "Identity", inputs: ["x"], outputs: ["y"] }],
  inputs: [x],
  outputs: [y],
  initializers: [],
};

/**
 * Fetches and compiles the engine while the files of a model are on their way; a fault is left to the first graph that is loaded.
 * In an isolated page the number of threads comes with the model, so there it waits.
 */
export function prepareEngine(): void {
  if (globalThis.crossOriginIsolated) return;
  setUp(1);
  const bytes = writeOnnx(IDENTITY, (file) => file);
  prepared = ort.InferenceSession.create(bytes).then(
    (session) => session.release(),
    () => {},
  );
}

let prepared: Promise<void> = Promise.resolve();

/** A graph whose bfloat16 weights are float32, and their bytes: the build for WebGPU has no cast of them. */
async function widened(graph: OnnxGraph): Promise<{ graph: OnnxGraph; files: ReadonlyMap<string, Uint8Array> }> {
  const files = new Map<string, Uint8Array>();
  const initializers = graph.initializers.map(async (initializer) => {
    if (!("external" in initializer) || initializer.external.dtype !== "bfloat16") return initializer;
    const { file, offset, shape } = initializer.external;
    const bytes = (await fetchOnce(file)).slice(offset, offset + 2 * elementCount(shape));
    const name = `${file}#${offset}`;
    files.set(name, new Uint8Array(toFloat32("bfloat16", new Uint16Array(bytes.buffer)).buffer));
    return { name: initializer.name, external: { file: name, offset: 0, dtype: "float32", shape } as const };
  });
  return { graph: { ...graph, initializers: await Promise.all(initializers) }, files };
}

/** Checks that the browser gives a GPU where it is asked for. */
export async function checkDevice(device: Device): Promise<void> {
  if (device === "webgpu") await checkWebGpu();
}

/** False: WebAssembly has its own memory, to which tensors are copied. */
export function canShareMemory(): boolean {
  return false;
}

const { port1, port2 } = new MessageChannel();

/** A message to itself comes back after those that wait; a timer would come at least a millisecond later. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    port1.addEventListener("message", () => resolve(), { once: true });
    port1.start();
    port2.postMessage(undefined);
  });
}

export function warn(message: string, type = "LecternWarning"): void {
  console.warn(`${type}: ${message}`);
}

export function sha256(): Hash {
  return new Sha256();
}

/** The most that WebAssembly of 32 bits addresses. */
export function totalMemory(): number {
  return 2 ** 32;
}

export function processName(): string {
  return "page";
}
