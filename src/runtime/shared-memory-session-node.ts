import type { HostTensor } from "../tensor/index.ts";
import type { ApiFunction, EngineApi, Pointer } from "./c-api-node.ts";
import { boundResults, copyOf, type LoadSettings, loadSession, tensorOver } from "./engine-tensors-node.ts";
import type { EngineSession } from "./platform.ts";

/** Tensors up to so many bytes are made anew for each run, so the engine's ones over them are freed with the next. */
const TRANSIENT = 4096;

/**
 * Loads a graph through ONNX Runtime's C interface. Its runs read and write the caller's memory: a tensor that is both
 * fed and given as a result's place, such as a cache, is changed where it lies. A call blocks its thread.
 */
export function createSharedMemorySession(
  api: EngineApi,
  graph: { readonly bytes: Uint8Array; readonly outputs: readonly string[] },
  settings: LoadSettings,
): EngineSession {
  const session = loadSession(api, graph.bytes, settings);
  return new SharedMemorySession(api, session, graph.outputs, settings.release);
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

  constructor(api: EngineApi, session: Pointer, outputs: readonly string[], release: LoadSettings["release"]) {
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

  async settle(): Promise<void> {} // results are in the caller's memory

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
    const value = tensorOver(this.#api, tensor);
    this.#values.set(tensor, value);
    this.#released.register(tensor, value, tensor);
    return value;
  }

  /** All results: those in the caller's memory, and copies of those that the engine allocated. */
  #results(into: Readonly<Record<string, HostTensor>>): Readonly<Record<string, HostTensor>> {
    if (this.#outputs.every((name) => into[name])) return into;
    const values = boundResults(this.#api, this.#binding);
    const results: Record<string, HostTensor> = {};
    for (const [i, name] of this.#outputs.entries()) {
      const value = values[i] as Pointer;
      results[name] = into[name] ?? copyOf(this.#api, value);
      this.#api.call("ReleaseValue", value);
    }
    return results;
  }
}
