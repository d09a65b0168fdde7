import type { Random } from "../../src/common/index.ts";

type Json = unknown;
type Holder = Record<string | number, Json>;

/** Numbers at which sizes, counts and shares break. */
const NUMBERS = [
  0,
  -1,
  1,
  2,
  3,
  0.5,
  1.5,
  -0.5,
  7,
  127,
  255,
  256,
  1000,
  65536,
  1e5,
  1e6,
  1e8,
  1e9,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  1e12,
  2 ** 53,
  1e18,
  1e300,
  -1e9,
  -(2 ** 31),
  1e-300,
];

/** Names that every object inherits, and paths that lead out of a directory. */
export const NAMES = [
  "constructor",
  "__proto__",
  "prototype",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "length",
  "default",
  "then",
];

const TEXTS = [
  "",
  " ",
  "a",
  "\0",
  "..",
  ".",
  "/",
  "../..",
  "/etc/passwd",
  "\ud800",
  "\u{1f600}",
  "\r\n",
  "NaN",
  "null",
  "true",
  "-1",
  "1e9",
  "(",
  "[",
  "(a+)+$",
  "{{",
  "{% for i in range(10) %}{{ i }}{% endfor %}",
  "\u202e",
  "\ufeff",
  "%s%n",
  ...NAMES,
];

/** Draws values and changes of values. */
export class Mutator {
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  below(bound: number): number {
    return this.random.nextInt(bound);
  }

  chance(share: number): boolean {
    return this.random.next() < share;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  number(): number {
    return this.pick(NUMBERS);
  }

  text(): string {
    return this.chance(0.05)
      ? this.pick(["a", "\u00e9", "(", "[1,"]).repeat(10 ** (1 + this.below(5)))
      : this.pick(TEXTS);
  }

  /** Any value of JSON, most of them small. */
  value(depth = 0): Json {
    const kind = this.below(depth > 3 ? 4 : 8);
    if (kind === 0) return this.pick([null, true, false]);
    if (kind < 3) return this.number();
    if (kind === 3) return this.text();
    if (kind === 4) return Array.from({ length: this.below(4) }, () => this.value(depth + 1));
    if (kind === 5)
      return Object.fromEntries(Array.from({ length: this.below(3) }, () => [this.text(), this.value(depth + 1)]));
    if (kind === 6) return nested(10 ** (1 + this.below(3)), this.chance(0.5));
    return [this.value(depth + 1)];
  }

  /** A changed copy of a value of JSON: usually one change, sometimes several. */
  json<T>(value: T): T {
    const root = { value: structuredClone(value) as Json };
    for (let changes = this.chance(0.75) ? 1 : 1 + this.below(4); changes > 0; changes--) this.#change(root);
    return root.value as T;
  }

  #change(root: { value: Json }): void {
    const [holder, key] = this.#place(root as unknown as Holder);
    const value = holder[key];
    const isList = Array.isArray(holder);
    switch (this.below(9)) {
      case 0:
        if (isList) holder.splice(key as number, 1);
        else if (holder !== (root as unknown)) delete holder[key];
        return;
      case 1:
        own(holder, key, this.#nudged(value));
        return;
      case 2: // another name, or one more
        if (isList) holder.splice(key as number, 0, structuredClone(value), this.value());
        else own(holder, this.text(), value);
        return;
      case 3: {
        const [other, place] = this.#place(root as unknown as Holder);
        own(holder, key, structuredClone(other[place]));
        return;
      }
      case 4:
        own(holder, key, this.pick([[value], { value }, [value, value], typeof value === "object" ? [] : `${value}`]));
        return;
      default:
        own(holder, key, this.value());
    }
  }

  /** Some place of a tree, places near the root more often. */
  #place(root: Holder): [Holder, string | number] {
    let holder = root;
    let key: string | number = "value";
    while (true) {
      const inner: Json = holder[key];
      const keys: string[] = typeof inner === "object" && inner !== null ? Object.keys(inner) : [];
      if (keys.length === 0 || (holder !== root && this.chance(0.4))) return [holder, key];
      holder = inner as Holder;
      const found: string = this.pick(keys);
      key = Array.isArray(holder) ? Number(found) : found;
    }
  }

  #nudged(value: Json): Json {
    if (typeof value === "number")
      return this.pick([value + 1, value - 1, -value, value * 2, value / 2, value * 1e9, value + 0.5, value * 7]);
    if (typeof value === "string")
      return this.chance(0.5) ? value + this.text() : value.slice(0, this.below(value.length + 1));
    if (typeof value === "boolean") return !value;
    if (Array.isArray(value))
      return this.pick([[], value.slice(0, this.below(value.length + 1)), [...value, ...value]]);
    return this.value();
  }

  /** JSON as text, sometimes damaged as text only can be. */
  jsonText(value: Json): string {
    const text = JSON.stringify(value) ?? "";
    if (this.chance(0.85)) return text;
    const at = this.below(text.length + 1);
    const put = (piece: string): string => text.slice(0, at) + piece + text.slice(at);
    return this.pick([
      () => text.slice(0, at),
      () => `\ufeff${text}`,
      () => text + text,
      () => put(this.text()),
      () => text.replace("{", '{"__proto__": {"x": 1}, "constructor": null,'),
      () => text.replace(/:\s*\d+/, ": NaN"),
      () => text.replace(/:\s*\d+/, ": 1e999"),
      () => text.replace(/:\s*\d+/, ": -Infinity"),
      () => "",
      () => "[".repeat(100_000),
      () => text.replace(/"(\w+)":/, '"$1": [], "$1":'),
    ])();
  }

  /** Changed bytes: flips, cuts, doubled and inserted pieces; `within` bounds where. */
  bytes(bytes: Uint8Array, within = bytes.length): Uint8Array {
    let data = Uint8Array.from(bytes);
    for (let changes = 1 + this.below(3); changes > 0; changes--) {
      const at = this.below(Math.max(1, Math.min(within, data.length)));
      const length = this.below(Math.min(64, data.length - at + 1));
      switch (this.below(7)) {
        case 0:
          data = data.slice(0, at);
          break;
        case 1:
          data = joined(data.subarray(0, at), data.subarray(at, at + length), data.subarray(at));
          break;
        case 2:
          data = joined(data.subarray(0, at), data.subarray(at + length));
          break;
        case 3:
          data = joined(
            data.subarray(0, at),
            Uint8Array.from({ length }, () => this.below(256)),
            data.subarray(at),
          );
          break;
        case 4: // a whole number, as headers have them
          if (at + 8 <= data.length) this.#writeNumber(data, at);
          break;
        default:
          if (data.length > 0) data[at] = (data[at] as number) ^ (1 << this.below(8));
      }
    }
    return data;
  }

  #writeNumber(data: Uint8Array, at: number): void {
    const view = new DataView(data.buffer, data.byteOffset);
    const value = this.number();
    if (this.chance(0.5)) view.setUint32(at, value, true);
    else
      view.setBigUint64(
        at,
        BigInt.asUintN(64, BigInt(Math.trunc(Math.max(-(2 ** 63), Math.min(2 ** 63, value))))),
        true,
      );
  }
}

/** Sets an entry that may be called `__proto__`. */
function own(holder: Holder, key: string | number, value: Json): void {
  if (key === "__proto__")
    Object.defineProperty(holder, key, { value, enumerable: true, writable: true, configurable: true });
  else holder[key] = value;
}

function nested(depth: number, isList: boolean): Json {
  let value: Json = 1;
  for (let i = 0; i < depth; i++) value = isList ? [value] : { a: value };
  return value;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
