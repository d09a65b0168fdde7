import { check, LecternError, suggestion } from "../common/index.ts";
import { type LoadOptions, loadModel, type Model } from "../inference/index.ts";
import { ApiError } from "./errors.ts";
import type { LogEntry, ServedModel } from "./options.ts";

/** A model in use by one request; release it once. */
export interface ModelLease {
  readonly name: string;
  readonly model: Model;
  /** The adapter of the request; null: none. */
  readonly adapter: string | null;
  release(): void;
}

interface Entry {
  readonly served: ServedModel;
  loading: Promise<Model> | undefined;
  model: Model | undefined;
  users: number;
  lastUsed: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** The state of an offered name. */
export interface ModelState {
  readonly name: string;
  readonly isLoaded: boolean;
  /** The base of an adapter. */
  readonly parent: string | undefined;
}

interface PoolOptions {
  readonly modelBytes: number;
  readonly idleSeconds: number;
  readonly load: LoadOptions;
  readonly onLog: (entry: LogEntry) => void;
}

const bytesOfWeight = { float32: 4, int8: 1, int4: 0.5, published: 1 } as const;

/** The memory that a model's weights take, in bytes, by its precision. */
function weightBytes(model: Model): number {
  return model.parameterCount * bytesOfWeight[model.precision];
}

/** The models of a server: loaded on first request, kept while memory and time allow. */
export class ModelPool {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #options: PoolOptions;
  readonly #created = Math.floor(Date.now() / 1000);

  constructor(models: readonly ServedModel[], options: PoolOptions) {
    const entries = new Map<string, Entry>();
    for (const served of models) {
      check(
        !entries.has(served.name),
        "usage",
        () => `serve: two models are called ${served.name}: give them other names`,
      );
      entries.set(served.name, {
        served,
        loading: undefined,
        model: undefined,
        users: 0,
        lastUsed: 0,
        timer: undefined,
      });
    }
    this.#entries = entries;
    this.#options = options;
  }

  /** When the server began to offer its models, in seconds since 1970. */
  get created(): number {
    return this.#created;
  }

  /** Every name that a request may give: models, and `model:adapter`. */
  states(): ModelState[] {
    return [...this.#entries.values()].flatMap(({ served, model }) => [
      { name: served.name, isLoaded: model !== undefined, parent: undefined },
      ...Object.keys(served.adapters ?? {}).map((adapter) => ({
        name: `${served.name}:${adapter}`,
        isLoaded: model !== undefined,
        parent: served.name,
      })),
    ]);
  }

