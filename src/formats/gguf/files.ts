import { check, LecternError, ownEntry } from "../../common/index.ts";
import type { FileSource } from "../../files/index.ts";
import { elementCount } from "../../tensor/index.ts";
import { type Checkpoint, TensorFiles } from "../tensor-files.ts";
import { architectureOf } from "./architectures.ts";
import { configOf, type GgufSource, sizesOf } from "./config.ts";
import { type GgufHeader, readGgufHeader } from "./header.ts";
import { GgufMetadata } from "./metadata.ts";
import { joinParts, partNames } from "./parts.ts";
import { planTensors } from "./plans.ts";
import { poolingFiles } from "./pooling.ts";
import { samplingConfig } from "./sampling.ts";
import { tensorOf } from "./tensors.ts";
import { type GgufTokenizer, tokenizerOf } from "./tokenizer.ts";

/** A GGUF file that reads like a Hugging Face directory: its JSON files are made from the metadata. */
export class GgufFiles implements FileSource {
  readonly location: string;
  readonly #inner: FileSource;
  readonly #name: string;
  readonly #header: GgufHeader;
  readonly #metadata: GgufMetadata;
  readonly #made = new Map<string, Promise<string>>();
  /** The file's own name, and those of its other parts. */
  readonly #parts: ReadonlySet<string>;

  private constructor(inner: FileSource, name: string, header: GgufHeader, parts: readonly string[]) {
    this.#inner = inner;
    this.#parts = new Set(parts);
    this.#name = name;
    this.#header = header;
    this.#metadata = new GgufMetadata(name, header.metadata);
    this.location = `${inner.location.replace(/[/\\]$/, "")}/${name}`;
  }

  /** Opens a file; of a split model, the first part stands for all. */
  static async open(inner: FileSource, name: string): Promise<GgufFiles> {
    const header = await readGgufHeader(inner, name);
    const parts = await partNames(inner, name, new GgufMetadata(name, header.metadata));
    const whole = parts.length > 1 ? await joinParts(inner, parts, header) : header;
    return new GgufFiles(inner, name, whole, parts);
  }

  async list(): Promise<readonly string[]> {
    return Object.keys(this.#writers);
  }

  async has(name: string): Promise<boolean> {
    return this.#parts.has(name) || Object.hasOwn(this.#writers, name);
  }

  async size(name: string): Promise<number> {
    if (this.#parts.has(name)) return this.#inner.size(name);
    return new TextEncoder().encode(await this.readText(name)).length;
  }

  readText(name: string): Promise<string> {
    const write = ownEntry(this.#writers, name);
    if (!write) throw new LecternError("file", `${this.location} has no file ${name}`);
    const made = this.#made.get(name) ?? write();
    this.#made.set(name, made);
    return made;
  }

  async readBytes(name: string, start = 0, length?: number): Promise<Uint8Array> {
    if (this.#parts.has(name)) return this.#inner.readBytes(name, start, length);
    const bytes = new TextEncoder().encode(await this.readText(name));
    return bytes.slice(start, length === undefined ? undefined : start + length);
  }

  resolve(name: string): string {
    return this.#inner.resolve(name);
  }

  /** The tensors by their Hugging Face names; those that have to be changed are pending. */
  async openCheckpoint(): Promise<Checkpoint> {
    const source = this.#source();
    const setting = (key: string): number => this.#metadata.number(`${source.name}.${key}`);
    const plans = planTensors({ ...source, ...sizesOf(source), setting });
    const place = { files: this.#inner, name: this.#name };
    return new TensorFiles(this.#inner, new Map([...plans].map(([path, plan]) => [path, tensorOf(place, plan)])));
  }

  get #writers(): Readonly<Record<string, () => Promise<string>>> {
    return {
      "config.json": async () => JSON.stringify(await this.#config(), null, 2),
      "generation_config.json": async () => {
        const { bos_token_id, pad_token_id } = await this.#config();
        const { endTokens } = this.#tokenizer();
        const eos_token_id = endTokens.length > 1 ? endTokens : endTokens[0];
        const sampling = samplingConfig(this.#metadata);
        return JSON.stringify({ bos_token_id, eos_token_id, pad_token_id, ...sampling }, null, 2);
      },
      "tokenizer.json": async () => JSON.stringify(this.#tokenizer().json),
      "tokenizer_config.json": async () => JSON.stringify(this.#tokenizer().config, null, 2),
      ...poolingFiles(this.#metadata),
    };
  }

  #tokenizer(): GgufTokenizer {
    return tokenizerOf(this.#name, this.#metadata);
  }

  #config(): Promise<Record<string, unknown>> {
    return configOf(this.#source());
  }

  #source(): GgufSource {
    return {
      file: this.#name,
      name: this.#metadata.string("general.architecture"),
      architecture: architectureOf(this.#name, this.#header),
      header: this.#header,
      metadata: this.#metadata,
      read: (tensor) => this.#readFloats(tensor),
    };
  }

  /** A small tensor of the file that stands for settings. */
  async #readFloats(name: string): Promise<readonly number[]> {
    const tensor = this.#header.tensors.get(name);
    check(
      tensor && tensor.type.form === "float32",
      "file",
      () => `${this.#name}: ${name} must be there, in F32; it is ${tensor?.type.name ?? "missing"}`,
    );
    const bytes = await this.#inner.readBytes(tensor.file ?? this.#name, tensor.offset, tensor.byteLength);
    return Array.from(new Float32Array(bytes.buffer, bytes.byteOffset, elementCount(tensor.shape)));
  }
}
