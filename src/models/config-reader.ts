import { check, LecternError } from "../common/index.ts";

/** Reads the fields of a `config.json` with their types checked; every failure names the field. */
export class ConfigReader {
  readonly json: Readonly<Record<string, unknown>>;

  readonly #tensors: readonly string[];

  /** @param tensors the names of the checkpoint's tensors, where one is at hand */
  constructor(json: Readonly<Record<string, unknown>>, tensors: readonly string[] = []) {
    this.json = json;
    this.#tensors = tensors;
  }

  /** Whether the checkpoint has a tensor of such a name. */
  hasTensor(name: RegExp): boolean {
    return this.#tensors.some((tensor) => name.test(tensor));
  }

  /** A reader of the same file in which some fields go by other names. */
  renamed(names: Readonly<Record<string, string>>): ConfigReader {
    const entries = Object.entries(this.json).map(([key, value]) => [names[key] ?? key, value] as const);
    return new ConfigReader(Object.fromEntries(entries), this.#tensors);
  }

  /** A reader of the same file in which absent fields have other values. */
  withDefaults(defaults: Readonly<Record<string, unknown>>): ConfigReader {
    return new ConfigReader({ ...defaults, ...this.json }, this.#tensors);
  }

  /** A whole number from zero. */
  count(key: string, fallback: number): number {
    return (this.json[key] ?? fallback) === 0 ? 0 : this.size(key, fallback);
  }

  /** A whole number above zero. */
  size(key: string, fallback?: number): number {
    const value = this.json[key] ?? fallback;
    const fits = typeof value === "number" && Number.isSafeInteger(value) && value > 0 && value < 2 ** 31;
    check(fits, "config", () => `config.json: ${key} must be a whole number above 0; got ${JSON.stringify(value)}`);
    return value as number;
  }

  number(key: string, fallback?: number): number {
    const value = this.json[key] ?? fallback;
    const fits = typeof value === "number" && Number.isFinite(value);
    check(fits, "config", () => `config.json: ${key} must be a number; got ${JSON.stringify(value)}`);
    return value as number;
  }

  /** A token id; undefined where the file has none or null. */
  tokenId(key: string, fallback?: number): number | undefined {
    const value = this.json[key] === undefined ? fallback : (this.json[key] ?? undefined);
    const isWithoutPadding = key === "pad_token_id" && value === -1; // as the first LLaMA's, and as in torch
    check(
      value === undefined || isWithoutPadding || (Number.isSafeInteger(value) && (value as number) >= 0),
      "config",
      () => `config.json: ${key} must be a token id or null; got ${JSON.stringify(value)}`,
    );
    return value as number | undefined;
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.json[key] ?? fallback;
    check(
      typeof value === "boolean",
      "config",
      () => `config.json: ${key} must be true or false; got ${JSON.stringify(value)}`,
    );
    return value;
  }

  string(key: string, fallback: string): string {
    const value = this.json[key] ?? fallback;
    check(
      typeof value === "string",
      "config",
      () => `config.json: ${key} must be a string; got ${JSON.stringify(value)}`,
    );
    return value;
  }

  /** Refuses a setting that would change the computation and is not available. */
  refuse(key: string, neutral: unknown): void {
    const value = this.json[key] ?? neutral;
    if (value !== neutral)
      throw new LecternError("unsupported", `config.json: ${key} = ${JSON.stringify(value)} is not supported`);
  }
}
