import { halfValue } from "../../tensor/index.ts";

/**
 * Decodes whole blocks of one type, one after the other. Every step rounds to float32, in the order in which ggml
 * rounds, so that values are equal to the bit.
 */
export type Decoder = (bytes: Uint8Array, out: Float32Array) => void;

const { fround } = Math;

/** The float16 that stands at a byte. */
export function halfAt(bytes: Uint8Array, at: number): number {
  return halfValue((bytes[at] as number) | ((bytes[at + 1] as number) << 8));
}

/** Q4_0: scale d, 16 bytes of nibbles; the low ones are values 0 to 15. value = d · (q − 8). */
export const decodeQ4_0: Decoder = (bytes, out) => {
  for (let at = 0, to = 0; at < bytes.length; at += 18, to += 32) {
    const d = halfAt(bytes, at);
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 2 + i] as number;
      out[to + i] = d * ((q & 15) - 8);
      out[to + 16 + i] = d * ((q >> 4) - 8);
    }
  }
};

/** Q4_1: scale d, offset m, nibbles. value = d · q + m. */
export const decodeQ4_1: Decoder = (bytes, out) => {
  for (let at = 0, to = 0; at < bytes.length; at += 20, to += 32) {
    const [d, m] = [halfAt(bytes, at), halfAt(bytes, at + 2)];
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 4 + i] as number;
      out[to + i] = fround(d * (q & 15)) + m;
      out[to + 16 + i] = fround(d * (q >> 4)) + m;
    }
  }
};

/** Q5_0: scale d, 32 fifth bits, nibbles. value = d · (q − 16). */
export const decodeQ5_0: Decoder = (bytes, out) => {
  for (let at = 0, to = 0; at < bytes.length; at += 22, to += 32) {
    const d = halfAt(bytes, at);
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 6 + i] as number;
      out[to + i] = d * (((q & 15) | fifthBit(bytes, at + 2, i)) - 16);
      out[to + 16 + i] = d * (((q >> 4) | fifthBit(bytes, at + 2, i + 16)) - 16);
    }
  }
};

/** Q5_1: scale d, offset m, 32 fifth bits, nibbles. value = d · q + m. */
export const decodeQ5_1: Decoder = (bytes, out) => {
  for (let at = 0, to = 0; at < bytes.length; at += 24, to += 32) {
    const [d, m] = [halfAt(bytes, at), halfAt(bytes, at + 2)];
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 8 + i] as number;
      out[to + i] = fround(d * ((q & 15) | fifthBit(bytes, at + 4, i))) + m;
      out[to + 16 + i] = fround(d * ((q >> 4) | fifthBit(bytes, at + 4, i + 16))) + m;
    }
  }
};

function fifthBit(bytes: Uint8Array, at: number, i: number): number {
  return (((bytes[at + (i >> 3)] as number) >> (i & 7)) & 1) << 4;
}

/** Q8_0: scale d, 32 signed bytes. value = d · q. */
export const decodeQ8_0: Decoder = (bytes, out) => {
  for (let at = 0, to = 0; at < bytes.length; at += 34, to += 32) {
    const d = halfAt(bytes, at);
    for (let i = 0; i < 32; i++) out[to + i] = d * signed(bytes[at + 2 + i] as number);
  }
};

/** The signed value of a byte. */
export function signed(byte: number): number {
  return (byte << 24) >> 24;
}

/** The sixteen values that a nibble of the IQ4 types stands for. */
const STEPS = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

/** Twice the values of 4-bit floats, which an MXFP4 block's nibbles index. */
const DOUBLED = Int8Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

/** The power of two that MXFP4's {@link DOUBLED} values of a block are multiplied by: its exponent stands in one byte. */
export function powerAt(bytes: Uint8Array, at: number): number {
  return fround(2 ** ((bytes[at] as number) - 128));
}

