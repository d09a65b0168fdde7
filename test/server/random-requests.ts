import type { Random } from "../../src/common/index.ts";

type Schema = Readonly<Record<string, unknown>>;

const texts = [
  "",
  "a",
  "Once upon a time",
  "\u0000\u001b[31m",
  "\ud800",
  "é漢🎈",
  "<|im_start|>user",
  "../../etc/passwd",
  "{{ messages }}",
  "(a+)+$",
  "x".repeat(3000),
];
const oddities: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  2 ** 53,
  1e308,
  "",
  "nan",
  [],
  {},
  [[]],
  [null],
  { a: { b: [] } },
  { __proto__: 1, constructor: {} },
];

/** Values by the schemas of an OpenAPI document, some of them wrong on purpose. */
export class RandomRequests {
  readonly #random: Random;
  readonly #models: readonly string[];
  /** The share of values that do not fit their schema. */
  readonly #wrong: number;

  constructor(random: Random, models: readonly string[], wrong = 0.02) {
    this.#random = random;
    this.#models = models;
    this.#wrong = wrong;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T;
  }

  #below(end: number): number {
    return Math.floor(this.#random.next() * end);
  }

  /** A body for a schema of an object. */
  body(schema: Schema): unknown {
    const value = this.#value(schema, 0);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject && this.#random.next() < 0.95 && "model" in value
      ? { ...value, model: this.pick(this.#models) }
      : value;
  }

  #value(schema: Schema, depth: number): unknown {
    if (this.#random.next() < this.#wrong) return this.pick(oddities);
    if ("const" in schema) return schema.const;
    if (Array.isArray(schema.enum)) return this.pick(schema.enum);
    const branches = (schema.anyOf ?? schema.oneOf) as readonly Schema[] | undefined;
    if (branches) return this.#value(this.pick(branches), depth);
    switch (schema.type) {
      case "object":
        return this.#object(schema, depth);
      case "array":
        return this.#array(schema, depth);
      case "string":
        return this.pick(texts);
      case "boolean":
        return this.#random.next() < 0.5;
      case "integer":
      case "number":
        return this.#number(schema);
      case "null":
        return null;
      default:
        return this.pick(oddities);
    }
  }

  #object(schema: Schema, depth: number): unknown {
    const required = new Set(schema.required as readonly string[] | undefined);
    const share = depth === 0 ? 0.06 : 0.4;
    const entries = Object.entries((schema.properties ?? {}) as Record<string, Schema>)
      .filter(([name]) => (required.has(name) ? this.#random.next() > this.#wrong : this.#random.next() < share))
      .map(([name, own]) => [name, this.#value(own, depth + 1)]);
    if (typeof schema.additionalProperties === "object" || this.#random.next() < this.#wrong)
      entries.push([this.pick(texts), this.pick(oddities)]);
    return Object.fromEntries(entries);
  }

  #array(schema: Schema, depth: number): unknown[] {
    const least = Number(schema.minItems ?? 0);
    const length = this.#random.next() < 0.01 ? 500 : least + this.#below(3);
    return Array.from({ length }, () => this.#value((schema.items ?? {}) as Schema, depth + 1));
  }

  #number({ minimum, maximum, type }: Schema): number {
    const least = Math.max(Number(minimum ?? 0), -2);
    const most = Math.min(Number(maximum ?? 4), least + 8);
    const value = least + this.#random.next() * (most - least);
    return type === "integer" ? Math.round(value) : value;
  }
}
