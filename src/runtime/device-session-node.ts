import type { HostTensor } from "../tensor/index.ts";
import type { EngineApi, Pointer } from "./c-api-node.ts";
import { boundResults, copyOf, type LoadSettings, loadSession, tensorOver } from "./engine-tensors-node.ts";
import type { EngineSession } from "./platform.ts";

/** The engine's name of memory on the device. */
const DEVICE_MEMORY = "WebGPU_Buffer";
/** Arguments of `CreateMemoryInfo`: OrtDeviceAllocator, the first device, OrtMemTypeDefault. */
const DEVICE_PLACE = [0, 0, 0] as const;

/** A tensor's memory, by which it is known on the device. */
type Memory = HostTensor["data"];

/**
 * Loads a graph that the device computes. Results that are given a place, such as a cache, stay on the device and are
 * read there by the next run that is fed the same memory; all others are copied to the caller.
 */
export function createDeviceSession(
  api: EngineApi,
  graph: { readonly bytes: Uint8Array; readonly outputs: readonly string[] },
  settings: LoadSettings,
): EngineSession {
  return new DeviceSession(api, loadSession(api, graph.bytes, settings), graph.outputs, settings.release);
}

class DeviceSession implements EngineSession {
  readonly #api: EngineApi;
  readonly #session: Pointer;
  readonly #outputs: readonly string[];
  readonly #memory: Pointer;
  readonly #binding: Pointer;
  /** The engine's tensors on the device that stand for the caller's memory. */
  #kept = new WeakMap<Memory, Pointer>();
  /** The same tensors, each with the token of its finalizer: an address that is freed may come again. */
  readonly #finalizers = new Map<Pointer, object>();
  readonly #released: FinalizationRegistry<Pointer>;

  constructor(api: EngineApi, session: Pointer, outputs: readonly string[], release: LoadSettings["release"]) {
    this.#api = api;
    this.#session = session;
    this.#outputs = outputs;
    this.#memory = api.create("CreateMemoryInfo", DEVICE_MEMORY, ...DEVICE_PLACE);
    this.#binding = api.create("CreateIoBinding", session);
    this.#released = new FinalizationRegistry((value) => release(() => this.#free(value)));
  }

  async run(
    feeds: Readonly<Record<string, HostTensor>>,
    into: Readonly<Record<string, HostTensor>> = {},
  ): Promise<Record<string, HostTensor>> {
    const fed: Pointer[] = [];
    try {
      for (const [name, tensor] of Object.entries(feeds)) {
        const kept = this.#kept.get(tensor.data);
        if (kept === undefined) fed.push(tensorOver(this.#api, tensor));
        this.#api.call("BindInput", this.#binding, name, kept ?? (fed.at(-1) as Pointer));
      }
      for (const name of this.#outputs)
        this.#api.call("BindOutputToDevice", this.#binding, name, into[name] ? this.#memory : this.#api.memory);
      this.#api.call("RunWithBinding", this.#session, null, this.#binding);
      return this.#results(into);
    } finally {
      this.#api.call("ClearBoundInputs", this.#binding);
      this.#api.call("ClearBoundOutputs", this.#binding);
      for (const value of fed) this.#api.call("ReleaseValue", value);
    }
  }

  async settle(tensors: readonly HostTensor[]): Promise<void> {
    const kept = tensors.filter(({ data }) => this.#kept.has(data));
    if (kept.length === 0) return;
    const sources = kept.map(({ data }) => this.#kept.get(data) as Pointer);
    const targets = kept.map((tensor) => tensorOver(this.#api, tensor));
    try {
      this.#api.call("CopyTensors", this.#api.environment, sources, targets, null, kept.length);
    } finally {
      for (const value of targets) this.#api.call("ReleaseValue", value);
    }
    for (const { data } of kept) this.#drop(data);
  }

  forget(): void {
    for (const value of this.#finalizers.keys()) this.#free(value);
    this.#kept = new WeakMap();
  }

  async dispose(): Promise<void> {
    this.forget();
    this.#api.call("ReleaseIoBinding", this.#binding);
    this.#api.call("ReleaseMemoryInfo", this.#memory);
    this.#api.call("ReleaseSession", this.#session);
  }

  /** All results: copies, and, where they have a place, that place, for which the device's tensor stands from now on. */
  #results(into: Readonly<Record<string, HostTensor>>): Record<string, HostTensor> {
    const values = boundResults(this.#api, this.#binding);
    const results: Record<string, HostTensor> = {};
    for (const [i, name] of this.#outputs.entries()) {
      const [value, place] = [values[i] as Pointer, into[name]];
      results[name] = place ?? copyOf(this.#api, value);
      if (place) this.#keep(place.data, value);
      else this.#api.call("ReleaseValue", value);
    }
    return results;
  }

  #keep(memory: Memory, value: Pointer): void {
    this.#drop(memory);
    const token = {};
    this.#kept.set(memory, value);
    this.#finalizers.set(value, token);
    this.#released.register(memory, value, token);
  }

  #drop(memory: Memory): void {
    const value = this.#kept.get(memory);
    if (value === undefined) return;
    this.#kept.delete(memory);
    this.#free(value);
  }

  #free(value: Pointer): void {
    const token = this.#finalizers.get(value);
    if (token === undefined) return;
    this.#finalizers.delete(value);
    this.#released.unregister(token);
    this.#api.call("ReleaseValue", value);
  }
}
