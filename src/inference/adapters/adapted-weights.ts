import { check } from "../../common/index.ts";
import type { Architecture } from "../../families/index.ts";
import { type AdapterPlan, fedNames } from "../../nn/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { changedTable, changedTables } from "../embedding-adapter.ts";
import type { WeightFeeds, Weights } from "../weights.ts";
import { type Adapter, changes, movedWeight, product } from "./adapters.ts";

type Feeds = Record<string, HostTensor<"float32">>;

/**
 * A model's weights with the adapters that were added to it. The layers that any of them changes are inputs of every
 * graph, so requests with different adapters run on the same sessions and feed different arrays. Immutable: adding an
 * adapter makes another one, and requests that run keep theirs.
 */
export class AdaptedWeights {
  /** As sessions bind them. */
  readonly weights: Weights;
  readonly #base: Weights;
  readonly #architecture: Architecture;
  readonly #adapters: ReadonlyMap<string, Adapter>;
  readonly #feeds = new Map<string | undefined, Promise<WeightFeeds>>();

  constructor(base: Weights, architecture: Architecture, adapters: ReadonlyMap<string, Adapter> = new Map()) {
    this.#base = base;
    this.#architecture = architecture;
    this.#adapters = adapters;
    this.weights = adapters.size === 0 ? base : base.withFed({ plan: planOf(adapters), paths: fedPaths(adapters) });
  }

  /** The same weights with one more adapter, or with another one under a name that was taken. */
  with(name: string, adapter: Adapter): AdaptedWeights {
    return new AdaptedWeights(this.#base, this.#architecture, new Map([...this.#adapters, [name, adapter]]));
  }

  /**
   * The inputs that a request with this adapter feeds.
   *
   * @param name undefined: no adapter
   * @throws LecternError with code `usage` where no adapter of this name was added
   */
  async feeds(name: string | undefined): Promise<WeightFeeds> {
    check(
      name === undefined || this.#adapters.has(name),
      "usage",
      () => `there is no adapter ${name}; loaded: ${[...this.#adapters.keys()].join(", ") || "none"}`,
    );
    const known = this.#feeds.get(name);
    if (known) return known;
    const made = this.#make(name);
    this.#feeds.set(name, made);
    made.catch(() => this.#feeds.delete(name));
    return made;
  }

  async #make(name: string | undefined): Promise<WeightFeeds> {
    const feeds: Feeds = {};
    const adapter = name === undefined ? undefined : this.#adapters.get(name);
    for (const other of this.#adapters.values()) await this.#rest(other, feeds);
    if (adapter) await this.#change(adapter, feeds);
    return feeds;
  }

  /** Feeds the layers of an adapter as the base has them. */
  async #rest(adapter: Adapter, feeds: Feeds): Promise<void> {
    for (const { path, down, up } of changes(adapter)) {
      const names = fedNames(path);
      const [inSize, outSize] = [down.shape[1] as number, up.shape[0] as number];
      feeds[names.down] = { dtype: "float32", shape: [0, inSize], data: new Float32Array(0) };
      feeds[names.up] = { dtype: "float32", shape: [outSize, 0], data: new Float32Array(0) };
      feeds[names.factor] = { dtype: "float32", shape: [outSize], data: new Float32Array(outSize).fill(1) };
    }
    for (const path of wholePaths(adapter)) feeds[path] = await this.#baseOf(path, adapter);
    for (const table of changedTables(adapter)) feeds[`${table}.weight`] = await this.#base.read(`${table}.weight`);
  }

  /** A parameter as the base has it, or, where it has none, as a new head, the adapter's own. */
  async #baseOf(path: string, { parameters }: Adapter): Promise<HostTensor<"float32">> {
    const own = parameters[path] as HostTensor<"float32">;
    const isSame = this.#base.has(path) && this.#base.shape(path).join() === own.shape.join();
    return isSame ? this.#base.read(path) : own;
  }

  /** Feeds the layers of an adapter as it changes them. */
  async #change(adapter: Adapter, feeds: Feeds): Promise<void> {
    const isTransposed = this.#architecture.family.checkpoint.linearLayout === "in-out";
    for (const { path, down, up, magnitude, scale, weight } of changes(adapter)) {
      const names = fedNames(path);
      feeds[names.down] = down;
      feeds[names.up] = { ...up, data: up.data.map((x) => x * scale) };
      if (!magnitude) continue;
      const own = weight ?? (await this.#base.read(`${path}.weight`));
      const { lengths } = movedWeight(own, product(down, up, scale), isTransposed);
      feeds[names.factor] = { ...magnitude, data: magnitude.data.map((m, o) => m / (lengths[o] as number)) };
    }
    for (const path of wholePaths(adapter)) feeds[path] = adapter.parameters[path] as HostTensor<"float32">;
    for (const table of changedTables(adapter)) {
      const own = adapter.parameters[`${table}.weight`] ?? (await this.#base.read(`${table}.weight`));
      feeds[`${table}.weight`] = changedTable(adapter, table, own);
    }
  }
}

/** The parameters that an adapter holds whole. */
function wholePaths({ parameters }: Adapter): string[] {
  return Object.keys(parameters).filter((path) => !/\.lora_/.test(path));
}

function planOf(adapters: ReadonlyMap<string, Adapter>): AdapterPlan {
  const paths = new Map<string, boolean>();
  for (const adapter of adapters.values())
    for (const { path, magnitude } of changes(adapter))
      paths.set(path, (paths.get(path) ?? false) || magnitude !== undefined);
  return (path) => (paths.has(path) ? { kind: "fed", hasFactor: paths.get(path) as boolean } : undefined);
}

function fedPaths(adapters: ReadonlyMap<string, Adapter>): Set<string> {
  const paths = [...adapters.values()].flatMap((adapter) => [
    ...wholePaths(adapter),
    ...changedTables(adapter).map((table) => `${table}.weight`),
  ]);
  return new Set(paths);
}
