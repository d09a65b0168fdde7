import { check, isObject, LecternError, shown } from "../common/index.ts";

/**
 * The most that a count of things may be that are made one by one before the weights are looked at. Where the
 * checkpoint's tensors are known, there are also no more layers or experts than tensors, but for the layers of small
 * files, since those may share their weights.
 */
const MOST_PARTS = 4096;
const MOST_SHARED = 128;
const PARTS =
  /^(num_(hidden_layers|layers|decoder_layers|experts|local_experts)|n_layers?|(encoder|decoder)_layers|num_hidden_groups|inner_group_num|conv_kernel_size|conv_groups)$/;

/** The widest that one layer may be: its vectors are made before the weights are looked at. */
const MOST_WIDTH = 2 ** 24;
const WIDTHS =
  /^(hidden_size|n_embd|d_model|dim|hidden_dim|n_inner|d_ff|d_kv|head_dim|embedding_size|(moe_)?intermediate_size|(encoder|decoder)_ffn_dim)$/;

/** Reads the fields of a `config.json` with their types checked; every failure names the field. */
export class ConfigReader {
  /** The fields of the file. */
  readonly json: Readonly<Record<string, unknown>>;

  readonly #tensors: readonly string[];

  /** @param tensors the names of the checkpoint's tensors, where one is at hand */
  constructor(json: Readonly<Record<string, unknown>>, tensors: readonly string[] = []) {
    this.json = json;
    this.#tensors = tensors;
  }

  /** True if the checkpoint has a tensor of such a name. */
  hasTensor(name: RegExp): boolean {
    return this.#tensors.some((tensor) => name.test(tensor));
  }

  /** A reader of the same file in which some fields go by other names. */
  renamed(names: Readonly<Record<string, string>>): ConfigReader {
    const entries = Object.entries(this.json).map(
      ([key, value]) => [Object.hasOwn(names, key) ? (names[key] as string) : key, value] as const,
    );
    return new ConfigReader(Object.fromEntries(entries), this.#tensors);
  }

  /**
   * A reader of the same file in which fields may also go by their common names, as `hidden_size` for `d_model`; where
   * a file has both, the common name counts, as in transformers.
   */
  withCommonNames(names: Readonly<Record<string, string>>): ConfigReader {
    const said = Object.entries(names).filter(([, common]) => this.json[common] !== undefined);
    return this.withValues(Object.fromEntries(said.map(([own, common]) => [own, this.json[common]])));
  }

  /** A reader of the same file in which fields have these values, whatever it says. */
  withValues(values: Readonly<Record<string, unknown>>): ConfigReader {
    return new ConfigReader({ ...this.json, ...values }, this.#tensors);
  }

  /** A reader of the same file in which absent fields have other values. */
  withDefaults(defaults: Readonly<Record<string, unknown>>): ConfigReader {
    return new ConfigReader({ ...defaults, ...this.json }, this.#tensors);
  }

  /** A whole number from zero. */
  count(key: string, fallback: number): number {
    return (this.json[key] ?? fallback) === 0 ? 0 : this.size(key, fallback);
  }

  /** A whole number above zero; of layers, experts and widths only so many, see above. */
  size(key: string, fallback?: number): number {
    const value = this.json[key] ?? fallback;
    const fits = typeof value === "number" && Number.isSafeInteger(value) && value > 0 && value < 2 ** 31;
    check(fits, "config", () => this.#wrong(key, "a whole number above 0", value));
    const most = this.#most(key);
    check(value <= most, "config", () => this.#wrong(key, `at most ${most}`, value));
    return value;
  }

  #most(key: string): number {
    if (WIDTHS.test(key)) return MOST_WIDTH;
    if (!PARTS.test(key)) return 2 ** 31;
    return this.#tensors.length === 0 ? MOST_PARTS : Math.min(MOST_PARTS, Math.max(MOST_SHARED, this.#tensors.length));
  }

  /** A finite number. */
  number(key: string, fallback?: number): number {
    const value = this.json[key] ?? fallback;
    const fits = typeof value === "number" && Number.isFinite(value);
    check(fits, "config", () => this.#wrong(key, "a number", value));
    return value as number;
  }

  /** A token id; undefined where the file has none or null. */
  tokenId(key: string, fallback?: number): number | undefined {
    const value = this.json[key] === undefined ? fallback : (this.json[key] ?? undefined);
    const isWithoutPadding = key === "pad_token_id" && value === -1; // as the first LLaMA's, and as in torch
    check(
      value === undefined || isWithoutPadding || (Number.isSafeInteger(value) && (value as number) >= 0),
      "config",
      () => this.#wrong(key, "a token id or null", value),
    );
    return value as number | undefined;
  }

  /** True or false. */
  boolean(key: string, fallback: boolean): boolean {
    const value = this.json[key] ?? fallback;
    check(typeof value === "boolean", "config", () => this.#wrong(key, "true or false", value));
    return value;
  }

  /** A text. */
  string(key: string, fallback: string): string {
    const value = this.json[key] ?? fallback;
    check(typeof value === "string", "config", () => this.#wrong(key, "a text", value));
    return value;
  }

  /** A list of texts; undefined where the file has none or null. */
  strings(key: string): readonly string[] | undefined {
    const value = this.json[key] ?? undefined;
    const fits = value === undefined || (Array.isArray(value) && value.every((item) => typeof item === "string"));
    check(fits, "config", () => this.#wrong(key, "a list of texts", value));
    return value as readonly string[] | undefined;
  }

  /** A list of numbers; undefined where the file has none or null. */
  numbers(key: string): readonly number[] | undefined {
    const value = this.json[key] ?? undefined;
    const fits = value === undefined || (Array.isArray(value) && value.every((item) => Number.isFinite(item)));
    check(fits, "config", () => this.#wrong(key, "a list of numbers", value));
    return value as readonly number[] | undefined;
  }

  /** An object of entries; undefined where the file has none or null. */
  object(key: string): Readonly<Record<string, unknown>> | undefined {
    const value = this.json[key] ?? undefined;
    check(value === undefined || isObject(value), "config", () => this.#wrong(key, "an object", value));
    return value;
  }

  /** The class of the model that the file names first; undefined where it names none. */
  architecture(): string | undefined {
    return this.strings("architectures")?.[0];
  }

  /** Refuses a setting that would change the computation and is not available. */
  refuse(key: string, neutral: unknown): void {
    const value = this.json[key] ?? neutral;
    if (value !== neutral)
      throw new LecternError("unsupported", `config.json: ${key} = ${shown(value)} is not supported`);
  }

  #wrong(key: string, expected: string, value: unknown): string {
    return `config.json: ${key} must be ${expected}; got ${shown(value)}`;
  }
}
