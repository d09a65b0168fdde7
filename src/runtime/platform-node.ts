import { createHash } from "node:crypto";
import { hostname, totalmem } from "node:os";
import { workerData } from "node:worker_threads";
import type { OnnxGraph } from "../lowering/index.ts";
import { createNativeSession, NativeTensor, type OrtSessionOptions } from "./binding-node.ts";
import { engineApi } from "./c-api-node.ts";
import { attempt, wrapSession } from "./engine.ts";
import { EngineGate } from "./engine-gate.ts";
import { writeOnnx } from "./onnx-writer.ts";
import type { EngineSession, Hash, SessionOptions } from "./platform.ts";
import { createSharedMemorySession } from "./shared-memory-session-node.ts";

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
    forget: () => gate.passNow(() => session.forget()),
    dispose: () => gate.pass(() => session.dispose()),
  };
}

/** True if results can be written where they are fed, through the engine's C interface. */
export function canShareMemory(): boolean {
  let isLoaded = false;
  gate.passNow(() => {
    isLoaded = engineApi() !== undefined;
  });
  return isLoaded;
}

async function load(graph: OnnxGraph, bytes: Uint8Array, options: SessionOptions): Promise<EngineSession> {
  const session = {
    model_external_initializers_file_folder_path: "/",
    disable_prepacking: options.prepack === false ? "1" : "0",
    set_denormal_as_zero: "1",
  };
  const optimization = { disable_specified_optimizers: (options.withoutRewrites ?? []).join(";") };
  const api = options.sharesMemory ? engineApi() : undefined;
  if (api) {
    await nextTask();
    const entries = Object.fromEntries([
      ...Object.entries(session).map(([key, value]) => [`session.${key}`, value]),
      ...Object.entries(optimization).map(([key, value]) => [`optimization.${key}`, value]),
    ]);
    return createSharedMemorySession(
      api,
      { bytes, outputs: graph.outputs.map(({ name }) => name) },
      { entries, options, release: (call) => gate.passNow(call) },
    );
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

/** A warning of the process, which `--no-warnings` and `process.on("warning")` know. */
export function warn(message: string, type = "LecternWarning"): void {
  process.emitWarning(message, type);
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
