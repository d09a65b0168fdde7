/**
 * The loops that run once a parameter in every step, four float32 numbers at a time, as WebAssembly. JavaScript knows no
 * float32 arithmetic of several numbers at once: its loops take about six times as long.
 */
export interface VectorLoops {
  /** Adam's step of a parameter; all four arrays lie at byte addresses and end where `end` says for the first. */
  adam(weights: number, gradient: number, first: number, second: number, end: number, ...by: AdamScalars): void;
  /** Multiplies all numbers in [start, end). */
  scale(start: number, end: number, factor: number): void;
  /** The sum of the squares in [start, end), added up in float64. */
  sumOfSquares(start: number, end: number): number;
  /** kept · mean + gain · value, in place of the mean. */
  mix(mean: number, value: number, end: number, kept: number, gain: number): void;
}

/** As `plainAdam` takes them. */
export type AdamScalars = readonly [
  beta1: number,
  gain1: number,
  beta2: number,
  gain2: number,
  size: number,
  correction: number,
  epsilon: number,
  shrink: number,
];

type Code = readonly number[];

/** LEB128 without a sign. */
function unsigned(value: number): Code {
  const low = value & 0x7f;
  return value > 0x7f ? [low | 0x80, ...unsigned(value >>> 7)] : [low];
}

const vector = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
const sized = (code: Code): Code => [...unsigned(code.length), ...code];
const named = (name: string): Code => sized([...new TextEncoder().encode(name)]);
const section = (id: number, items: readonly Code[]): Code => [id, ...sized(vector(items))];

/** Types and instructions, by their numbers in the specification (WebAssembly 2.0, "Binary format"). */
const type = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;
const simd = (code: number, ...operands: number[]): Code => [0xfd, ...unsigned(code), ...operands];
const get = (local: number): Code => [0x20, ...unsigned(local)];
const set = (local: number): Code => [0x21, ...unsigned(local)];
const loadFour = (address: number): Code => [...get(address), ...simd(0x00, 2, 0)];
const storeFour = (address: number, value: Code): Code => [...get(address), ...value, ...simd(0x0b, 2, 0)];
/** Two numbers at an address and `offset` bytes, as float64. */
const loadTwo = (address: number, offset: number): Code => [...get(address), ...simd(0x5d, 2, offset), ...simd(0x5f)];
const spread = (scalar: number): Code => [...get(scalar), ...simd(0x13)];
const sqrt = (a: Code): Code => [...a, ...simd(0xe3)];
const add = (a: Code, b: Code): Code => [...a, ...b, ...simd(0xe4)];
const sub = (a: Code, b: Code): Code => [...a, ...b, ...simd(0xe5)];
const mul = (a: Code, b: Code): Code => [...a, ...b, ...simd(0xe6)];
const div = (a: Code, b: Code): Code => [...a, ...b, ...simd(0xe7)];
const addTwo = (a: Code, b: Code): Code => [...a, ...b, ...simd(0xf0)];
const mulTwo = (a: Code, b: Code): Code => [...a, ...b, ...simd(0xf2)];
const lane = (a: Code, index: number): Code => [...a, ...simd(0x21, index)];
const addDoubles = (a: Code, b: Code): Code => [...a, ...b, 0xa0];

interface Loop {
  readonly name: string;
  /** Addresses are the first parameters, the first one's end follows, then float32 scalars; then vectors as locals. */
  readonly addresses: number;
  readonly scalars: number;
  readonly locals?: number;
  readonly body: Code;
  /** A float64 to be returned. */
  readonly result?: Code;
}

/** Repeats a body, every address moved on by four numbers each time, until the first comes to its end. */
function functionBody({ addresses, locals = 0, body, result = [] }: Loop): Code {
  const moved = Array.from({ length: addresses }, (_, i) => [...get(i), 0x41, 16, 0x6a, ...set(i)]).flat();
  const loop = [0x03, 0x40, ...body, ...moved, ...get(0), ...get(addresses), 0x49, 0x0d, 0, 0x0b];
  return sized([...vector(locals > 0 ? [[...unsigned(locals), type.v128]] : []), ...loop, ...result, 0x0b]);
}

function functionType({ addresses, scalars, result }: Loop): Code {
  const parameters = [...Array(addresses + 1).fill(type.i32), ...Array(scalars).fill(type.f32)] as number[];
  return [0x60, ...sized(parameters), ...sized(result ? [type.f64] : [])];
}

function adamLoop(): Loop {
  const [weights, gradient, first, second] = [0, 1, 2, 3];
  const [beta1, gain1, beta2, gain2, size, correction, epsilon, shrink] = [5, 6, 7, 8, 9, 10, 11, 12].map(spread) as [
    Code,
    Code,
    Code,
    Code,
    Code,
    Code,
    Code,
    Code,
  ];
  const [g, m, v] = [13, 14, 15];
  const square = mul(get(g), get(g));
  const move = div(mul(get(m), size), add(mul(sqrt(get(v)), correction), epsilon));
  const body = [
    ...[...loadFour(gradient), ...set(g)],
    ...[...add(mul(loadFour(first), beta1), mul(get(g), gain1)), ...set(m)],
    ...[...add(mul(loadFour(second), beta2), mul(square, gain2)), ...set(v)],
    ...storeFour(first, get(m)),
    ...storeFour(second, get(v)),
    ...storeFour(weights, sub(mul(loadFour(weights), shrink), move)),
  ];
  return { name: "adam", addresses: 4, scalars: 8, locals: 3, body };
}

function sumLoop(): Loop {
  const [low, high, x] = [2, 3, 4];
  const body = [
    ...[...loadTwo(0, 0), ...set(x), ...addTwo(get(low), mulTwo(get(x), get(x))), ...set(low)],
    ...[...loadTwo(0, 8), ...set(x), ...addTwo(get(high), mulTwo(get(x), get(x))), ...set(high)],
  ];
  const all = addTwo(get(low), get(high));
  return {
    name: "sumOfSquares",
    addresses: 1,
    scalars: 0,
    locals: 3,
    body,
    result: addDoubles(lane(all, 0), lane(all, 1)),
  };
}

const loops: readonly Loop[] = [
  adamLoop(),
  { name: "scale", addresses: 1, scalars: 1, body: storeFour(0, mul(loadFour(0), spread(2))) },
  sumLoop(),
  {
    name: "mix",
    addresses: 2,
    scalars: 2,
    body: storeFour(0, add(mul(loadFour(0), spread(3)), mul(loadFour(1), spread(4)))),
  },
];

/** The module: the loops over a memory that is given. */
function moduleBytes(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, loops.map(functionType)),
    ...section(2, [[...named("lectern"), ...named("memory"), 2, 0, 0]]),
    ...section(
      3,
      loops.map((_, i) => [i]),
    ),
    ...section(
      7,
      loops.map(({ name }, i) => [...named(name), 0, i]),
    ),
    ...section(10, loops.map(functionBody)),
  ]);
}

/** The loops over a memory. @internal Its type needs the DOM library. */
export function vectorLoops(memory: WebAssembly.Memory): VectorLoops {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()), { lectern: { memory } });
  return instance.exports as typeof instance.exports & VectorLoops;
}
