import { check, LecternError } from "../common/index.ts";
import type { CheckpointNames } from "../families/index.ts";
import type { FileSource } from "../files/index.ts";
import type { BlockForm, Checkpoint, QuantizedMatrix, StoredTensor } from "../formats/index.ts";
import { nodesOf, type Value } from "../graph/index.ts";
import type { WeightBinding, WeightLocation } from "../lowering/index.ts";
import type { AdapterPlan } from "../nn/index.ts";
import { type PassUse, type QuantizedPrecision, quantizedPart } from "../passes/index.ts";
import { elementCount, type HostTensor, toFloat32 } from "../tensor/index.ts";

/** Tensors that are fed to a session in place of weights, by the name of the graph's input. */
export type WeightFeeds = Readonly<Record<string, HostTensor>>;

/** The weights that a graph takes as inputs, so that each request may feed its own. */
export interface FedWeights {
  /** The linear layers that adapters change. */
  readonly plan?: AdapterPlan | undefined;
  /** Paths of parameters that are fed whole. */
  readonly paths: ReadonlySet<string>;
}

/** The matrices that graphs read in few bits, and the place of their parts, by parameter. */
export interface QuantizedWeights {
  readonly precision: QuantizedPrecision;
  readonly places: ReadonlyMap<string, WeightLocation>;
  /** The matrices that the checkpoint has in few bits alone. */
  readonly only?: ReadonlySet<string>;
}

/** Bytes are read some at a time. */
const PIECE = 2 ** 24;

/** The matrices that graphs read in the few bits that the checkpoint has them in, and the place of their parts. */
export interface PublishedWeights {
  /** The form of each matrix, by its parameter. */
  readonly forms: ReadonlyMap<string, BlockForm>;
  readonly places: ReadonlyMap<string, WeightLocation>;
}

interface WeightsOptions {
  readonly fed?: FedWeights;
  readonly quantized?: QuantizedWeights | undefined;
  readonly published?: PublishedWeights | undefined;
}

let versions = 0;

/** The location of each parameter of a model in its checkpoint, checked against what the model needs. Immutable. */
export class Weights {
  readonly checkpoint: Checkpoint;
  /** Different for weights that sessions bind differently. */
  readonly version = versions++;
  readonly #files: FileSource;
  readonly #names: CheckpointNames;
  readonly #fed: FedWeights;
  readonly #quantized: QuantizedWeights | undefined;
  readonly #published: PublishedWeights | undefined;

  constructor(
    files: FileSource,
    checkpoint: Checkpoint,
    names: CheckpointNames,
    { fed = { paths: new Set() }, quantized, published }: WeightsOptions = {},
  ) {
    this.#quantized = quantized;
    this.#published = published;
    this.#files = files;
    this.checkpoint = checkpoint;
    this.#names = names;
    this.#fed = fed;
  }

  /** The linear layers that adapters change, and what is fed for them. */
  get plan(): AdapterPlan | undefined {
    return this.#fed.plan;
  }

  /** The same checkpoint for graphs that take some weights as inputs. */
  withFed(fed: FedWeights): Weights {
    return this.#with({ fed });
  }

  /** The same checkpoint for graphs that read matrices in few bits. */
  withQuantized(quantized: QuantizedWeights): Weights {
    return this.#with({ quantized });
  }

  /** The same checkpoint for graphs that read matrices in the few bits that it has them in. */
  withPublished(published: PublishedWeights): Weights {
    return this.#with({ published });
  }

  /** The same weights, with the values of all parameters, or of some, in a file. */
  async expanded(paths?: Iterable<string>): Promise<Weights> {
    const names = paths && new Set(Array.from(paths, (path) => this.stored(path)));
    const checkpoint = await this.checkpoint.expand(names);
    return checkpoint === this.checkpoint ? this : this.#with({}, checkpoint);
  }

