import { check, shown } from "../../common/index.ts";
import type { GgufValue } from "./header.ts";

/** Reads the metadata of a file with types checked; every failure names the key. */
export class GgufMetadata {
  readonly #file: string;
  readonly #entries: ReadonlyMap<string, GgufValue>;

  constructor(file: string, entries: ReadonlyMap<string, GgufValue>) {
    this.#file = file;
    this.#entries = entries;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  string(key: string, fallback?: string): string {
    const value = this.#get(key, fallback);
    check(typeof value === "string", "file", () => this.#wrong(key, "a text"));
    return value;
  }

  number(key: string, fallback?: number): number {
    const value = this.#get(key, fallback);
    check(typeof value === "number" && Number.isFinite(value), "file", () => this.#wrong(key, "one number"));
    return value;
  }

  /** A number, or the largest of a list with one for each layer. */
  largest(key: string, fallback?: number): number {
    return Array.isArray(this.#entries.get(key)) ? Math.max(0, ...this.numbers(key)) : this.number(key, fallback);
  }

  isList(key: string): boolean {
    return Array.isArray(this.#entries.get(key));
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.#get(key, fallback);
    check(typeof value === "boolean", "file", () => this.#wrong(key, "true or false"));
    return value;
  }

  strings(key: string): readonly string[] {
    const value = this.#get(key, undefined);
    const fits = Array.isArray(value) && value.every((entry) => typeof entry === "string");
    check(fits, "file", () => this.#wrong(key, "a list of texts"));
    return value as readonly string[];
  }

  numbers(key: string): readonly number[] {
    const value = this.#get(key, undefined);
    const fits = Array.isArray(value) && value.every((entry) => typeof entry === "number");
    check(fits, "file", () => this.#wrong(key, "a list of numbers"));
    return value as readonly number[];
  }

  /** A list of true and false, or of numbers that are 0 where it is false. */
  flags(key: string): readonly boolean[] {
    const value = this.#get(key, undefined);
    const fits = Array.isArray(value) && value.every((entry) => typeof entry !== "string");
    check(fits, "file", () => this.#wrong(key, "a list of true and false"));
    return (value as readonly (number | boolean)[]).map(Boolean);
  }

  /** A number where the file gives one. */
  optional(key: string): number | undefined {
    return this.has(key) ? this.number(key) : undefined;
  }

  #get(key: string, fallback: GgufValue | undefined): GgufValue {
    const value = this.#entries.get(key) ?? fallback;
    check(value !== undefined, "file", () => `${this.#file}: the metadata lack ${key}, which this model needs`);
    return value;
  }

  #wrong(key: string, expected: string): string {
    const value = this.#entries.get(key);
    const got = Array.isArray(value) ? `a list of ${value.length} values` : shown(value);
    return `${this.#file}: ${key} must be ${expected}; got ${got}`;
  }
}
