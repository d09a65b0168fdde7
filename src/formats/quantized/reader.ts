import { check, LecternError, shown } from "../../common/index.ts";
import { type HostTensor, toFloat32 } from "../../tensor/index.ts";
import type { Checkpoint, StoredTensor } from "../tensor-files.ts";
import type { Grid } from "./grid.ts";
import type { BlockForm } from "./matrix.ts";
import type { Quantization } from "./settings.ts";

/** A quantized layer that was found in a checkpoint. */
export interface Layer {
  /** `model.layers.0.mlp.up_proj` */
  readonly path: string;
  readonly sizes: readonly [outSize: number, inSize: number];
  /** The tensors that its weight is made of; they are no parameters of the model. */
  readonly parts: readonly string[];
  /** Its levels, where the form is exact; else its values. */
  readonly content:
    | { readonly form: BlockForm | undefined; grid(): Promise<Grid> }
    | { values(): Promise<Float32Array> };
}

/** Reads the parts of quantized layers, and says which one is missing or of another shape. */
export class PartReader {
  readonly #stored: Checkpoint;
  readonly quantization: Quantization;

  constructor(stored: Checkpoint, quantization: Quantization) {
    this.#stored = stored;
    this.quantization = quantization;
  }

  /** The names of all stored tensors. */
  names(): string[] {
    return this.#stored.names();
  }

  /** The paths of layers that have a part of that ending. */
  pathsWith(ending: string): string[] {
    return this.#stored
      .names()
      .filter((name) => name.endsWith(ending))
      .map((name) => name.slice(0, -ending.length));
  }

  /** Those of a layer's parts that are there. */
  present(path: string, endings: readonly string[]): string[] {
    return endings.map((ending) => path + ending).filter((name) => this.#stored.has(name));
  }

  has(name: string): boolean {
    return this.#stored.has(name);
  }

  /** A part that must be there. */
  info(name: string): StoredTensor {
    if (!this.#stored.has(name)) throw this.refused(`tensor ${name} is missing, which its layer needs`);
    return this.#stored.info(name);
  }

  /** A part's shape, of so many axes. */
  matrix(name: string): readonly [rows: number, columns: number] {
    const { shape } = this.info(name);
    if (shape.length !== 2) throw this.refused(`${name}: expected a matrix; got [${shape.join(", ")}]`);
    return shape as readonly [number, number];
  }

  /** Refuses a part of another shape, or with another dtype. */
  expect(name: string, shape: readonly number[], ...dtypes: HostTensor["dtype"][]): void {
    const own = this.info(name);
    const fits = own.shape.join() === shape.join() && (dtypes.length === 0 || dtypes.includes(own.dtype));
    const kind = dtypes.length === 0 ? "" : `${dtypes.join(" or ")} `;
    if (!fits)
      throw this.refused(`${name}: expected ${kind}[${shape.join(", ")}]; got ${own.dtype} [${own.shape.join(", ")}]`);
  }

  async floats(name: string): Promise<Float32Array> {
    this.info(name);
    const { dtype, data } = await this.#stored.read(name);
    return toFloat32(dtype, data);
  }

  /** Some entries of a part's first axis, as floats. */
  rows(name: string, from: number, to: number): Promise<Float32Array> {
    this.info(name);
    return this.#stored.readRows(name, from, to);
  }

  /** The bytes of a part. */
  async bytes(name: string): Promise<Uint8Array> {
    this.info(name);
    const { data } = await this.#stored.read(name);
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }

  /** 32-bit words, as unsigned numbers. */
  async words(name: string): Promise<Uint32Array> {
    const { buffer, byteOffset, byteLength } = await this.bytes(name);
    return new Uint32Array(buffer, byteOffset, byteLength / 4);
  }

  /** A whole number of the settings, one of some. */
  oneOf<N>(key: string, value: unknown, allowed: readonly N[]): N {
    const found = allowed.find((own) => own === value);
    if (found === undefined)
      throw this.refused(
        `${key} ${shown(value)} is not read; read are ${allowed.map((own) => String(own)).join(", ")}`,
      );
    return found;
  }

  /** The size of groups along the inputs; −1, none, or more than there are inputs: one group. */
  group(value: unknown, inSize: number, path: string): number {
    if (value === -1 || value === null || value === undefined || Number(value) > inSize) return inSize;
    check(
      typeof value === "number" && Number.isInteger(value) && value > 0 && inSize % value === 0,
      "config",
      () => this.refused(`group_size ${shown(value)} does not divide the ${inSize} inputs of ${path}`).message,
    );
    return value as number;
  }

  refused(what: string): LecternError {
    const { location, method } = this.quantization;
    return new LecternError("unsupported", `${location} (${method}): ${what}`);
  }
}
