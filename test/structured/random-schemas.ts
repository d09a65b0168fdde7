import type { Random } from "../../src/common/index.ts";
import type { Automaton, State } from "../../src/grammar/index.ts";

type Schema = Record<string, unknown> | boolean;

const NAMES = ["a", "b", "name", "größe", "x-1", "id"];
const PATTERNS = ["^[a-z]+$", "^\\d{2,4}$", "b", "^(foo|bär)?$", '^[^"\\\\]{0,3}$', "é|\\n", "^x", "[A-Z]$"];
const FORMATS = [
  "date",
  "time",
  "date-time",
  "email",
  "hostname",
  "ipv4",
  "ipv6",
  "uuid",
  "uri",
  "json-pointer",
  "duration",
];
const VALUES = [null, true, false, 0, 1, -2.5, "", "a", "b", 'é\n"', [], [1, 2], { a: 1 }, { b: null, a: "x" }];

/** Writes random schemas. */
export class SchemaWriter {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  below(count: number): number {
    return Math.floor(this.#random.next() * count);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  #chance(share: number): boolean {
    return this.#random.next() < share;
  }

  /** A document with a definition that schemas refer to. */
  document(): Schema {
    const root = this.schema(3);
    if (typeof root === "boolean") return root;
    return { ...root, $defs: { d: this.#chance(0.3) ? this.#definition() : { type: "integer" } } };
  }

  /** No reference to itself alone: Ajv does not end on it, wherever it stands. */
  #definition(): Schema {
    const schema = this.schema(1);
    return typeof schema === "object" && "$ref" in schema ? true : schema;
  }

  schema(depth: number): Schema {
    if (this.#chance(0.06)) return this.#chance(0.8);
    const kinds = [
      () => this.#typed(depth),
      () => this.#typed(depth),
      () => this.#typed(depth),
      () => this.#typed(depth),
      () => ({ enum: Array.from({ length: 1 + this.below(4) }, () => this.#pick(VALUES)) }),
      () => ({ const: this.#pick(VALUES) }),
      () => this.#combined(depth),
      () => ({ ...(this.#typed(depth) as object), ...(this.#combined(depth) as object) }),
      () => ({ $ref: "#/$defs/d" }),
    ];
    return this.#pick(kinds)();
  }

  #schemas(depth: number): Schema[] {
    return Array.from({ length: 1 + this.below(3) }, () => this.schema(depth - 1));
  }

  #combined(depth: number): Schema {
    if (depth <= 0) return { type: this.#pick(["integer", "string", "null"]) };
    const kinds = [
      () => ({ anyOf: this.#schemas(depth) }),
      () => ({ oneOf: this.#schemas(depth) }),
      () => ({ allOf: this.#schemas(depth) }),
      () => ({ not: this.schema(depth - 1) }),
      () => Object.fromEntries(["if", "then", "else"].map((key) => [key, this.schema(depth - 1)])),
    ];
    return this.#pick(kinds)();
  }

  #typed(depth: number): Schema {
    const kinds = [() => this.#number(), () => this.#string(), () => ({ type: this.#pick(["null", "boolean"]) })];
    if (depth > 0)
      kinds.push(
        () => this.#array(depth),
        () => this.#object(depth),
        () => this.#object(depth),
      );
    return this.#pick(kinds)() as Schema;
  }

  #some(parts: Record<string, () => unknown>, share: number): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(parts).flatMap(([key, make]) => (this.#chance(share) ? [[key, make()]] : [])),
    );
  }

  #number(): Schema {
    const value = (): number => this.#pick([-1000, -10, -1.5, 0, 0.25, 1, 3, 7.5, 12, 100, 1234.5]);
    const keywords = {
      minimum: value,
      maximum: value,
      exclusiveMinimum: value,
      exclusiveMaximum: value,
      multipleOf: () => this.#pick([1, 2, 3, 0.5, 0.25, 7, 10]),
    };
    return { type: this.#pick(["number", "integer"]), ...this.#some(keywords, 0.25) };
  }

  #string(): Schema {
    const keywords = {
      minLength: () => this.below(5),
      maxLength: () => this.below(9),
      pattern: () => this.#pick(PATTERNS),
      format: () => this.#pick(FORMATS),
    };
    return { type: "string", ...this.#some(keywords, 0.25) };
  }

  #array(depth: number): Schema {
    const keywords = {
      items: () => this.schema(depth - 1),
      prefixItems: () => this.#schemas(depth),
      contains: () => this.schema(depth - 1),
      minContains: () => this.below(3),
      maxContains: () => this.below(4),
      minItems: () => this.below(4),
      maxItems: () => this.below(6),
      uniqueItems: () => this.#chance(0.8),
      unevaluatedItems: () => this.schema(depth - 1),
    };
    return { type: "array", ...this.#some(keywords, 0.25) };
  }

  #object(depth: number): Schema {
    const names = (): string[] => [...new Set(Array.from({ length: this.below(4) }, () => this.#pick(NAMES)))];
    const byName = (make: () => unknown): object => Object.fromEntries(names().map((name) => [name, make()]));
    const keywords = {
      required: names,
      additionalProperties: () => this.schema(depth - 1),
      patternProperties: () => ({
        [this.#pick(PATTERNS)]: this.schema(depth - 1),
        [this.#pick(PATTERNS)]: this.schema(depth - 1),
      }),
      propertyNames: () => ({ pattern: this.#pick(PATTERNS) }),
      minProperties: () => this.below(4),
      maxProperties: () => this.below(6),
      dependentRequired: () => byName(names),
      dependentSchemas: () => byName(() => this.schema(depth - 1)),
      unevaluatedProperties: () => this.schema(depth - 1),
    };
    const properties = this.#chance(0.8) ? { properties: byName(() => this.schema(depth - 1)) } : {};
    return { type: "object", ...properties, ...this.#some(keywords, 0.18) };
  }
}

/** After so many bytes a walk looks for the end. */
const LONG = 200;
const LONGEST = 2000;
/** The bytes that close a value, and those that the patterns ask for. */
const CLOSING = [...new TextEncoder().encode('"}]0123456789,:nulltruefalse\\bé')];

const ALL_BYTES = Array.from({ length: 256 }, (_, byte) => byte);

/** A random text that an automaton takes; undefined where a walk finds no end. A dead end is an error. */
export function randomText(automaton: Automaton, below: (count: number) => number): string | undefined {
  const bytes: number[] = [];
  let state: State = automaton.start;
  while (bytes.length < LONGEST) {
    const here = state;
    const isLive = (byte: number): boolean => automaton.step(here, byte) !== null;
    const isLong = bytes.length > LONG;
    const guesses = [...(isLong ? CLOSING : []), ...Array.from({ length: 8 }, () => below(256))].filter(isLive);
    const next = guesses.length > 0 ? guesses : ALL_BYTES.filter(isLive);
    if (next.length === 0 && !state.isComplete) throw new Error(`a dead end after ${Buffer.from(bytes)}`);
    if (state.isComplete && (next.length === 0 || isLong || below(3) === 0))
      return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes));
    const closing = CLOSING.find((byte) => next.includes(byte));
    // not always: a key may need a certain letter before it can be closed
    const isClosed = isLong && closing !== undefined && below(4) > 0;
    const byte = isClosed ? closing : (next[below(next.length)] as number);
    bytes.push(byte);
    state = automaton.step(state, byte) as State;
  }
  return undefined;
}
