import { signal } from "@preact/signals";
import type { TokenPiece } from "../../src/explain/index.ts";
import type { StudioModel } from "../../src/studio/describe.ts";

/** A model that the page may run: by its address in the page, or by the server that sent the page. */
export interface ModelEntry {
  readonly name: string;
  /** The address of its directory, where the page runs it. */
  readonly url?: string;
  /** The precision of its matrices; default float32. */
  readonly precision?: string;
}

export type Call = <T>(name: string, args?: Record<string, unknown>) => Promise<T>;

/** A model that answers the studio's calls. */
export interface OpenModel {
  readonly name: string;
  readonly facts: StudioModel;
  readonly call: Call;
}

export type { StudioModel, TokenPiece };

/** The part of the library that the page uses. */
interface Library {
  loadModel(location: string, options: { precision?: string | undefined }): Promise<object>;
  studioCall(model: object, name: string, args: object): Promise<unknown>;
}

/** The models that there are. */
export const entries = signal<readonly ModelEntry[]>([]);

const opened = new Map<string, Promise<OpenModel>>();

/** True if there is a model of that name, as far as the page has read. */
export function isListed(name: string): boolean {
  return entries.value.some((entry) => entry.name === name);
}

/** Reads which models there are. */
export async function readEntries(): Promise<void> {
  const response = await fetch("models.json");
  entries.value = (await response.json()) as ModelEntry[];
}

/** The smallest module that uses SIMD. */
const SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

/** An error whose text is a key of the page's messages. */
export class PageError extends Error {
  readonly key: "noSimd" | "noModel" | "stopped";
  constructor(key: PageError["key"]) {
    super(key);
    this.key = key;
  }
}

const engineAddress = (): string => new URL("./lectern.js", document.baseURI).href;

/** Starts the worker of the model that the page opens with, where the page runs it: it makes ready while the page reads the library. */
export function startEngine(name: string): void {
  const entry = entries.value.find((each) => each.name === name) ?? entries.value[0];
  if (entry?.url === undefined || !WebAssembly.validate(SIMD)) return;
  const page = globalThis as { lecternWorker?: Worker };
  page.lecternWorker = new Worker(engineAddress(), { type: "module", name: "lectern-model" });
}

/** Opens a model, once. */
export function openModel(name: string): Promise<OpenModel> {
  const known = opened.get(name);
  if (known) return known;
  const entry = entries.value.find((each) => each.name === name);
  if (!entry) return Promise.reject(new PageError("noModel"));
  const opening = entry.url === undefined ? openRemote(entry) : openLocal(entry.name, entry.url, entry.precision);
  opened.set(name, opening);
  opening.catch(() => opened.delete(name));
  return opening;
}

/** Forgets the open models, of which a worker ended. */
export function forgetModels(): void {
  opened.clear();
}

async function openLocal(name: string, url: string, precision: string | undefined): Promise<OpenModel> {
  if (!WebAssembly.validate(SIMD)) throw new PageError("noSimd");
  const library = (await import(engineAddress())) as Library;
  const model = await library.loadModel(new URL(url, document.baseURI).href, { precision });
  const call: Call = (of, args = {}) => library.studioCall(model, of, args) as never;
  return { name, call, facts: await call<StudioModel>("describe") };
}

async function openRemote({ name }: ModelEntry): Promise<OpenModel> {
  const call: Call = async (of, args = {}) => {
    const response = await fetch("call", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: name, call: of, args }),
    });
    const answer = JSON.parse(await response.text(), reviveNumbers) as { error?: string; result?: unknown };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.result as never;
  };
  return { name, call, facts: await call<StudioModel>("describe") };
}

/** Arrays of numbers come as the base64 of their bytes. */
function reviveNumbers(_: string, value: unknown): unknown {
  const packed = (value as { float32?: unknown } | null)?.float32;
  if (typeof packed !== "string") return value;
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}