  #with(options: WeightsOptions, checkpoint: Checkpoint = this.checkpoint): Weights {
    const own = { fed: this.#fed, quantized: this.#quantized, published: this.#published };
    return new Weights(this.#files, checkpoint, this.#names, { ...own, ...options });
  }

  /** The way in which graphs of these weights are rewritten. */
  get passes(): PassUse {
    const isFed = (path: string): boolean => this.#fed.paths.has(path);
    if (this.#published) {
      const { forms, places } = this.#published;
      const formOf = (path: string): BlockForm | undefined => (isFed(path) ? undefined : forms.get(path));
      return { published: { formOf, has: (name) => places.has(name) } };
    }
    const { precision, places } = this.#quantized ?? {};
    if (!precision || !places) return {};
    const has = (name: string): boolean => places.has(name) && !quantizedPart(name)?.paths.some(isFed);
    return { quantization: { precision, has } };
  }

  /** The matrices in few bits; undefined where all are floats. */
  get quantized(): QuantizedWeights | undefined {
    return this.#quantized;
  }

  /** The number of parameters that the checkpoint holds. */
  get parameterCount(): number {
    const { checkpoint } = this;
    return checkpoint.names().reduce((sum, name) => sum + elementCount(checkpoint.info(name).shape), 0);
  }

  /** The precision that linear layers are computed in. */
  get precision(): QuantizedPrecision | "float32" {
    return this.#quantized?.precision ?? "float32";
  }

  /** True if some matrices are read in few bits, for which the engine's fast products need packed copies. */
  get isQuantized(): boolean {
    return this.#quantized !== undefined || this.#published !== undefined;
  }

  /** The checkpoint's own name of a parameter; some files leave out the family's prefix, or have another name. */
  stored(path: string): string {
    const { prefix, otherNames } = this.#names;
    const turned = (name: string): string => (name.startsWith(prefix) ? name.slice(prefix.length) : prefix + name);
    const names = [path, ...(otherNames?.(path) ?? [])];
    return [...names, ...names.map(turned)].find((name) => this.checkpoint.has(name)) ?? turned(path);
  }

  has(path: string): boolean {
    return this.checkpoint.has(this.stored(path));
  }

  shape(path: string): readonly number[] {
    return this.checkpoint.info(this.stored(path)).shape;
  }

  /** A parameter's value as float32. */
  async read(path: string): Promise<HostTensor<"float32">> {
    const { shape, dtype, data } = await this.checkpoint.read(this.stored(path));
    return { dtype: "float32", shape, data: Float32Array.from(toFloat32(dtype, data)) };
  }

  /** The bytes of a parameter as they are stored, some at a time. */
  async *bytesOf(path: string): AsyncGenerator<Uint8Array> {
    const { file, offset, byteLength: length, derived } = this.checkpoint.info(this.stored(path));
    if (derived) {
      const { buffer, byteOffset, byteLength } = (await this.checkpoint.read(this.stored(path))).data;
      return yield new Uint8Array(buffer, byteOffset, byteLength);
    }
    for (let at = 0; at < length; at += PIECE)
      yield await this.#files.readBytes(file, offset + at, Math.min(PIECE, length - at));
  }

  /** Some rows of a stored matrix as float32, `[to − from, …]`. */
  readRows(path: string, from: number, to: number): Promise<Float32Array> {
    return this.checkpoint.readRows(this.stored(path), from, to);
  }

  /** A matrix in the few bits that the checkpoint has it in; undefined for others. */
  published(path: string): QuantizedMatrix | undefined {
    return this.checkpoint.quantized(this.stored(path));
  }

  /** True if the checkpoint has matrices in few bits. */
  get hasPublished(): boolean {
    return this.checkpoint.names().some((name) => this.checkpoint.quantized(name) !== undefined);
  }

  /** The files that the checkpoint's tensors lie in, as the engine finds them. */
  files(paths: readonly string[]): string[] {
    return [...new Set(paths.map((path) => this.#fileOf(this.checkpoint.info(this.stored(path)))))];
  }

  #fileOf({ file, derived }: Pick<StoredTensor, "file" | "derived">): string {
    return derived === "written" ? file : this.#files.resolve(file);
  }

  bind(path: string): WeightBinding {
    if (this.#fed.paths.has(path)) return { kind: "input" };
    const location = this.#published?.places.get(path) ?? this.#quantized?.places.get(path);
    if (location) return { kind: "constant", location };
    if (this.#quantized?.only?.has(this.stored(path)))
      throw new LecternError(
        "unsupported",
        `${path} is stored in ${this.precision} alone, and this computation needs it in float32; use the float model that was quantized`,
      );
    const info = this.checkpoint.info(this.stored(path));
    if (info.derived === "pending") throw new Error(`${path} is bound before its values are in a file`);
    const { offset, dtype, shape } = info;
    return { kind: "constant", location: { file: this.#fileOf(info), offset, dtype, shape } };
  }

  /**
   * Fails unless the checkpoint holds the parameters of the model, in their shapes.
   * @returns the names of tensors that the model does not use and its family does not know
   */
  verify(parameters: readonly Value[]): string[] {
    const used = new Set<string>();
    for (const value of parameters) {
      if (value.source.kind !== "parameter") continue;
      const path = value.source.name;
      const name = this.stored(path);
      if (!this.checkpoint.has(name) && this.has(path.replace(/weight$/, "parametrizations.weight.original0")))
        throw new LecternError(
          "unsupported",
          `the checkpoint has ${path} as a direction and a length (weight_v and weight_g of torch's weight_norm), which is not supported; fold them with remove_weight_norm and save the model again`,
        );
      if (!this.checkpoint.has(name))
        throw new LecternError(
          "config",
          `the checkpoint lacks ${path}, which config.json asks for; check that both belong together`,
        );
      const { shape } = this.checkpoint.info(name);
      check(
        shape.join() === value.shape.join(),
        "config",
        () => `${path}: config.json asks for [${value.shape.join(", ")}], the checkpoint has [${shape.join(", ")}]`,
      );
      used.add(name);
    }
    return this.checkpoint.names().filter((name) => !used.has(name) && !this.#names.ignored.test(name));
  }
}

/** The parameters that a graph uses, each once. */
export function parametersOf(outputs: readonly Value[]): Map<string, Value> {
  const found = new Map<string, Value>();
  for (const value of [...nodesOf(outputs).flatMap((node) => node.inputs), ...outputs]) {
    if (value.source.kind === "parameter" && !found.has(value.source.name)) found.set(value.source.name, value);
  }
  return found;
}
