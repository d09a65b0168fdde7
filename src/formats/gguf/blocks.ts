import { ownEntry } from "../../common/index.ts";
import { type BlockForm, type Blocks, packLevels } from "../quantized/matrix.ts";
import { halfAt, offsetOf, powerAt, scaleOf, signed, sixBitScale, xsScale } from "./dequantize.ts";
import type { GgufType } from "./types.ts";

const { fround } = Math;

/** The way in which the blocks of a type are computed with, without rounding a level: value = scale · q + offset. */
interface BlockType {
  readonly bits: BlockForm["bits"];
  /** The number of weights that share a scale. */
  readonly group: number;
  /** Whole number that is taken from each q, so that it fits into `bits` around 0, and given back as an offset. */
  readonly shift: number;
  /** Bytes of a block under which its scales are 1 and its offsets 0, so that its decoder yields the levels. */
  readonly unit: readonly (readonly [at: number, ...bytes: number[]])[];
  /** The scale of a group of the block at a byte. */
  scale(bytes: Uint8Array, at: number, group: number): number;
  /** The offset of a group; default: none. */
  offset?(bytes: Uint8Array, at: number, group: number): number;
}

/** The float16 1, and 0. */
const ONE = [0x00, 0x3c] as const;
const ZERO = [0, 0] as const;

const first = (bytes: Uint8Array, at: number): number => halfAt(bytes, at);
const second = (bytes: Uint8Array, at: number): number => halfAt(bytes, at + 2);

/** Of Q4_K and Q5_K: 6-bit scales of 1 and offsets of 0. */
const unitK = [
  [0, ...ONE, ...ZERO],
  [4, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1],
] as const;
const scaleK: BlockType["scale"] = (bytes, at, group) => fround(first(bytes, at) * scaleOf(bytes, at + 4, group));
const offsetK: BlockType["scale"] = (bytes, at, group) => -fround(second(bytes, at) * offsetOf(bytes, at + 4, group));

/** 33, as a 6-bit scale from which 32 is taken, in low and high bits. */
const lows = (count: number): number[] => Array.from({ length: count }, () => 0x11);
const highs = (count: number): number[] => Array.from({ length: count }, () => 0xaa);

const plain = { group: 32, unit: [[0, ...ONE]], scale: first } as const;
const withMinimum = { group: 32, unit: [[0, ...ONE, ...ZERO]], scale: first, offset: second } as const;

/** The types of blocks, by their name; 5 and 6 bits, and the steps of the IQ4 types, are kept in 8. */
const blockTypes: Readonly<Record<string, BlockType>> = {
  Q4_0: { ...plain, bits: 4, shift: 0 },
  Q4_1: { ...withMinimum, bits: 4, shift: 8 },
  Q5_0: { ...plain, bits: 8, shift: 0 },
  Q5_1: { ...withMinimum, bits: 8, shift: 16 },
  Q8_0: { ...plain, bits: 8, shift: 0 },
  IQ4_NL: { ...plain, bits: 8, shift: 0 },
  MXFP4: { bits: 8, group: 32, shift: 0, unit: [[0, 128]], scale: powerAt },
  IQ4_XS: {
    bits: 8,
    group: 32,
    shift: 0,
    unit: [[0, ...ONE, ...highs(2), ...lows(4)]],
    scale: (bytes, at, group) => xsScale(bytes, at, group),
  },
  Q2_K: {
    bits: 4,
    group: 16,
    shift: 0,
    unit: [
      [0, ...Array.from({ length: 16 }, () => 1)],
      [80, ...ONE, ...ZERO],
    ],
    scale: (bytes, at, group) => fround(halfAt(bytes, at + 80) * ((bytes[at + group] as number) & 15)),
    offset: (bytes, at, group) => -fround(halfAt(bytes, at + 82) * ((bytes[at + group] as number) >> 4)),
  },
  Q3_K: {
    bits: 4,
    group: 16,
    shift: 0,
    unit: [[96, ...lows(8), ...highs(4), ...ONE]],
    scale: (bytes, at, group) => fround(halfAt(bytes, at + 108) * (sixBitScale(bytes, at + 96, group) - 32)),
  },
  Q4_K: { bits: 4, group: 32, shift: 8, unit: unitK, scale: scaleK, offset: offsetK },
  Q5_K: { bits: 8, group: 32, shift: 16, unit: unitK, scale: scaleK, offset: offsetK },
  Q6_K: {
    bits: 8,
    group: 16,
    shift: 0,
    unit: [[192, ...Array.from({ length: 16 }, () => 1), ...ONE]],
    scale: (bytes, at, group) => fround(halfAt(bytes, at + 208) * signed(bytes[at + 192 + group] as number)),
  },
};

/** The form in which blocks of a type are computed with; undefined for types whose values stand for themselves. */
export function blockFormOf({ name }: GgufType): BlockForm | undefined {
  const type = ownEntry(blockTypes, name);
  if (!type) return undefined;
  return { bits: type.bits, block: type.group, hasOffsets: type.offset !== undefined, isPermuted: false };
}

/** Whole blocks of a type in its form. */
export function blocksOf(bytes: Uint8Array, { name, values, bytes: size, form }: GgufType): Blocks {
  const type = ownEntry(blockTypes, name);
  if (!type || typeof form === "string") throw new TypeError(`${name} has no blocks`);
  const { bits, group, shift } = type;
  const middle = 2 ** (bits - 1);
  const count = bytes.length / size;
  const perBlock = values / group;
  const scales = new Float32Array(count * perBlock);
  const offsets = new Float32Array(type.offset ? scales.length : 0);
  const units = bytes.slice();
  for (let block = 0; block < count; block++) {
    const at = block * size;
    for (let i = 0; i < perBlock; i++) {
      const scale = type.scale(bytes, at, i);
      scales[block * perBlock + i] = scale;
      if (type.offset) offsets[block * perBlock + i] = type.offset(bytes, at, i) + shift * scale;
    }
    for (const [from, ...unit] of type.unit) units.set(unit, at + from);
  }
  const whole = new Float32Array(count * values);
  form(units, whole);
  const levels = new Uint8Array(whole.length);
  for (let i = 0; i < levels.length; i++) levels[i] = (whole[i] as number) - shift + middle;
  return { levels: packLevels(levels, bits), scales, ...(type.offset && { offsets }) };
}
