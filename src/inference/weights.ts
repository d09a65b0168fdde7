import { check, LecternError } from "../common/index.ts";
import type { CheckpointNames } from "../families/index.ts";
import type { FileSource } from "../files/index.ts";
import type { Checkpoint } from "../formats/index.ts";
import { nodesOf, type Value } from "../graph/index.ts";
import type { WeightBinding, WeightLocation } from "../lowering/index.ts";
import type { AdapterPlan } from "../nn/index.ts";
import { type PassUse, type QuantizedPrecision, quantizedPart } from "../passes/index.ts";
import {
  byteLength,
  elementCount,
  type HostTensor,
  type TypedArrays,
  toFloat32,
  typedArrays,
} from "../tensor/index.ts";

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

  constructor(
    files: FileSource,
    checkpoint: Checkpoint,
    names: CheckpointNames,
    { fed = { paths: new Set() }, quantized }: { fed?: FedWeights; quantized?: QuantizedWeights | undefined } = {},
  ) {
    this.#quantized = quantized;
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
    return new Weights(this.#files, this.checkpoint, this.#names, { fed, quantized: this.#quantized });
  }

  /** The same checkpoint for graphs that read matrices in few bits. */
  withQuantized(quantized: QuantizedWeights): Weights {
    return new Weights(this.#files, this.checkpoint, this.#names, { fed: this.#fed, quantized });
  }

  /** The way in which graphs of these weights are rewritten. */
  get passes(): PassUse {
    const { precision, places } = this.#quantized ?? {};
    if (!precision || !places) return {};
    const isFed = (path: string): boolean => this.#fed.paths.has(path);
    const has = (name: string): boolean => places.has(name) && !quantizedPart(name)?.paths.some(isFed);
    return { quantization: { precision, has } };
  }

  /** The matrices in few bits; undefined where all are floats. */
  get quantized(): QuantizedWeights | undefined {
    return this.#quantized;
  }

  /** The precision that linear layers are computed in. */
  get precision(): QuantizedPrecision | "float32" {
    return this.#quantized?.precision ?? "float32";
  }

  /** True if some matrices are read in few bits, for which the engine's fast products need packed copies. */
  get isQuantized(): boolean {
    return this.#quantized !== undefined;
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
    const { file, offset, byteLength: length } = this.checkpoint.info(this.stored(path));
    for (let at = 0; at < length; at += PIECE)
      yield await this.#files.readBytes(file, offset + at, Math.min(PIECE, length - at));
  }

  /** Some rows of a stored matrix as float32, `[to − from, …]`. */
  async readRows(path: string, from: number, to: number): Promise<Float32Array> {
    const { file, offset, dtype, shape } = this.checkpoint.info(this.stored(path));
    const size = byteLength(dtype, elementCount(shape.slice(1)));
    const bytes = await this.#files.readBytes(file, offset + from * size, (to - from) * size);
    return toFloat32(dtype, new typedArrays[dtype](bytes.buffer) as TypedArrays[typeof dtype]);
  }

  /** The files that the checkpoint's tensors lie in, as the engine finds them. */
  files(paths: readonly string[]): string[] {
    return [...new Set(paths.map((path) => this.checkpoint.info(this.stored(path)).file))].map((file) =>
      this.#files.resolve(file),
    );
  }

  bind(path: string): WeightBinding {
    if (this.#fed.paths.has(path)) return { kind: "input" };
    const location = this.#quantized?.places.get(path);
    if (location) return { kind: "constant", location };
    if (this.#quantized?.only?.has(this.stored(path)))
      throw new LecternError(
        "unsupported",
        `${path} is stored in ${this.precision} alone, and this computation needs it in float32; use the float model that was quantized`,
      );
    const { file, offset, dtype, shape } = this.checkpoint.info(this.stored(path));
    return { kind: "constant", location: { file: this.#files.resolve(file), offset, dtype, shape } };
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