/** The decoder of blocks of 32: a scale of `width` bytes, then nibbles that index a table of values. */
function tableDecoder(values: Int8Array, width: number, scaleAt: (bytes: Uint8Array, at: number) => number): Decoder {
  return (bytes, out) => {
    for (let at = 0, to = 0; at < bytes.length; at += width + 16, to += 32) {
      const scale = scaleAt(bytes, at);
      for (let i = 0; i < 16; i++) {
        const q = bytes[at + width + i] as number;
        out[to + i] = scale * (values[q & 15] as number);
        out[to + 16 + i] = scale * (values[q >> 4] as number);
      }
    }
  };
}

/** MXFP4: the exponent of a power of two, nibbles that index {@link DOUBLED}. */
export const decodeMXFP4 = tableDecoder(DOUBLED, 1, powerAt);

/** IQ4_NL: scale d, nibbles that index {@link STEPS}. */
export const decodeIQ4_NL = tableDecoder(STEPS, 2, halfAt);

/** IQ4_XS: scale d, and a 6-bit scale for each of 8 groups of 32, its high bits apart. */
export const decodeIQ4_XS: Decoder = (bytes, out) => {
  for (let at = 0, to = 0; at < bytes.length; at += 136, to += 256) {
    for (let group = 0; group < 8; group++) {
      const scale = xsScale(bytes, at, group);
      for (let i = 0; i < 16; i++) {
        const q = bytes[at + 8 + 16 * group + i] as number;
        out[to + 32 * group + i] = scale * (STEPS[q & 15] as number);
        out[to + 32 * group + 16 + i] = scale * (STEPS[q >> 4] as number);
      }
    }
  }
};

/** The scale of a group in IQ4_XS. */
export function xsScale(bytes: Uint8Array, at: number, group: number): number {
  const high = (bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8);
  const low = ((bytes[at + 4 + (group >> 1)] as number) >> (4 * (group & 1))) & 15;
  return fround(halfAt(bytes, at) * ((low | (((high >> (2 * group)) & 3) << 4)) - 32));
}

/** Q2_K: 16 groups of 16; each byte of scales holds a scale (low) and an offset (high), both 4 bits. */
export const decodeQ2_K: Decoder = (bytes, out) => {
  for (let at = 0, to = 0; at < bytes.length; at += 84, to += 256) {
    const [d, dMin] = [halfAt(bytes, at + 80), halfAt(bytes, at + 82)];
    for (let group = 0; group < 16; group++) {
      const packed = bytes[at + group] as number;
      const [scale, offset] = [fround(d * (packed & 15)), fround(dMin * (packed >> 4))];
      const [from, shift] = [at + 16 + groupStart(group), 2 * ((group >> 1) & 3)];
      for (let i = 0; i < 16; i++)
        out[to + 16 * group + i] = fround(scale * (((bytes[from + i] as number) >> shift) & 3)) - offset;
    }
  }
};

/** The first byte of a group of 16, in types that keep four groups in the bits of the same bytes. */
function groupStart(group: number): number {
  return 32 * (group >> 3) + 16 * (group & 1);
}

/** Q3_K: 16 groups of 16; the third bit of a value stands apart, and says 4 less where it is 0. */
export const decodeQ3_K: Decoder = (bytes, out) => {
  for (let at = 0, to = 0; at < bytes.length; at += 110, to += 256) {
    const d = halfAt(bytes, at + 108);
    for (let group = 0; group < 16; group++) {
      const scale = fround(d * (sixBitScale(bytes, at + 96, group) - 32));
      const [from, shift] = [at + 32 + groupStart(group), 2 * ((group >> 1) & 3)];
      const [mask, high] = [1 << (group >> 1), at + 16 * (group & 1)];
      for (let i = 0; i < 16; i++) {
        const low = ((bytes[from + i] as number) >> shift) & 3;
        out[to + 16 * group + i] = scale * ((bytes[high + i] as number) & mask ? low : low - 4);
      }
    }
  }
};

