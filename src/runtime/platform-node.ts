import { createHash } from "node:crypto";
import { hostname, totalmem } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { LecternError } from "../common/index.ts";
import type { OnnxGraph } from "../lowering/index.ts";
import { createNativeSession, NativeTensor, type OrtSessionOptions } from "./binding-node.ts";
import { engineApi } from "./c-api-node.ts";
import { createDeviceSession } from "./device-session-node.ts";
import { attempt, wrapSession } from "./engine.ts";
import { EngineGate } from "./engine-gate.ts";
import { writeOnnx } from "./onnx-writer.ts";
import type { Device, EngineSession, Hash, SessionOptions } from "./platform.ts";
import { createSharedMemorySession } from "./shared-memory-session-node.ts";
import { WARNING } from "./warning.ts";

/** In a worker of ours, what its owner closes before it ends the worker. */
const gate = new EngineGate(workerData?.lecternGate);

/**
 * Loads a graph. Weights in files are mapped where they lie: a graph passed as bytes may point below the folder
 * that `model_external_initializers_file_folder_path` names, so naming "/" lets it point anywhere.
 */
export async function createSession(graph: OnnxGraph, options: SessionOptions = {}): Promise<EngineSession> {
  const bytes = writeOnnx(graph, (file) => file.replace(/^\//, ""));
  const session = await gate.pass(() => attempt("load a graph", () => load(graph, bytes, options)));
  return {
    run: (feeds, into) => gate.pass(() => session.run(feeds, into)),
    settle: (tensors) => gate.pass(() => session.settle(tensors)),
    forget: () => gate.passNow(() => session.forget()),
    dispose: () => gate.pass(() => session.dispose()),
  };
}

/** Vulkan's loader on Linux. */
const VULKAN = "libvulkan.so.1";

/** The session that holds the device: the engine cannot open it again once its last session is gone. */
let holding: Promise<EngineSession> | undefined;

/** Loads the smallest graph on a device, which the engine looks for then. */
export async function checkDevice(device: Device): Promise<void> {
  if (device === "cpu") return;
  // The engine writes of a missing loader to standard error by itself.
  if (process.platform === "linux" && engineApi()?.finds(VULKAN) === false)
    throw noDevice(`${VULKAN} is not installed`);
  try {
    holding ??= createSession(COPY, { device });
    await holding;
  } catch (cause) {
    holding = undefined;
    throw noDevice((cause as Error).message, cause);
  }
}

/** The graph y = x. */
const COPY: OnnxGraph = {
  nodes: [{ type: "Identity", inputs: ["x"], outputs: ["y"], attributes: {} }],
  initializers: [],
  inputs: [{ name: "x", dtype: "float32", shape: [1] }],
  outputs: [{ name: "y", dtype: "float32", shape: [1] }],
};

/** The engine's message without the place in its source. */
const PLACE = /^ONNX Runtime: .* was false\. /s;

function noDevice(reason: string, cause?: unknown): LecternError {
  return new LecternError(
    "unsupported",
    `device webgpu: there is none that ONNX Runtime can use; it needs a GPU with Vulkan (libvulkan.so.1) on Linux, Metal ` +
      `on macOS or Direct3D 12 on Windows; use device cpu (${reason.replace(PLACE, "").trim()})`,
    { cause },
  );
}

/** True if results can be written where they are fed, through the engine's C interface. */
export function canShareMemory(): boolean {
  let isLoaded = false;
  gate.passNow(() => {
    isLoaded = engineApi() !== undefined;
  });
  return isLoaded;
}

/**
 * So long, in microseconds, the engine's threads wait awake for the next run: longer than decoding takes between two steps. The
 * engine's own choice is some 35 ms, in which they take the cores from another session, such as an encoder's or an assistant's.
 */
const WAKE_US = 1000;

async function load(graph: OnnxGraph, bytes: Uint8Array, options: SessionOptions): Promise<EngineSession> {
  const session = {
    model_external_initializers_file_folder_path: "/",
    disable_prepacking: options.prepack === false ? "1" : "0",
    set_denormal_as_zero: "1",
    "intra_op.spin_duration_us": String(WAKE_US),
  };
  const optimization = { disable_specified_optimizers: (options.withoutRewrites ?? []).join(";") };
  const isOnDevice = options.device === "webgpu";
  const api = options.sharesMemory || isOnDevice ? engineApi() : undefined;
  if (isOnDevice && !api) throw noDevice("ONNX Runtime's C interface does not load here");
  if (api) {
    await nextTask();
    const entries = Object.fromEntries([
      ...Object.entries(session).map(([key, value]) => [`session.${key}`, value]),
      ...Object.entries(optimization).map(([key, value]) => [`optimization.${key}`, value]),
    ]);
    const named = { bytes, outputs: graph.outputs.map(({ name }) => name) };
    const loading = { entries, options, release: (call: () => void) => gate.passNow(call) };
    return isOnDevice ? createDeviceSession(api, named, loading) : createSharedMemorySession(api, named, loading);
  }
  const settings: OrtSessionOptions = {
    intraOpNumThreads: options.threads ?? 0,
    interOpNumThreads: 1,
    executionMode: "sequential",
    enableMemPattern: options.memoryPattern ?? true,
    logSeverityLevel: 3,
    ...(options.profile !== undefined && { enableProfiling: true, profileFilePrefix: options.profile }),
    extra: { session, optimization },
  };
  return wrapSession({ Tensor: NativeTensor, writesInto: true }, await createNativeSession(bytes, settings));
}

export function nextTask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A warning of the process, which `--no-warnings` and `process.on("warning")` know; one of a worker is the process's own. */
export function warn(message: string, type = "LecternWarning"): void {
  if (workerData?.lecternGate === undefined) process.emitWarning(message, type);
  else parentPort?.postMessage({ kind: WARNING, message, type });
}

export function sha256(): Hash {
  const hash = createHash("sha256");
  return { update: (bytes) => hash.update(bytes), hex: () => hash.digest("hex") };
}

/** The memory of this machine, or of the group that the process belongs to. */
export function totalMemory(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
}

export function processName(): string {
  return `${hostname()}.${process.pid}`;
}
