import * as ort from "onnxruntime-web/wasm";
import type { OnnxGraph } from "../lower/index.ts";
import { attempt, wrapSession } from "./engine.ts";
import { writeOnnx } from "./onnx-writer.ts";
import type { DerivedFile, EngineSession, FileSource, SessionOptions } from "./platform.ts";
import { fetchBytes, isServed } from "./served-web.ts";

const files = new Map<string, Promise<Uint8Array>>();

/** Loads a graph into WebAssembly; files that hold weights are fetched once and handed over as bytes. */
export async function createSession(graph: OnnxGraph, options: SessionOptions = {}): Promise<EngineSession> {
  ort.env.wasm.wasmPaths = { wasm: new URL("ort-wasm-simd-threaded.wasm", import.meta.url).href };
  ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? (options.threads ?? 0) : 1;
  const named = new Map<string, string>();
  const bytes = writeOnnx(graph, (file) => {
    if (!named.has(file)) named.set(file, `weights-${named.size}`);
    return named.get(file) as string;
  });
  const externalData = await Promise.all(
    [...named].map(async ([file, path]) => ({ path, data: await fetchOnce(file) })),
  );
  const session = await attempt("load a graph", () =>
    ort.InferenceSession.create(bytes, {
      externalData,
      enableMemPattern: options.memoryPattern ?? true,
      logSeverityLevel: 3,
      extra: { optimization: { disable_specified_optimizers: (options.withoutRewrites ?? []).join(";") } },
    }),
  );
  return wrapSession({ Tensor: ort.Tensor, writesInto: false }, session);
}

function fetchOnce(url: string): Promise<Uint8Array> {
  let bytes = files.get(url);
  if (!bytes) {
    bytes = fetchBytes(url);
    files.set(url, bytes);
    bytes.catch(() => files.delete(url));
  }
  return bytes;
}

/** Keeps derived bytes in memory, as if they had been fetched. */
export async function derivedFile({ source, recipe, size, pieces }: DerivedFile): Promise<string> {
  const name = `${source}#${recipe}`;
  if (files.has(name)) return name;
  const bytes = new Uint8Array(size);
  let at = 0;
  for await (const piece of pieces()) {
    bytes.set(piece, at);
    at += piece.length;
  }
  files.set(name, Promise.resolve(bytes));
  return name;
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

/** The files below a URL. */
export async function openFiles(location: string): Promise<FileSource> {
  const base = new URL(location.endsWith("/") ? location : `${location}/`, globalThis.location.href);
  const resolve = (name: string): string => new URL(name, base).href;
  return {
    location: base.href,
    list: async () => [],
    has: async (name) => files.has(resolve(name)) || isServed(resolve(name)),
    size: async (name) => (await fetchOnce(resolve(name))).length,
    readText: async (name) => new TextDecoder().decode(await fetchOnce(resolve(name))),
    async readBytes(name, start = 0, length) {
      const bytes = await fetchOnce(resolve(name));
      return bytes.slice(start, length === undefined ? undefined : start + length);
    },
    resolve,
  };
}

export function warn(message: string): void {
  console.warn(`LecternWarning: ${message}`);
}