/** Q3_K's scales: 4 low bits in 8 bytes, 2 high bits in 4 more. */
export function sixBitScale(bytes: Uint8Array, at: number, group: number): number {
  const low = ((bytes[at + (group & 7)] as number) >> (group < 8 ? 0 : 4)) & 15;
  return low | ((((bytes[at + 8 + (group & 3)] as number) >> (2 * (group >> 2))) & 3) << 4);
}

/** Q4_K: 8 groups of 32 with 6-bit scales and offsets; nibbles of two neighbouring groups share their bytes. */
export const decodeQ4_K: Decoder = (bytes, out) => {
  for (let at = 0, to = 0; at < bytes.length; at += 144, to += 256) {
    const [d, dMin] = [halfAt(bytes, at), halfAt(bytes, at + 2)];
    for (let group = 0; group < 8; group++) {
      const scale = fround(d * scaleOf(bytes, at + 4, group));
      const offset = fround(dMin * offsetOf(bytes, at + 4, group));
      const [from, shift] = [at + 16 + 32 * (group >> 1), 4 * (group & 1)];
      for (let i = 0; i < 32; i++)
        out[to + 32 * group + i] = fround(scale * (((bytes[from + i] as number) >> shift) & 15)) - offset;
    }
  }
};

/** Q5_K: as Q4_K, with the fifth bits of all groups in 32 bytes, a bit for each group. */
export const decodeQ5_K: Decoder = (bytes, out) => {
  for (let at = 0, to = 0; at < bytes.length; at += 176, to += 256) {
    const [d, dMin] = [halfAt(bytes, at), halfAt(bytes, at + 2)];
    for (let group = 0; group < 8; group++) {
      const scale = fround(d * scaleOf(bytes, at + 4, group));
      const offset = fround(dMin * offsetOf(bytes, at + 4, group));
      const [from, shift] = [at + 48 + 32 * (group >> 1), 4 * (group & 1)];
      for (let i = 0; i < 32; i++) {
        const fifth = (((bytes[at + 16 + i] as number) >> group) & 1) << 4;
        const q = (((bytes[from + i] as number) >> shift) & 15) | fifth;
        out[to + 32 * group + i] = fround(scale * q) - offset;
      }
    }
  }
};

/** The 6-bit scale of a group in the 12 bytes of Q4_K and Q5_K. */
export function scaleOf(bytes: Uint8Array, at: number, group: number): number {
  if (group < 4) return (bytes[at + group] as number) & 63;
  return ((bytes[at + group + 4] as number) & 15) | (((bytes[at + group - 4] as number) >> 6) << 4);
}

/** The 6-bit offset of a group, beside {@link scaleOf}. */
export function offsetOf(bytes: Uint8Array, at: number, group: number): number {
  if (group < 4) return (bytes[at + group + 4] as number) & 63;
  return ((bytes[at + group + 4] as number) >> 4) | (((bytes[at + group] as number) >> 6) << 4);
}

/** Q6_K: 16 groups of 16 with signed 8-bit scales; 4 low bits and 2 high bits apart. value = d · scale · (q − 32). */
export const decodeQ6_K: Decoder = (bytes, out) => {
  for (let at = 0, to = 0; at < bytes.length; at += 210, to += 256) {
    const d = halfAt(bytes, at + 208);
    for (let group = 0; group < 16; group++) {
      const scale = fround(d * signed(bytes[at + 192 + group] as number));
      const [half, quarter] = [group >> 3, (group >> 1) & 3]; // of the block, and of its half
      const inner = 16 * (group & 1);
      const [low, lowShift] = [at + 64 * half + 32 * (quarter & 1) + inner, 4 * (quarter >> 1)];
      const [high, highShift] = [at + 128 + 32 * half + inner, 2 * quarter];
      for (let i = 0; i < 16; i++) {
        const q =
          (((bytes[low + i] as number) >> lowShift) & 15) | ((((bytes[high + i] as number) >> highShift) & 3) << 4);
        out[to + 16 * group + i] = scale * (q - 32);
      }
    }
  }
};