  /** The first model, which answers where a request may leave the name out. */
  get first(): string {
    return [...this.#entries.keys()][0] as string;
  }

  /** True once every pinned model is loaded. */
  get isReady(): boolean {
    return [...this.#entries.values()].every(({ served, model }) => !served.pinned || model !== undefined);
  }

  /** The locations of loaded models with the names that stand for them. */
  get places(): ReadonlyMap<string, string> {
    return new Map(
      [...this.#entries.values()].flatMap(({ served, model }) =>
        model ? [[model.location, served.name] as const] : [],
      ),
    );
  }

  /** Loads the pinned models. */
  async loadPinned(): Promise<void> {
    for (const { served } of this.#entries.values()) if (served.pinned) (await this.lease(served.name)).release();
  }

  /**
   * A model for one request, loaded if need be.
   *
   * @throws ApiError 404 for a name that is not offered, 503 for a model that cannot be loaded
   */
  async lease(name: string): Promise<ModelLease> {
    const { entry, adapter } = this.#find(name);
    entry.users++;
    clearTimeout(entry.timer);
    try {
      const model = await this.#loaded(entry);
      let isHeld = true;
      const release = (): void => {
        if (isHeld) this.#leave(entry);
        isHeld = false;
      };
      return { name, model, adapter, release };
    } catch (error) {
      this.#leave(entry);
      throw error;
    }
  }

  /** Throws 404 for a name that is not offered. */
  check(name: string): void {
    this.#find(name);
  }

  /** Unloads a model; one that requests use is refused. */
  async unload(name: string): Promise<void> {
    const { entry } = this.#find(name);
    if (entry.users > 0)
      throw new ApiError(409, `${name} answers ${entry.users} requests: unload it when they are done`, {
        code: "model_in_use",
      });
    await this.#dispose(entry);
  }

  async dispose(): Promise<void> {
    for (const entry of this.#entries.values()) {
      await entry.loading?.catch(() => {});
      await this.#dispose(entry);
    }
  }

  #find(name: string): { readonly entry: Entry; readonly adapter: string | null } {
    const own = this.#entries.get(name);
    if (own) return { entry: own, adapter: null };
    const at = name.lastIndexOf(":");
    const base = this.#entries.get(name.slice(0, Math.max(0, at)));
    const adapter = name.slice(at + 1);
    if (base && Object.hasOwn(base.served.adapters ?? {}, adapter)) return { entry: base, adapter };
    const known = this.states().map((state) => state.name);
    const list = known.length > 0 ? `this server has ${known.join(", ")}` : "this server has none";
    const hint = suggestion(name, known);
    throw new ApiError(
      404,
      `there is no model ${JSON.stringify(name.slice(0, 200))}; ${list}${hint.startsWith("; did") ? hint : ""}`,
      {
        param: "model",
        code: "model_not_found",
      },
    );
  }

  #leave(entry: Entry): void {
    entry.users--;
    entry.lastUsed = performance.now();
    const { idleSeconds } = this.#options;
    if (entry.users > 0 || entry.served.pinned || !Number.isFinite(idleSeconds)) return;
    entry.timer = setTimeout(() => void this.#disposeIdle(entry), 1000 * idleSeconds);
    entry.timer.unref();
  }

  async #disposeIdle(entry: Entry): Promise<void> {
    if (entry.users === 0) await this.#dispose(entry);
  }

  #loaded(entry: Entry): Promise<Model> {
    entry.loading ??= this.#load(entry).catch((error: unknown) => {
      entry.loading = undefined; // the next request tries again
      throw error;
    });
    return entry.loading;
  }

  async #load(entry: Entry): Promise<Model> {
    const { served } = entry;
    const { onLog, load } = this.#options;
    const began = performance.now();
    let model: Model | undefined;
    try {
      model = await loadModel(served.location, { ...load, ...served.load });
      for (const [name, location] of Object.entries(served.adapters ?? {})) await model.addAdapter(name, location);
      await model.useAdapter(undefined);
    } catch (error) {
      await model?.dispose();
      const reason = error instanceof LecternError ? error.message : String(error);
      onLog({ level: "error", event: "model_failed", model: served.name, reason });
      throw new ApiError(503, `the model ${served.name} cannot be loaded; the server's log has the reason`, {
        param: "model",
        code: "model_failed",
      });
    }
    entry.model = model;
    const ms = Math.round(performance.now() - began);
    onLog({ level: "info", event: "model_loaded", model: served.name, ms, bytes: weightBytes(model) });
    await this.#makeRoom(entry);
    return model;
  }

  /** Unloads models that nobody uses, the least recently used first, until the rest is within the bound. */
  async #makeRoom(kept: Entry): Promise<void> {
    const loaded = [...this.#entries.values()].filter(({ model }) => model !== undefined);
    let bytes = loaded.reduce((sum, { model }) => sum + (model ? weightBytes(model) : 0), 0);
    const idle = loaded.filter((entry) => entry !== kept && entry.users === 0 && !entry.served.pinned);
    for (const entry of idle.sort((a, b) => a.lastUsed - b.lastUsed)) {
      if (bytes <= this.#options.modelBytes) return;
      bytes -= entry.model ? weightBytes(entry.model) : 0;
      await this.#dispose(entry);
    }
  }

  async #dispose(entry: Entry): Promise<void> {
    const { model, served } = entry;
    if (!model) return;
    clearTimeout(entry.timer);
    entry.model = undefined;
    entry.loading = undefined;
    await model.dispose();
    this.#options.onLog({ level: "info", event: "model_unloaded", model: served.name });
  }
}
